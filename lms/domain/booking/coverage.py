"""Whether the availability still covers an appointment, and why not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.booking import slots
from lms.domain.booking.availability_search import Timetable, load_timetable
from lms.domain.booking.slots import Slot
from lms.domain.people.directory import has_role
from lms.models import ConflictReason, Mode, Person, Role

_TEACHING = select(Person.id).where(Person.deactivated_at.is_(None), has_role(Role.TEACHER))


class Agreed(Protocol):
    """Agreed hour: a booking, or the same columns of its row."""

    @property
    def teacher_id(self) -> str: ...
    @property
    def starts(self) -> datetime: ...
    @property
    def ends(self) -> datetime: ...
    @property
    def mode(self) -> Mode: ...
    @property
    def room_id(self) -> str | None: ...
    @property
    def room_closed_at(self) -> datetime | None: ...
    @property
    def conflict_accepted_at(self) -> datetime | None: ...


class Coverage:
    """The open time on the days of some appointments.

    An appointment within it is covered, also when no slot begins then any more (ADR 30).
    """

    def __init__(
        self, session: Session, found: Iterable[Agreed], zone: ZoneInfo, *, teacher_id: str | None = None
    ) -> None:
        days = {hour.starts.astimezone(zone).date() for hour in found}
        self.session = session
        self.zone = zone
        self.table = load_timetable(
            session, min(days), max(days), teacher_ids=[teacher_id] if teacher_id else None, zone=zone
        )
        self._tables: dict[str, Timetable] = {}

    @cached_property
    def teaching(self) -> set[str]:
        """Return the ids of the teachers."""
        return set(self.session.scalars(_TEACHING))

    def covers(self, hour: Agreed) -> bool:
        """Return whether the hour lies in the open time of its teacher, in its mode and room."""
        return _slot(hour) in self._table_of(hour.teacher_id).open_at(hour.teacher_id, hour.starts)

    def against(self, hour: Agreed) -> ConflictReason | None:
        """Return why the hour is not covered; None when it is covered or was accepted.

        Of an accepted hour only what was closed after the decision to keep it is a new reason.
        """
        accepted_at = hour.conflict_accepted_at
        if accepted_at is None and self.covers(hour):
            return None
        if accepted_at is None and hour.teacher_id not in self.teaching:
            return ConflictReason.LEFT
        # Asked for only now: the room of a booking need not be loaded before.
        closed_at = hour.room_closed_at
        if closed_at and (accepted_at is None or closed_at > accepted_at):
            return ConflictReason.ROOM
        slot, table = _slot(hour), self._table_of(hour.teacher_id)
        closures = slots.closures_of(slot, table.specials, self.zone)
        if accepted_at is not None:
            is_later = any(each.created_at and each.created_at > accepted_at for each in closures)
            return ConflictReason.CLOSED if is_later else None
        on_holiday = slot in table.open_at(slot.teacher_id, slot.starts, holidays=False)
        return ConflictReason.CLOSED if closures or on_holiday else ConflictReason.OUTSIDE

    def _table_of(self, teacher_id: str) -> Timetable:
        """Return the timetable with what concerns one teacher: that of all is slow to look through."""
        if teacher_id not in self._tables:
            self._tables[teacher_id] = replace(
                self.table,
                rules=[rule for rule in self.table.rules if rule.teacher_id == teacher_id],
                specials=[each for each in self.table.specials if each.teacher_id in (None, teacher_id)],
            )
        return self._tables[teacher_id]


def _slot(hour: Agreed) -> Slot:
    return Slot(hour.teacher_id, hour.starts, hour.ends, hour.mode, hour.room_id)
