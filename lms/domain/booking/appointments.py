"""Book, move, swap and cancel appointments. No other module changes an appointment that is booked."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from lms.domain import audit_log, outbox
from lms.domain.booking import (
    allocation,
    caps,
    kept,
    occupancy,
    offers,
    stored_conflicts,
    waitlist,
    withdrawal,
)
from lms.domain.booking.attendance import set_attendance
from lms.domain.booking.availability_search import iso_week_of
from lms.domain.booking.coverage import Coverage
from lms.domain.booking.permissions import check_may_manage
from lms.domain.booking.queries import check_upcoming
from lms.domain.errors import Refused
from lms.domain.people import locks
from lms.models import Attendance, AuditAction, Booking, BookingState, Mode, Organisation, Person
from lms.refusal_codes import RefusalCode

# The columns that a slot sets: two bookings that are swapped exchange all of them.
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
    """Book one slot for a learner; the actor is the learner, or acts on behalf of the learner.

    Closes the waitlist entry of the learner, unless an open offer still waits for an answer. Booking the hour
    that is offered to the learner accepts the offer; booking the one that is kept for the learner takes the
    appointment back, and booking another one gives it up.

    Refusals: `busy_yourself`, `not_bookable`, `offer_over`, `slot_gone`, `slot_taken`, `too_far`,
    `too_many_open`, `too_soon`, `undo_over`, `week_full`.
    """
    organisation = session.get_one(Organisation, 1)
    offer = waitlist.find_held_offer(session, learner, teacher_id, starts, now=now)
    if offer is not None:
        return waitlist.accept_offer(session, actor, offer, mode=mode, now=now, zone=zone)
    wanted = teacher_id, starts, mode
    for held in kept.kept_for(session, learner.id):
        same = (held.teacher_id, held.starts, held.mode) == wanted
        if same and kept.can_be_taken_back(held, now=now):
            return undo_cancellation(session, actor, held, now=now, zone=zone)
    allocation.check_notice(organisation, starts, no_lead=actor.id == teacher_id, now=now)
    given_up = kept.lock_and_give_up(session, learner.id, teacher_id)
    slot = allocation.find_bookable_slot(session, organisation, learner, *wanted, now=now, zone=zone)
    booking = allocation.new_booking(learner.id, teacher_id, actor.id, BookingState.BOOKED, now=now)
    allocation.set_slot(booking, slot, organisation, zone=zone)
    allocation.save_and_claim(session, booking)
    waitlist.close_after_booking(session, learner.id, now=now)
    allocation.notify_both(session, booking, "booking_made", actor_id=actor.id, now=now)
    audit_log.record(session, actor, AuditAction.BOOKING_MADE, "booking", booking.id, now=now)
    kept.offer_given_up(session, given_up, now=now, zone=zone)
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
    """Move the appointment to another slot of the same teacher; its sequence rises by one.

    For another teacher, cancel it and book another one.

    Refusals: `already_begun`, `already_cancelled`, `busy_yourself`, `slot_gone`, `slot_taken`, `too_far`,
    `too_soon`, `week_full`.
    """
    organisation = session.get_one(Organisation, 1)
    offers.lock_people_and_waitlist(session, booking.learner_id, booking.teacher_id)
    session.refresh(booking)
    check_upcoming(booking, now=now)
    if (booking.starts, booking.mode) == (starts, mode):
        return booking
    allocation.check_notice(organisation, starts, no_lead=actor.id == booking.teacher_id, now=now)
    learner_id, teacher_id = booking.learner_id, booking.teacher_id
    slot = allocation.find_slot(
        session, organisation, learner_id, teacher_id, starts, mode, moving=booking, zone=zone
    )
    load = caps.count_load(session, organisation, [learner_id], moving=booking, now=now)
    caps.check_weekly_cap(load, learner_id, iso_week_of(starts, zone=zone))
    left = offers.FreedTime.by(booking)
    allocation.set_slot(booking, slot, organisation, zone=zone)
    _record_change(booking, now=now)
    allocation.save_and_claim(session, booking)
    outbox.void_items(session, booking.id, now=now)
    allocation.notify_both(session, booking, "booking_moved", actor_id=actor.id, now=now)
    audit_log.record(session, actor, AuditAction.BOOKING_MOVED, "booking", booking.id, now=now)
    offers.offer_to_waitlist(session, left, now=now, zone=zone)
    return booking


def swap(
    session: Session, actor: Person, first: Booking, second: Booking, *, now: datetime, zone: ZoneInfo
) -> None:
    """Exchange the slots of two learners of one teacher, with mode and room.

    Both bookings keep their ids, and their sequences rise by one. The slots are never free in between, so
    nothing is offered to the waitlist.

    Refusals: `already_begun`, `already_cancelled`, `learner_busy`, `not_swappable`, `slot_taken`,
    `week_full`.
    """
    check_may_manage(actor, first.teacher_id)
    if first.teacher_id != second.teacher_id or first.learner_id == second.learner_id:
        raise Refused(RefusalCode.NOT_SWAPPABLE)
    locks.lock_people(session, first.teacher_id, first.learner_id, second.learner_id)
    occupancy.lock_rooms(session, {room for room in (first.room_id, second.room_id) if room})
    both = (first, second)
    for booking in both:
        session.refresh(booking)
        check_upcoming(booking, now=now)
    for booking, wanted in (both, both[::-1]):
        _check_learner_free(session, booking, wanted, now=now)
    hours = [{name: getattr(booking, name) for name in _HOUR} for booking in both]
    for booking, hour in zip(both, reversed(hours), strict=True):
        occupancy.release(session, booking)
        for name, value in hour.items():
            setattr(booking, name, value)
        _record_change(booking, now=now)
    for booking in both:
        allocation.save_and_claim(session, booking)
        outbox.void_items(session, booking.id, now=now)
        allocation.notify_both(session, booking, "booking_moved", actor_id=actor.id, now=now)
        audit_log.record(session, actor, AuditAction.BOOKING_SWAPPED, "booking", booking.id, now=now)
    stored_conflicts.store_conflicts(session, first.teacher_id, now=now, zone=zone)


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
    """Cancel the appointment and offer the freed time to the waitlist.

    What the learner cancels is kept for the learner for some minutes (`undo_cancellation`): the messages are
    due and the waitlist is asked after that. A conflicting appointment is not kept. When somebody else
    cancels it in the meantime, it is free at once.

    A cancellation is late only when the learner cancels. `cancelled_by_teacher`: the teacher cannot come;
    the learner gets the next offers before all others on the waitlist.

    Refusals: `already_begun`, `already_cancelled`.
    """
    organisation = session.get_one(Organisation, 1)
    offers.lock_people_and_waitlist(session, booking.learner_id, booking.teacher_id)
    session.refresh(booking)
    by_learner = actor.id == booking.learner_id
    if booking.is_kept and not by_learner:
        kept.release_kept(session, booking)
        offers.offer_to_waitlist(session, offers.FreedTime.by(booking), now=now, zone=zone)
        return booking
    check_upcoming(booking, now=now)
    is_kept = by_learner and Coverage(session, [booking], zone).against(booking) is None
    if by_learner and is_late(organisation, booking, now=now):
        set_attendance(booking, actor, Attendance.LATE_CANCEL, now=now)
    booking.state, booking.cancelled_by_teacher = BookingState.CANCELLED, cancelled_by_teacher
    booking.cancelled_at, booking.cancelled_by_id, booking.reason = now, actor.id, reason[:200]
    booking.sequence, booking.changed_at, booking.conflict = booking.sequence + 1, now, None
    booking.kept_until = kept.keep_until(booking.starts, now=now) if is_kept else None
    session.flush()
    outbox.void_items(session, booking.id, now=now)
    sequence, due_at = booking.sequence, booking.kept_until
    for person in allocation.participants(session, booking):
        outbox.post(
            session,
            "booking_cancelled",
            person,
            booking.id,
            sequence=sequence,
            actor_id=actor.id,
            due_at=due_at,
            now=now,
        )
    audit_log.record(session, actor, AuditAction.BOOKING_CANCELLED, "booking", booking.id, now=now)
    if cancelled_by_teacher:
        waitlist.give_priority(session, actor, booking, now=now)
    if not is_kept:
        occupancy.release(session, booking)
        offers.offer_to_waitlist(session, offers.FreedTime.by(booking), now=now, zone=zone)
    return booking


def undo_cancellation(
    session: Session, actor: Person, booking: Booking, *, now: datetime, zone: ZoneInfo
) -> Booking:
    """Take back an appointment that its learner has just cancelled; taken back already, it stays as it is.

    Nothing of the cancellation remains but two events and a sequence that is two higher: no message, no mark.
    An offer that is one appointment too many now is withdrawn.

    Refusals: `not_bookable`, `slot_gone`, `undo_over`.
    """
    offers.lock_people_and_waitlist(session, booking.learner_id, booking.teacher_id)
    session.refresh(booking)
    if booking.is_booked:
        return booking
    if not kept.can_be_taken_back(booking, now=now):
        raise Refused(RefusalCode.UNDO_OVER)
    learner = session.get_one(Person, booking.learner_id)
    session.refresh(learner, ["deactivated_at"])
    if not learner.takes_appointments:
        raise Refused(RefusalCode.NOT_BOOKABLE)
    if Coverage(session, [booking], zone).against(booking) is not None:
        raise Refused(RefusalCode.SLOT_GONE)
    booking.state, booking.kept_until, booking.reason = BookingState.BOOKED, None, ""
    booking.cancelled_at = booking.cancelled_by_id = None
    set_attendance(booking, actor, None, now=now)
    booking.sequence, booking.changed_at = booking.sequence + 1, now
    stored_conflicts.store_conflicts(session, booking.teacher_id, now=now, zone=zone)
    outbox.void_items(session, booking.id, now=now)
    allocation.notify_again(session, booking, booking.sequence - 2, now=now)
    audit_log.record(session, actor, AuditAction.BOOKING_TAKEN_BACK, "booking", booking.id, now=now)
    if waitlist.open_offers(session, learner, now=now):
        withdrawal.withdraw_uncovered_offers(session, teacher_id=booking.teacher_id, now=now, zone=zone)
    return booking


def is_late(organisation: Organisation, booking: Booking, *, now: datetime) -> bool:
    """Return whether a cancellation by the learner would be late now."""
    return booking.starts - now < timedelta(hours=organisation.late_cancel_hours)


def _record_change(booking: Booking, *, now: datetime) -> None:
    booking.sequence += 1
    booking.changed_at = now
    booking.conflict_accepted_at = booking.conflict = None


def _check_learner_free(session: Session, booking: Booking, wanted: Booking, *, now: datetime) -> None:
    """Check that the learner of `booking` is free at the slot of `wanted`, without the claims of either."""
    organisation, both = session.get_one(Organisation, 1), {booking.id, wanted.id}
    taken = occupancy.load_occupancy(session, organisation, wanted.starts, wanted.ends, but=both)
    if not taken.is_person_free(booking.learner_id, wanted.starts, wanted.ends):
        raise Refused(RefusalCode.LEARNER_BUSY)
    load = caps.count_load(session, organisation, [booking.learner_id], moving=booking, now=now)
    caps.check_weekly_cap(load, booking.learner_id, wanted.iso_week)
