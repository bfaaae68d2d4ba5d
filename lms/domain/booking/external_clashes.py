"""Appointments at times that are busy in an external calendar: shown, never changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from lms.domain.booking import occupancy
from lms.domain.booking.occupancy import Held
from lms.domain.booking.queries import with_people
from lms.domain.booking.slots import HOUR, cells
from lms.models import Booking, BookingState, Person


def find_clashes(bookings: Iterable[Booking], busy: Collection[Held], *, now: datetime) -> list[Booking]:
    """Return the appointments that are not over and lie in quarter-hours at which their teacher is busy.

    The buffer after an appointment on site counts, as when it was booked. Those that somebody decided to
    keep are left out.
    """
    return [
        booking
        for booking in bookings
        if booking.is_booked
        and booking.conflict_accepted_at is None
        and booking.ends > now
        and any((booking.teacher_id, cell) in busy for cell in cells(booking.starts, booking.blocked_until))
    ]


def upcoming_clashes(session: Session, teacher: Person, *, now: datetime) -> list[Booking]:
    """Return the teacher's clashes, the running appointment included, the next one first."""
    ahead = session.scalars(
        with_people()
        # Limited by `starts`, which is indexed.
        .where(
            Booking.teacher_id == teacher.id,
            Booking.state == BookingState.BOOKED,
            Booking.starts > now - HOUR,
        )
        .order_by(Booking.starts, Booking.id)
    ).all()
    if not ahead:
        return []
    busy = occupancy.externally_occupied(session, ahead[0].starts, ahead[-1].blocked_until, [teacher.id])
    return find_clashes(ahead, busy, now=now)
