"""Upcoming appointments that the availability no longer covers: listed, never changed by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from lms.domain.booking import external_clashes, occupancy
from lms.domain.booking.appointments import cancel
from lms.domain.booking.coverage import ConflictReason, Coverage
from lms.domain.booking.permissions import check_may_manage
from lms.domain.booking.queries import booking_for, with_people
from lms.models import Booking, BookingState, Person


@dataclass(frozen=True)
class Conflict:
    """A conflicting appointment and the reason.

    `left`: the teacher left. `closed`: a special day or a holiday. `outside`: no rule covers it any more.
    `busy`: the teacher is busy in an external calendar. `room`: its room was closed.
    """

    booking: Booking
    why: ConflictReason


def upcoming_conflicts(
    session: Session, teacher: Person | None, *, now: datetime, zone: ZoneInfo
) -> list[Conflict]:
    """Return the conflicts of one teacher, or of all, the next one first, in a constant number of statements.

    An appointment that somebody decided to keep is left out, unless its time was closed after that.
    """
    wanted = with_people().where(Booking.state == BookingState.BOOKED, Booking.starts > now)
    if teacher is not None:
        wanted = wanted.where(Booking.teacher_id == teacher.id)
    found = session.scalars(wanted.order_by(Booking.starts, Booking.id)).all()
    if not found:
        return []
    hours = Coverage(session, found, zone, teacher=teacher)
    end = max(booking.blocked_until for booking in found)
    busy = occupancy.externally_occupied(session, found[0].starts, end)
    elsewhere = {booking.id for booking in external_clashes.find_clashes(found, busy, now=now)}
    conflicts = []
    for booking in found:
        why = hours.against(booking) or (ConflictReason.BUSY if booking.id in elsewhere else None)
        if why is not None:
            conflicts.append(Conflict(booking, why))
    return conflicts


def cancel_conflicting(
    session: Session, actor: Person, booking_id: str, *, now: datetime, zone: ZoneInfo
) -> Booking:
    """Cancel a conflicting appointment as the teacher's cancellation: it does not count against the learner.

    Refusals: `already_begun`, `already_cancelled`.
    """
    booking = booking_for(session, actor, booking_id)
    check_may_manage(actor, booking.teacher_id)
    return cancel(session, actor, booking, "", cancelled_by_teacher=True, now=now, zone=zone)
