"""Book, move, swap, cancel: the one path on which an appointment changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain import audit_log, outbox
from lms.domain.booking import allocation, occupancy, offers, waitlist
from lms.domain.booking.availability_search import iso_week_of
from lms.domain.booking.queries import check_upcoming
from lms.domain.booking.slots import Mode, cells
from lms.domain.errors import Absent, Refused
from lms.models import Booking, Organisation, Person

# What makes an hour: two bookings that are swapped exchange it whole.
_HOUR = ("starts", "ends", "free_at", "wall_start", "time_zone", "week", "mode", "room_id")


def book(
    session: Session,
    learner: Person,
    by: Person,
    teacher_id: str,
    starts: datetime,
    mode: Mode,
    now: datetime,
    zone: ZoneInfo = BRUSSELS,
) -> Booking:
    """Book one hour for a learner, by herself or on her behalf. Refused when it cannot be.

    Who waited for an hour waits no longer, unless one is being offered to her: that one she still answers.
    """
    service = session.get_one(Organisation, 1)
    allocation.check_notice(service, starts, now, on_behalf=by.id != learner.id)
    occupancy.lock_people(session, learner.id, teacher_id)
    session.refresh(learner, ["deactivated_at"])  # she may have left while this waited
    if not learner.is_learner or not learner.is_active or teacher_id == learner.id:
        raise Refused("not_bookable")
    slot = allocation.find_slot(session, service, learner.id, teacher_id, starts, mode, zone)
    allocation.check_weekly_cap(session, service, learner.id, iso_week_of(starts, zone))
    allocation.check_open_cap(session, service, learner.id, now)
    booking = allocation.new_booking(learner.id, teacher_id, by.id, "booked", now)
    allocation.set_slot(booking, slot, service, zone)
    allocation.save_and_claim(session, booking)
    waitlist.close_after_booking(session, learner.id, now)
    allocation.notify_both(session, booking, "booking_made", now)
    audit_log.record(session, by, "booking_made", "booking", booking.id, now=now)
    return booking


def move(
    session: Session,
    booking: Booking,
    by: Person,
    starts: datetime,
    mode: Mode,
    now: datetime,
    zone: ZoneInfo = BRUSSELS,
) -> Booking:
    """Another hour of the same teacher: the same booking, its sequence one higher.

    Another teacher is another booking: cancel and book.
    """
    service = session.get_one(Organisation, 1)
    waitlist.lock_people_and_waitlist(session, booking.learner_id, booking.teacher_id)
    session.refresh(booking)
    check_upcoming(booking, now)
    if (booking.starts, booking.mode) == (starts, mode):
        return booking
    allocation.check_notice(service, starts, now, on_behalf=by.id != booking.learner_id)
    learner_id, teacher_id = booking.learner_id, booking.teacher_id
    slot = allocation.find_slot(session, service, learner_id, teacher_id, starts, mode, zone, moving=booking)
    if (week := iso_week_of(starts, zone)) != booking.week:
        allocation.check_weekly_cap(session, service, learner_id, week)
    left = offers.FreedTime.by(booking)
    allocation.set_slot(booking, slot, service, zone)
    _changed(booking, now)
    allocation.save_and_claim(session, booking)
    outbox.void_items(session, booking.id, now)
    allocation.notify_both(session, booking, "booking_moved", now)
    audit_log.record(session, by, "booking_moved", "booking", booking.id, now=now)
    offers.offer_to_waitlist(session, left, now, zone)
    return booking


def swap(
    session: Session, one: Booking, other: Booking, by: Person, now: datetime, zone: ZoneInfo = BRUSSELS
) -> None:
    """Two learners of one teacher exchange their hours, the place and the way with them.

    Both bookings stay who they are, with their sequence one higher. Nothing is free in between.
    """
    if one.teacher_id != other.teacher_id or one.learner_id == other.learner_id:
        raise Refused("not_swappable")
    if by.id != one.teacher_id and "coordinator" not in by.roles:
        raise Absent
    occupancy.lock_people(session, one.teacher_id, one.learner_id, other.learner_id)
    occupancy.lock_rooms(session, {room for room in (one.room_id, other.room_id) if room})
    both = (one, other)
    for booking in both:
        session.refresh(booking)
        check_upcoming(booking, now)
    for booking, wanted in (both, both[::-1]):
        _free_to_come(session, booking, wanted)
    hours = [{name: getattr(booking, name) for name in _HOUR} for booking in both]
    for booking, hour in zip(both, reversed(hours), strict=True):
        occupancy.release(session, booking)
        for name, value in hour.items():
            setattr(booking, name, value)
        _changed(booking, now)
    for booking in both:
        allocation.save_and_claim(session, booking)
        outbox.void_items(session, booking.id, now)
        allocation.notify_both(session, booking, "booking_moved", now)
        audit_log.record(session, by, "booking_swapped", "booking", booking.id, now=now)


def cancel(
    session: Session,
    booking: Booking,
    by: Person,
    reason: str,
    now: datetime,
    zone: ZoneInfo = BRUSSELS,
    *,
    called_off: bool = False,
) -> Booking:
    """Give the hour back; who waits longest is asked next. Late is late only when the learner cancels.

    Called off, because her teacher cannot come: she is asked first when there are new hours.
    """
    service = session.get_one(Organisation, 1)
    waitlist.lock_people_and_waitlist(session, booking.learner_id, booking.teacher_id)
    session.refresh(booking)
    check_upcoming(booking, now)
    hers = by.id == booking.learner_id
    booking.late_cancel = hers and booking.starts - now < timedelta(hours=service.late_cancel_hours)
    booking.state, booking.called_off = "cancelled", called_off
    booking.cancelled_at, booking.cancelled_by_id, booking.reason = now, by.id, reason[:200]
    _changed(booking, now)
    session.flush()
    occupancy.release(session, booking)
    outbox.void_items(session, booking.id, now)
    for person in allocation.participants(session, booking):
        outbox.post(session, "booking_cancelled", person, booking.id, sequence=booking.sequence, now=now)
    audit_log.record(session, by, "booking_cancelled", "booking", booking.id, now=now)
    if called_off:
        waitlist.give_priority(session, booking, by, now)
    offers.offer_to_waitlist(session, offers.FreedTime.by(booking), now, zone)
    return booking


def _changed(booking: Booking, now: datetime) -> None:
    booking.sequence += 1
    booking.changed_at = now
    booking.kept_at = None


def _free_to_come(session: Session, booking: Booking, wanted: Booking) -> None:
    """Whether the learner of a booking can come at the hour of another, both given back."""
    held = occupancy.occupied(
        session, wanted.starts, wanted.ends, but={booking.id, wanted.id}, person_id=booking.learner_id
    )
    if any((booking.learner_id, cell) in held for cell in cells(wanted.starts, wanted.ends)):
        raise Refused("learner_busy")
    if booking.week != wanted.week:
        allocation.check_weekly_cap(
            session, session.get_one(Organisation, 1), booking.learner_id, wanted.week
        )
