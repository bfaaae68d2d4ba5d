"""What the team has to do about appointments: attendance to mark, conflicts, swaps, a teacher's absence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Integer, Row, String, bindparam, select
from sqlalchemy.orm import Session

from lms.domain.booking import absence, conflicts
from lms.domain.booking.queries import with_people
from lms.domain.booking.slots import HOUR, instants
from lms.domain.paging import Cut
from lms.extensions import UTCDateTime, read_rows
from lms.models import AppointmentRecord, Booking, BookingState, Mode, Person, Role

# Older attendance is not asked for: nobody remembers it.
UNMARKED_SHOWN = timedelta(days=7)
_DECIDING = {Role.COORDINATOR, Role.TEACHER}


# Built once, because the start page of every teacher runs them. Limited by `starts`, which is indexed.
_ME = bindparam("me", type_=String)
_SINCE, _NOW = bindparam("since", type_=UTCDateTime), bindparam("now", type_=UTCDateTime)
_UNMARKED = (
    select(Booking.id, Booking.starts)
    .join(AppointmentRecord, AppointmentRecord.booking_id == Booking.id)
    .where(
        Booking.teacher_id == _ME,
        Booking.state == BookingState.BOOKED,
        Booking.starts > _SINCE,
        Booking.ends <= _NOW,
        AppointmentRecord.attendance.is_(None),
    )
    .order_by(Booking.starts, Booking.id)
)
_COMING = (
    select(Booking.id, Booking.starts, Booking.mode, Person.name.label("learner"))
    .join(Person, Person.id == Booking.learner_id)
    .where(
        Booking.teacher_id == _ME,
        Booking.state == BookingState.BOOKED,
        Booking.starts > _SINCE,
        Booking.ends > _NOW,
    )
    .order_by(Booking.starts, Booking.id)
    .limit(bindparam("limit", type_=Integer))
)


def unmarked_appointments(
    session: Session, teacher: Person, *, now: datetime
) -> Sequence[Row[str, datetime]]:
    """Return id and start of the teacher's appointments of the last seven days without attendance."""
    return read_rows(session, _UNMARKED, {"me": teacher.id, "since": now - UNMARKED_SHOWN, "now": now})


def coming_appointments(
    session: Session, teacher: Person, limit: int, *, now: datetime
) -> Sequence[Row[str, datetime, Mode, str]]:
    """Return id, start, mode and learner of the teacher's next appointments, the running one included."""
    values = {"me": teacher.id, "since": now - HOUR, "now": now, "limit": limit}
    return read_rows(session, _COMING, values)


def conflicts_for(session: Session, person: Person, *, now: datetime) -> list[conflicts.Conflict]:
    """Return the conflicting appointments about which this person decides.

    A coordinator decides about all, a teacher about the teacher's own, others about none.
    """
    if not person.roles & _DECIDING:
        return []
    return conflicts.upcoming_conflicts(session, _decides_about(person), now=now)


def conflicts_page_for(
    session: Session, person: Person, after: str | None, *, now: datetime
) -> tuple[Cut, list[conflicts.Conflict]]:
    """Return a page of the conflicts about which this person decides: see `conflicts_page`."""
    if not person.roles & _DECIDING:
        return Cut([]), []
    return conflicts.conflicts_page(session, _decides_about(person), after, now=now)


def count_conflicts_for(session: Session, person: Person, *, now: datetime) -> int:
    """Return the number of the conflicts about which this person decides."""
    if not person.roles & _DECIDING:
        return 0
    return conflicts.count_conflicts(session, _decides_about(person), now=now)


def _decides_about(person: Person) -> Person | None:
    """Return the teacher about whose appointments the person decides; None: about all."""
    return None if Role.COORDINATOR in person.roles else person


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
