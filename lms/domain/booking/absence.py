"""Absence of a teacher: an appointment changes only when somebody cancels it or decides to keep it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.booking import availability, offers, stored_conflicts, waitlist, withdrawal
from lms.domain.booking.appointments import cancel
from lms.domain.booking.availability import WeeklyHours
from lms.domain.booking.permissions import check_may_manage
from lms.domain.booking.slots import instants
from lms.domain.errors import Refused
from lms.domain.people import locks
from lms.models import HOLDING, AuditAction, Booking, DayKind, Person, SpecialDay
from lms.refusal_codes import RefusalCode


def upcoming_on(
    session: Session, teacher: Person, day: date, *, now: datetime, zone: ZoneInfo
) -> list[Booking]:
    """Return the appointments and open offers of the teacher on that day that have not begun."""
    return list(session.scalars(_upcoming_on_day(teacher, day, now=now, zone=zone)))


def cancel_day(
    session: Session, actor: Person, teacher: Person, day: date, *, now: datetime, zone: ZoneInfo
) -> list[Booking]:
    """Close a day of the teacher and cancel all appointments of that day that have not begun.

    The reason of the absence is personal and is not stored. The learners are notified, no attendance is
    marked, and they get the next offers before all others on the waitlist. Returns the cancelled
    appointments.

    Refusals: `already_begun`, `already_cancelled`, `dates_backward`, `dates_too_long`, `day_over`,
    `hours_backward`, `hours_missing`, `room_missing`.
    """
    check_may_manage(actor, teacher.id)
    if day < now.astimezone(zone).date():
        raise Refused(RefusalCode.DAY_OVER)
    _lock_participants(session, teacher, _upcoming_on_day(teacher, day, now=now, zone=zone))
    if not is_day_closed(session, teacher, day):
        hours = WeeklyHours(None, None)
        availability.close_days(session, actor, teacher, (day, day), hours, "", now=now, zone=zone)
    cancelled_by_teacher = []
    for booking in upcoming_on(session, teacher, day, now=now, zone=zone):
        if booking.is_booked:  # the closing has withdrawn the offers
            cancelled_by_teacher.append(
                cancel(session, actor, booking, "", cancelled_by_teacher=True, now=now, zone=zone)
            )
    audit_log.record(
        session,
        actor,
        AuditAction.DAY_CALLED_OFF,
        "person",
        teacher.id,
        detail=str(len(cancelled_by_teacher)),
        now=now,
    )
    return cancelled_by_teacher


def accept_conflict(session: Session, actor: Person, booking: Booking, *, now: datetime) -> None:
    """Keep an appointment that the availability no longer covers: it is no longer listed as conflicting.

    Refusals: `already_cancelled`.
    """
    check_may_manage(actor, booking.teacher_id)
    locks.lock_people(session, booking.teacher_id)
    session.refresh(booking)
    if not booking.is_booked:
        raise Refused(RefusalCode.ALREADY_CANCELLED)
    booking.conflict_accepted_at, booking.conflict = now, None
    audit_log.record(session, actor, AuditAction.BOOKING_KEPT, "booking", booking.id, now=now)


def offboard(session: Session, actor: Person, person: Person, *, now: datetime, zone: ZoneInfo) -> int:
    """Cancel what belongs to roles that the person no longer has: as a teacher, as a learner, or both.

    The upcoming appointments are cancelled, the open offers withdrawn, the waitlist entry closed. Those who
    waited for this teacher wait for any teacher, and are offered what is free now. Returns the number of
    cancelled appointments.

    Refusals: `already_begun`, `already_cancelled`.
    """
    if person.gives_appointments and person.takes_appointments:
        return 0
    session.flush()
    ahead = _upcoming_of(person, now=now)
    if person.gives_appointments:
        ahead = ahead.where(Booking.teacher_id != person.id)
    if person.takes_appointments:
        ahead = ahead.where(Booking.learner_id != person.id)
    # The hours of all are offered at the end, where this is a teacher.
    others = [] if person.gives_appointments else stored_conflicts.all_teachers(session, now=now)
    _lock_participants(session, person, ahead, others)
    if not person.takes_appointments:
        waitlist.leave_waitlist(session, actor, person, now=now, zone=zone)
    entries = 0 if person.gives_appointments else waitlist.clear_teacher(session, person)
    lost = [booking for booking in session.scalars(ahead).all() if booking.is_booked]
    for booking in lost:
        by_teacher = booking.teacher_id == person.id
        cancel(session, actor, booking, "", cancelled_by_teacher=by_teacher, now=now, zone=zone)
    withdrawal.withdraw_uncovered_offers(session, teacher_id=person.id, now=now, zone=zone)
    if entries or any(booking.cancelled_by_teacher for booking in lost):
        waitlist.offer_new_hours(session, now=now, zone=zone)
    return len(lost)


def is_day_closed(session: Session, teacher: Person, day: date) -> bool:
    """Return whether the teacher has closed this whole day."""
    closed = exists().where(
        SpecialDay.teacher_id == teacher.id,
        SpecialDay.kind == DayKind.CLOSED,
        SpecialDay.start_wall.is_(None),
        SpecialDay.date_from <= day,
        SpecialDay.date_until >= day,
    )
    return bool(session.scalar(select(closed)))


def _upcoming_of(person: Person, *, now: datetime) -> Select[Booking]:
    own = or_(Booking.learner_id == person.id, Booking.teacher_id == person.id)
    return (
        select(Booking)
        .where(own, Booking.state.in_(HOLDING), Booking.starts > now)
        .order_by(Booking.starts, Booking.id)
    )


def _upcoming_on_day(teacher: Person, day: date, *, now: datetime, zone: ZoneInfo) -> Select[Booking]:
    begin, end = instants(day, day, zone)
    return _upcoming_of(teacher, now=now).where(
        Booking.teacher_id == teacher.id, Booking.starts >= begin, Booking.starts < end
    )


def _lock_participants(
    session: Session, person: Person, bookings: Select[Booking], others: Collection[str] = ()
) -> None:
    """Lock the person, the people of these bookings and all learners on the waitlist in one statement.

    With one statement for each, two transactions could deadlock. The bookings are not loaded here: the
    caller loads them under the lock.
    """
    rows = session.execute(bookings.with_only_columns(Booking.learner_id, Booking.teacher_id))
    people = {person_id for row in rows for person_id in row}
    offers.lock_people_and_waitlist(session, person.id, *people, *others)
