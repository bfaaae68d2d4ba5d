"""What the team looks at around its sessions: what is still to mark, to exchange, to call off."""

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

# What was not marked by then, nobody remembers.
UNMARKED_SHOWN = timedelta(days=7)


def unmarked_appointments(session: Session, teacher: Person, *, now: datetime) -> Sequence[Booking]:
    """Her sessions of the last days of which nobody said what became of them, the first one first."""
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
    """List the appointments that no longer fit and about which this person decides.

    A coordinator decides about all, a teacher about her own, nobody else about any.
    """
    if Role.COORDINATOR in person.roles:
        return conflicts.upcoming_conflicts(session, None, now=now, zone=zone)
    if Role.TEACHER in person.roles:
        return conflicts.upcoming_conflicts(session, person, now=now, zone=zone)
    return []


def swap_candidates(session: Session, booking: Booking, *, now: datetime) -> Sequence[Booking]:
    """The other sessions ahead of this teacher, with whose learners this one could exchange hours."""
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
    """One day of a teacher who may not come, with the people of each appointment."""

    ahead: list[Booking]  # what would be cancelled
    offers: int  # hours that are being offered: taken back, nobody had agreed
    cancelled_by_teacher: list[Booking]  # what was cancelled because she could not come
    closed: bool


def teacher_day(session: Session, teacher: Person, day: date, *, now: datetime, zone: ZoneInfo) -> TeacherDay:
    """Return the teacher's appointments and open offers of one local day."""
    begin, end = instants(day, day, zone)
    found = session.scalars(
        with_people()
        .where(Booking.teacher_id == teacher.id, Booking.starts >= begin, Booking.starts < end)
        .order_by(Booking.starts, Booking.id)
    ).all()
    # The deed asks the same question; the people of each answer are loaded by now.
    ahead = absence.upcoming_on(session, teacher, day, now=now, zone=zone)
    return TeacherDay(
        ahead=[booking for booking in ahead if booking.is_booked],
        offers=sum(booking.is_offer for booking in ahead),
        cancelled_by_teacher=[booking for booking in found if booking.cancelled_by_teacher],
        closed=absence.is_day_closed(session, teacher, day),
    )
