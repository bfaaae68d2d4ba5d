"""Upcoming appointments that the availability no longer covers: listed, never changed by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from lms.domain.booking import external_clashes, occupancy, slots
from lms.domain.booking.appointments import cancel
from lms.domain.booking.availability import active_teachers
from lms.domain.booking.availability_search import load_timetable
from lms.domain.booking.permissions import check_may_manage
from lms.domain.booking.queries import booking_for, with_people
from lms.domain.booking.slots import Slot
from lms.models import Booking, BookingState, Person


class ConflictReason(StrEnum):
    """Why an appointment no longer fits: its teacher left, or cannot have it at that time."""

    LEFT = "left"
    CLOSED = "closed"
    OUTSIDE = "outside"
    BUSY = "busy"
    ROOM = "room"


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
    hours = _Coverage(session, teacher, found, zone)
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


class _Coverage:
    """The slots that are offered on the days of some appointments."""

    def __init__(
        self, session: Session, teacher: Person | None, found: Sequence[Booking], zone: ZoneInfo
    ) -> None:
        first, last = (booking.starts.astimezone(zone).date() for booking in (found[0], found[-1]))
        self.zone = zone
        self.teaching = {person.id for person in active_teachers(session)}
        self.table = load_timetable(
            session, first, last, teacher_id=teacher.id if teacher else None, zone=zone
        )
        self.offered = self.table.offered_on({self._day(booking) for booking in found})

    def against(self, booking: Booking) -> ConflictReason | None:
        """Return why the appointment is not covered; None when it is covered or was accepted."""
        slot = Slot(
            booking.teacher_id,
            booking.starts,
            booking.ends,
            booking.mode,
            booking.room_id,
        )
        accepted_at = booking.conflict_accepted_at
        if accepted_at is None and slot in self.offered:
            return None
        if accepted_at is None and booking.teacher_id not in self.teaching:
            return ConflictReason.LEFT
        # Only what was closed after the decision to keep the appointment is a new reason.
        closed_at = booking.room.closed_at if booking.room else None
        if closed_at and (accepted_at is None or closed_at > accepted_at):
            return ConflictReason.ROOM
        closures = slots.closures_of(slot, self.table.specials, self.zone)
        if accepted_at is not None:
            since = [
                special for special in closures if special.created_at and special.created_at > accepted_at
            ]
            return ConflictReason.CLOSED if since else None
        on_holiday = slot in self.table.offered_on([self._day(booking)], holidays=False)
        return ConflictReason.CLOSED if closures or on_holiday else ConflictReason.OUTSIDE

    def _day(self, booking: Booking) -> tuple[str, date]:
        return booking.teacher_id, booking.starts.astimezone(self.zone).date()
