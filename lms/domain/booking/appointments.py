"""Book, move, swap, cancel: the one path on which an appointment changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from lms.domain import audit_log, outbox
from lms.domain.booking import allocation, caps, occupancy, offers, waitlist
from lms.domain.booking.attendance import set_attendance
from lms.domain.booking.availability_search import iso_week_of
from lms.domain.booking.permissions import check_may_manage
from lms.domain.booking.queries import check_upcoming
from lms.domain.errors import Refused
from lms.models import Attendance, AuditAction, Booking, BookingState, Mode, Organisation, Person
from lms.refusal_codes import RefusalCode

# What makes an hour: two bookings that are swapped exchange it whole.
_HOUR = ("starts", "ends", "blocked_until", "local_start", "time_zone", "iso_week", "mode", "room_id")


def book(
    session: Session,
    actor: Person,
    learner: Person,
    teacher_id: str,
    starts: datetime,
    mode: Mode,
    *,
    now: datetime,
    zone: ZoneInfo,
) -> Booking:
    """Book one hour for a learner, by herself or on her behalf. Refused when it cannot be.

    Who waited for an hour waits no longer, unless one is being offered to her: that one she still answers.

    Refusals: `busy_yourself`, `not_bookable`, `slot_gone`, `slot_taken`, `too_far`, `too_many_open`,
    `too_soon`, `week_full`.
    """
    service = session.get_one(Organisation, 1)
    allocation.check_notice(service, starts, on_behalf=actor.id != learner.id, now=now)
    occupancy.lock_people(session, learner.id, teacher_id)
    session.refresh(learner, ["deactivated_at"])  # she may have left while this waited
    if not learner.is_learner or not learner.is_active or teacher_id == learner.id:
        raise Refused(RefusalCode.NOT_BOOKABLE)
    slot = allocation.find_slot(session, service, learner.id, teacher_id, starts, mode, zone=zone)
    load = caps.count_load(session, service, [learner.id], now=now)
    caps.check_weekly_cap(load, learner.id, iso_week_of(starts, zone=zone))
    caps.check_open_cap(load, learner.id)
    booking = allocation.new_booking(learner.id, teacher_id, actor.id, BookingState.BOOKED, now=now)
    allocation.set_slot(booking, slot, service, zone=zone)
    allocation.save_and_claim(session, booking)
    waitlist.close_after_booking(session, learner.id, now=now)
    allocation.notify_both(session, booking, "booking_made", now=now)
    audit_log.record(session, actor, AuditAction.BOOKING_MADE, "booking", booking.id, now=now)
    return booking


def move(
    session: Session,
    actor: Person,
    booking: Booking,
    starts: datetime,
    mode: Mode,
    *,
    now: datetime,
    zone: ZoneInfo,
) -> Booking:
    """Another hour of the same teacher: the same booking, its sequence one higher.

    Another teacher is another booking: cancel and book.

    Refusals: `already_begun`, `already_cancelled`, `busy_yourself`, `slot_gone`, `slot_taken`, `too_far`,
    `too_soon`, `week_full`.
    """
    service = session.get_one(Organisation, 1)
    waitlist.lock_people_and_waitlist(session, booking.learner_id, booking.teacher_id)
    session.refresh(booking)
    check_upcoming(booking, now=now)
    if (booking.starts, booking.mode) == (starts, mode):
        return booking
    allocation.check_notice(service, starts, on_behalf=actor.id != booking.learner_id, now=now)
    learner_id, teacher_id = booking.learner_id, booking.teacher_id
    slot = allocation.find_slot(
        session, service, learner_id, teacher_id, starts, mode, moving=booking, zone=zone
    )
    load = caps.count_load(session, service, [learner_id], moving=booking, now=now)
    caps.check_weekly_cap(load, learner_id, iso_week_of(starts, zone=zone))
    left = offers.FreedTime.by(booking)
    allocation.set_slot(booking, slot, service, zone=zone)
    _changed(booking, now=now)
    allocation.save_and_claim(session, booking)
    outbox.void_items(session, booking.id, now=now)
    allocation.notify_both(session, booking, "booking_moved", now=now)
    audit_log.record(session, actor, AuditAction.BOOKING_MOVED, "booking", booking.id, now=now)
    offers.offer_to_waitlist(session, left, now=now, zone=zone)
    return booking


def swap(
    session: Session, actor: Person, one: Booking, other: Booking, *, now: datetime, zone: ZoneInfo
) -> None:
    """Two learners of one teacher exchange their hours, the place and the way with them.

    Both bookings stay who they are, with their sequence one higher. Nothing is free in between.

    Refusals: `already_begun`, `already_cancelled`, `learner_busy`, `not_swappable`, `slot_taken`,
    `week_full`.
    """
    check_may_manage(actor, one.teacher_id)
    if one.teacher_id != other.teacher_id or one.learner_id == other.learner_id:
        raise Refused(RefusalCode.NOT_SWAPPABLE)
    occupancy.lock_people(session, one.teacher_id, one.learner_id, other.learner_id)
    occupancy.lock_rooms(session, {room for room in (one.room_id, other.room_id) if room})
    both = (one, other)
    for booking in both:
        session.refresh(booking)
        check_upcoming(booking, now=now)
    for booking, wanted in (both, both[::-1]):
        _free_to_come(session, booking, wanted, now=now)
    hours = [{name: getattr(booking, name) for name in _HOUR} for booking in both]
    for booking, hour in zip(both, reversed(hours), strict=True):
        occupancy.release(session, booking)
        for name, value in hour.items():
            setattr(booking, name, value)
        _changed(booking, now=now)
    for booking in both:
        allocation.save_and_claim(session, booking)
        outbox.void_items(session, booking.id, now=now)
        allocation.notify_both(session, booking, "booking_moved", now=now)
        audit_log.record(session, actor, AuditAction.BOOKING_SWAPPED, "booking", booking.id, now=now)


def cancel(
    session: Session,
    actor: Person,
    booking: Booking,
    reason: str,
    *,
    cancelled_by_teacher: bool = False,
    now: datetime,
    zone: ZoneInfo,
) -> Booking:
    """Give the hour back; who waits longest is asked next. Late is late only when the learner cancels.

    Called off, because her teacher cannot come: she is asked first when there are new hours.

    Refusals: `already_begun`, `already_cancelled`.
    """
    service = session.get_one(Organisation, 1)
    waitlist.lock_people_and_waitlist(session, booking.learner_id, booking.teacher_id)
    session.refresh(booking)
    check_upcoming(booking, now=now)
    by_learner = actor.id == booking.learner_id
    if by_learner and booking.starts - now < timedelta(hours=service.late_cancel_hours):
        set_attendance(booking, actor, Attendance.LATE_CANCEL, now=now)
    booking.state, booking.cancelled_by_teacher = BookingState.CANCELLED, cancelled_by_teacher
    booking.cancelled_at, booking.cancelled_by_id, booking.reason = now, actor.id, reason[:200]
    _changed(booking, now=now)
    session.flush()
    occupancy.release(session, booking)
    outbox.void_items(session, booking.id, now=now)
    for person in allocation.participants(session, booking):
        outbox.post(session, "booking_cancelled", person, booking.id, sequence=booking.sequence, now=now)
    audit_log.record(session, actor, AuditAction.BOOKING_CANCELLED, "booking", booking.id, now=now)
    if cancelled_by_teacher:
        waitlist.give_priority(session, actor, booking, now=now)
    offers.offer_to_waitlist(session, offers.FreedTime.by(booking), now=now, zone=zone)
    return booking


def _changed(booking: Booking, *, now: datetime) -> None:
    booking.sequence += 1
    booking.changed_at = now
    booking.conflict_accepted_at = None


def _free_to_come(session: Session, booking: Booking, wanted: Booking, *, now: datetime) -> None:
    """Check that the learner of one booking can come at the slot of the other, both released."""
    service, both = session.get_one(Organisation, 1), {booking.id, wanted.id}
    taken = occupancy.load_occupancy(session, service, wanted.starts, wanted.ends, but=both)
    if not taken.is_person_free(booking.learner_id, wanted.starts, wanted.ends):
        raise Refused(RefusalCode.LEARNER_BUSY)
    load = caps.count_load(session, service, [booking.learner_id], moving=booking, now=now)
    caps.check_weekly_cap(load, booking.learner_id, wanted.iso_week)
