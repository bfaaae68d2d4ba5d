"""Whether the availability still covers an appointment, and why not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.booking import slots
from lms.domain.booking.availability_search import Timetable, load_timetable
from lms.domain.booking.slots import DAY_MINUTES, Rule, Slot
from lms.domain.people.directory import has_role
from lms.models import Booking, Mode, Person, Role, RuleMode

_TEACHING = select(Person.id).where(Person.deactivated_at.is_(None), has_role(Role.TEACHER))


class ConflictReason(StrEnum):
    """Why an appointment no longer fits: its teacher left, or cannot have it at that time."""

    LEFT = "left"
    CLOSED = "closed"
    OUTSIDE = "outside"
    BUSY = "busy"
    ROOM = "room"


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
    def conflict_accepted_at(self) -> datetime | None: ...


class Coverage:
    """The open time on the days of some appointments.

    An appointment within it is covered, also when no slot begins then any more (ADR 30).
    """

    def __init__(
        self, session: Session, found: Iterable[Agreed], zone: ZoneInfo, *, teacher: Person | None = None
    ) -> None:
        days = {hour.starts.astimezone(zone).date() for hour in found}
        first, last = min(days), max(days)
        self.session = session
        self.zone = zone
        self.table = load_timetable(
            session, first, last, teacher_ids=[teacher.id] if teacher else None, zone=zone
        )
        self._rules: dict[tuple[str, int], list[_Hours]] = defaultdict(list)
        for rule in self.table.rules:
            self._rules[rule.teacher_id, rule.weekday].append(_hours_of(rule))
        self._holidays = slots.belgian_holidays(range(first.year, last.year + 1))
        # Days on which more than the weekly rules of a teacher (None: of everybody) decides.
        self._special: set[tuple[str | None, date]] = {
            (special.teacher_id, day)
            for special in self.table.specials
            for day in days
            if special.date_from <= day <= special.date_until
        }
        self._tables: dict[str, Timetable] = {}
        self._walls: dict[datetime, tuple[date, int, bool]] = {}

    @cached_property
    def teaching(self) -> set[str]:
        """Return the ids of the teachers."""
        return set(self.session.scalars(_TEACHING))

    def covers(self, hour: Agreed) -> bool:
        """Return whether the hour lies in the open time of its teacher, in its mode and room.

        On most days only the weekly rules decide; the other days are those of `Timetable.open_at`.
        """
        teacher_id, mode, starts = hour.teacher_id, hour.mode, hour.starts
        day, start, is_ordinary = self._walls.get(starts) or self._wall(starts)
        if not is_ordinary or (teacher_id, day) in self._special:
            return self._slot(hour) in self._table_of(teacher_id).open_at(teacher_id, starts)
        for rule in self._rules.get((teacher_id, day.weekday()), ()):
            if rule.begin <= start and start + 60 <= rule.end and rule.first <= day <= rule.last:
                if mode == Mode.VIDEO and rule.by_video:
                    return True
                if mode == Mode.ONSITE and rule.room_id is not None and rule.room_id == hour.room_id:
                    return True
        return False

    def against(self, booking: Booking) -> ConflictReason | None:
        """Return why the appointment is not covered; None when it is covered or was accepted."""
        accepted_at = booking.conflict_accepted_at
        if accepted_at is None and self.covers(booking):
            return None
        if accepted_at is None and booking.teacher_id not in self.teaching:
            return ConflictReason.LEFT
        # Only what was closed after the decision to keep the appointment is a new reason.
        closed_at = booking.room.closed_at if booking.room else None
        if closed_at and (accepted_at is None or closed_at > accepted_at):
            return ConflictReason.ROOM
        if accepted_at is not None:
            return ConflictReason.CLOSED if self.is_closed_after(booking, accepted_at) else None
        slot, table = self._slot(booking), self._table_of(booking.teacher_id)
        on_holiday = slot in table.open_at(slot.teacher_id, slot.starts, holidays=False)
        closures = slots.closures_of(slot, table.specials, self.zone)
        return ConflictReason.CLOSED if closures or on_holiday else ConflictReason.OUTSIDE

    def is_closed_after(self, hour: Agreed, moment: datetime) -> bool:
        """Return whether a special day that was made after the moment closes the hour."""
        closures = slots.closures_of(self._slot(hour), self._table_of(hour.teacher_id).specials, self.zone)
        return any(special.created_at and special.created_at > moment for special in closures)

    def _slot(self, hour: Agreed) -> Slot:
        return Slot(hour.teacher_id, hour.starts, hour.ends, hour.mode, hour.room_id)

    def _table_of(self, teacher_id: str) -> Timetable:
        """Return the timetable with what concerns one teacher: that of all is slow to look through."""
        if teacher_id not in self._tables:
            self._tables[teacher_id] = replace(
                self.table,
                rules=[rule for rule in self.table.rules if rule.teacher_id == teacher_id],
                specials=[each for each in self.table.specials if each.teacher_id in (None, teacher_id)],
            )
        return self._tables[teacher_id]

    def _wall(self, starts: datetime) -> tuple[date, int, bool]:
        """Return day and minute of the local time, and whether the weekly rules alone decide that day.

        They do not on a holiday, on special days of everybody, and on a day on which the clock changes.
        """
        wall = starts.astimezone(self.zone)
        day = wall.date()
        midnight = datetime.combine(day, time(), self.zone)
        is_even = midnight.utcoffset() == (midnight + timedelta(days=1)).utcoffset()
        is_ordinary = is_even and day not in self._holidays and (None, day) not in self._special
        found = self._walls[starts] = day, wall.hour * 60 + wall.minute, is_ordinary
        return found


class _Hours(NamedTuple):
    """The hours of a weekly rule in minutes of the day, and its days. `room_id`: None when not on site."""

    begin: int
    end: int
    first: date
    last: date
    by_video: bool
    room_id: str | None


def _hours_of(rule: Rule) -> _Hours:
    return _Hours(
        rule.start_wall.hour * 60 + rule.start_wall.minute,
        rule.end_wall.hour * 60 + rule.end_wall.minute or DAY_MINUTES,
        rule.valid_from,
        rule.valid_until or date.max,
        rule.mode != RuleMode.ONSITE,
        None if rule.mode == RuleMode.VIDEO else rule.room_id,
    )
