"""Whether the availability still covers an appointment, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.booking import slots
from lms.domain.booking.availability_search import load_timetable
from lms.domain.booking.slots import Slot
from lms.domain.people.directory import has_role
from lms.models import Booking, Person, Role


class ConflictReason(StrEnum):
    """Why an appointment no longer fits: its teacher left, or cannot have it at that time."""

    LEFT = "left"
    CLOSED = "closed"
    OUTSIDE = "outside"
    BUSY = "busy"
    ROOM = "room"


class Coverage:
    """The open time on the days of some appointments.

    An appointment within it is covered, also when no slot begins then any more (ADR 30).
    """

    def __init__(
        self, session: Session, found: Sequence[Booking], zone: ZoneInfo, *, teacher: Person | None = None
    ) -> None:
        days = [booking.starts.astimezone(zone).date() for booking in found]
        self.zone = zone
        teaching = select(Person.id).where(Person.deactivated_at.is_(None), has_role(Role.TEACHER))
        self.teaching = set(session.scalars(teaching))
        self.table = load_timetable(
            session, min(days), max(days), teacher_ids=[teacher.id] if teacher else None, zone=zone
        )

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
        if accepted_at is None and slot in self.table.open_at(slot.teacher_id, slot.starts):
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
        on_holiday = slot in self.table.open_at(slot.teacher_id, slot.starts, holidays=False)
        return ConflictReason.CLOSED if closures or on_holiday else ConflictReason.OUTSIDE
