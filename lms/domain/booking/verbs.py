"""Book, move, swap, cancel: the one path on which an appointment changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain import journal, outbox
from lms.domain.booking import claims, freed, placing, waitlist
from lms.domain.booking.finders import still_ahead
from lms.domain.booking.hours import week_of
from lms.domain.errors import Absent, Refused
from lms.domain.slots import Mode, cells
from lms.models import Booking, Person, Service

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
    service = session.get_one(Service, 1)
    placing.in_time(service, starts, now, on_behalf=by.id != learner.id)
    claims.hold_people(session, learner.id, teacher_id)
    session.refresh(learner, ["deactivated_at"])  # she may have left while this waited
    if not learner.is_learner or not learner.is_active or teacher_id == learner.id:
        raise Refused("not_bookable")
    slot = placing.place(session, service, learner.id, teacher_id, starts, mode, zone)
    placing.week_has_room(session, service, learner.id, week_of(starts, zone))
    placing.few_enough_open(session, service, learner.id, now)
    booking = placing.fresh(learner.id, teacher_id, by.id, "booked", now)
    placing.put(booking, slot, service, zone)
    placing.claim(session, booking)
    waitlist.found_an_hour(session, learner.id, now)
    placing.tell(session, booking, "booking_made", now)
    journal.note(session, by, "booking_made", "booking", booking.id, now=now)
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
    service = session.get_one(Service, 1)
    waitlist.hold_people(session, booking.learner_id, booking.teacher_id)
    session.refresh(booking)
    still_ahead(booking, now)
    if (booking.starts, booking.mode) == (starts, mode):
        return booking
    placing.in_time(service, starts, now, on_behalf=by.id != booking.learner_id)
    learner_id, teacher_id = booking.learner_id, booking.teacher_id
    slot = placing.place(session, service, learner_id, teacher_id, starts, mode, zone, moving=booking)
    if (week := week_of(starts, zone)) != booking.week:
        placing.week_has_room(session, service, learner_id, week)
    left = freed.Freed.by(booking)
    placing.put(booking, slot, service, zone)
    _changed(booking, now)
    placing.claim(session, booking)
    outbox.void(session, booking.id, now)
    placing.tell(session, booking, "booking_moved", now)
    journal.note(session, by, "booking_moved", "booking", booking.id, now=now)
    freed.promote(session, left, now, zone)
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
    claims.hold_people(session, one.teacher_id, one.learner_id, other.learner_id)
    claims.hold_rooms(session, {room for room in (one.room_id, other.room_id) if room})
    both = (one, other)
    for booking in both:
        session.refresh(booking)
        still_ahead(booking, now)
    for booking, wanted in (both, both[::-1]):
        _free_to_come(session, booking, wanted)
    hours = [{name: getattr(booking, name) for name in _HOUR} for booking in both]
    for booking, hour in zip(both, reversed(hours), strict=True):
        claims.release(session, booking)
        for name, value in hour.items():
            setattr(booking, name, value)
        _changed(booking, now)
    for booking in both:
        placing.claim(session, booking)
        outbox.void(session, booking.id, now)
        placing.tell(session, booking, "booking_moved", now)
        journal.note(session, by, "booking_swapped", "booking", booking.id, now=now)


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
    service = session.get_one(Service, 1)
    waitlist.hold_people(session, booking.learner_id, booking.teacher_id)
    session.refresh(booking)
    still_ahead(booking, now)
    hers = by.id == booking.learner_id
    booking.late_cancel = hers and booking.starts - now < timedelta(hours=service.late_cancel_hours)
    booking.state, booking.called_off = "cancelled", called_off
    booking.cancelled_at, booking.cancelled_by_id, booking.reason = now, by.id, reason[:200]
    _changed(booking, now)
    session.flush()
    claims.release(session, booking)
    outbox.void(session, booking.id, now)
    for person in placing.both(session, booking):
        outbox.post(session, "booking_cancelled", person, booking.id, sequence=booking.sequence, now=now)
    journal.note(session, by, "booking_cancelled", "booking", booking.id, now=now)
    if called_off:
        waitlist.first_choice(session, booking, by, now)
    freed.promote(session, freed.Freed.by(booking), now, zone)
    return booking


def _changed(booking: Booking, now: datetime) -> None:
    booking.sequence += 1
    booking.changed_at = now
    booking.kept_at = None


def _free_to_come(session: Session, booking: Booking, wanted: Booking) -> None:
    """Whether the learner of a booking can come at the hour of another, both given back."""
    held = claims.taken(
        session, wanted.starts, wanted.ends, but={booking.id, wanted.id}, person_id=booking.learner_id
    )
    if any((booking.learner_id, cell) in held for cell in cells(wanted.starts, wanted.ends)):
        raise Refused("learner_busy")
    if booking.week != wanted.week:
        placing.week_has_room(session, session.get_one(Service, 1), booking.learner_id, wanted.week)
