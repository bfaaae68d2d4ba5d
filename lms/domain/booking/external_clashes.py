"""What a teacher's other calendars hold: it hides her hours and never touches a booking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, true
from sqlalchemy.orm import Session

from lms.domain.booking.queries import with_people
from lms.models import Booking, ExternalBusyTime, ExternalCalendar, Person


def upcoming_clashes(session: Session, teacher: Person | None, *, now: datetime) -> Sequence[Booking]:
    """Her appointments ahead at hours that are busy elsewhere, those left out that somebody kept.

    Without a teacher, of everybody.
    """
    elsewhere = exists().where(
        ExternalBusyTime.calendar_id == ExternalCalendar.id,
        ExternalCalendar.teacher_id == Booking.teacher_id,
        ExternalBusyTime.starts < Booking.ends,
        ExternalBusyTime.ends > Booking.starts,
    )
    return session.scalars(
        with_people()
        .where(
            true() if teacher is None else Booking.teacher_id == teacher.id,
            Booking.state == "booked",
            Booking.conflict_accepted_at.is_(None),
            Booking.ends > now,
            elsewhere,
        )
        .order_by(Booking.starts, Booking.id)
    ).all()
