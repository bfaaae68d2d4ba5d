"""What a teacher's other calendars hold: it hides her hours and never touches a booking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import exists, select, true
from sqlalchemy.orm import Session

from lms.domain.booking import claims
from lms.domain.booking.finders import with_people
from lms.domain.slots import cells
from lms.models import Booking, BusyCalendar, BusySpan, Person


def held(session: Session, begin: datetime, end: datetime, teacher_id: str | None = None) -> set[claims.Held]:
    """Which quarter-hours of [begin, end) are busy elsewhere, and whose: like `claims.taken`."""
    where = [BusySpan.ends > begin, BusySpan.starts < end]
    if teacher_id is not None:
        where.append(BusyCalendar.teacher_id == teacher_id)
    rows = session.execute(
        select(BusyCalendar.teacher_id, BusySpan.starts, BusySpan.ends)
        .join(BusyCalendar, BusyCalendar.id == BusySpan.calendar_id)
        .where(*where)
    )
    return {
        (teacher, cell)
        for teacher, starts, ends in rows
        for cell in cells(max(starts, begin), min(ends, end))
    }


def of(session: Session, teacher: Person) -> Sequence[BusyCalendar]:
    return session.scalars(
        select(BusyCalendar)
        .where(BusyCalendar.teacher_id == teacher.id)
        .order_by(BusyCalendar.made_at, BusyCalendar.id)
    ).all()


def host_of(calendar: BusyCalendar) -> str:
    """All of the address that may be shown: the rest of it is often a secret."""
    return urlsplit(calendar.address).hostname or ""


def conflicts(session: Session, teacher: Person | None, now: datetime) -> Sequence[Booking]:
    """Her appointments ahead at hours that are busy elsewhere, those left out that somebody kept.

    Without a teacher, of everybody.
    """
    elsewhere = exists().where(
        BusySpan.calendar_id == BusyCalendar.id,
        BusyCalendar.teacher_id == Booking.teacher_id,
        BusySpan.starts < Booking.ends,
        BusySpan.ends > Booking.starts,
    )
    return session.scalars(
        with_people()
        .where(
            true() if teacher is None else Booking.teacher_id == teacher.id,
            Booking.state == "booked",
            Booking.kept_at.is_(None),
            Booking.ends > now,
            elsewhere,
        )
        .order_by(Booking.starts, Booking.id)
    ).all()
