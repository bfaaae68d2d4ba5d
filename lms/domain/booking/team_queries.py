"""What the team has to do about appointments: attendance to mark, conflicts, swaps, a teacher's absence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.booking import absence, conflicts
from lms.domain.booking.queries import with_people
from lms.domain.booking.slots import instants
from lms.models import AppointmentRecord, Booking, BookingState, Person, Role

# Older attendance is not asked for: nobody remembers it.
UNMARKED_SHOWN = timedelta(days=7)


def unmarked_appointments(session: Session, teacher: Person, *, now: datetime) -> Sequence[Booking]:
    """Return the teacher's appointments of the last seven days without attendance, the earliest first."""
    return session.scalars(
        select(Booking)
        .where(
            Booking.teacher_id == teacher.id,
            Booking.state == BookingState.BOOKED,
            Booking.record.has(AppointmentRecord.attendance.is_(None)),
            Booking.starts > now - UNMARKED_SHOWN,
            Booking.ends <= now,
        )
        .order_by(Booking.starts, Booking.id)
    ).all()


def conflicts_for(
    session: Session, person: Person, *, now: datetime, zone: ZoneInfo
) -> list[conflicts.Conflict]:
    """Return the conflicting appointments about which this person decides.

    A coordinator decides about all, a teacher about the teacher's own, others about none.
    """
    if Role.COORDINATOR in person.roles:
        return conflicts.upcoming_conflicts(session, None, now=now, zone=zone)
    if Role.TEACHER in person.roles:
        return conflicts.upcoming_conflicts(session, person, now=now, zone=zone)
    return []


def swap_candidates(session: Session, booking: Booking, *, now: datetime) -> Sequence[Booking]:
    """Return the upcoming appointments of the same teacher with other learners, for a swap."""
    return session.scalars(
        with_people()
        .where(
            Booking.teacher_id == booking.teacher_id,
            Booking.learner_id != booking.learner_id,
            Booking.state == BookingState.BOOKED,
            Booking.starts > now,
        )
        .order_by(Booking.starts, Booking.id)
    ).all()


@dataclass(frozen=True)
class TeacherDay:
    """Appointments of a teacher on a day that may be cancelled, with their people."""

    ahead: list[Booking]  # what would be cancelled
    offers: int  # open offers, which would be withdrawn
    cancelled_by_teacher: list[Booking]  # what was cancelled already
    closed: bool


def teacher_day(session: Session, teacher: Person, day: date, *, now: datetime, zone: ZoneInfo) -> TeacherDay:
    """Return the teacher's appointments and open offers of one local day."""
    begin, end = instants(day, day, zone)
    found = session.scalars(
        with_people()
        .where(Booking.teacher_id == teacher.id, Booking.starts >= begin, Booking.starts < end)
        .order_by(Booking.starts, Booking.id)
    ).all()
    # The same query as in `absence.cancel_day`; the statement above has loaded the people.
    ahead = absence.upcoming_on(session, teacher, day, now=now, zone=zone)
    return TeacherDay(
        ahead=[booking for booking in ahead if booking.is_booked],
        offers=sum(booking.is_offer for booking in ahead),
        cancelled_by_teacher=[booking for booking in found if booking.cancelled_by_teacher],
        closed=absence.is_day_closed(session, teacher, day),
    )
