"""The content of the agenda: appointments, free slots and closed days of a week, on an axis of hours."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from lms.domain.booking import (
    attendance,
    availability,
    availability_search,
    occupancy,
    queries,
    special_days,
)
from lms.domain.booking.external_clashes import find_clashes
from lms.domain.booking.slots import Slot, instants
from lms.forms.booking import slot_value
from lms.models import Booking, Mode, Organisation, Person, RuleMode

DAY = timedelta(days=1)
# The hours that a week shows, even when nothing stands in them.
USUAL_HOURS = range(9, 17)


@dataclass(frozen=True)
class Opening:
    """A free slot of a teacher, in all modes in which it can be booked. `value`: as a form sends it."""

    starts: datetime
    ends: datetime
    modes: frozenset[Mode]
    value: str
    teacher: str

    @property
    def mode(self) -> RuleMode:
        return RuleMode.BOTH if len(self.modes) > 1 else RuleMode(*self.modes)


@dataclass(frozen=True)
class Cell:
    """Appointments and free slots that start at one time.

    `hour` counts from the first hour of the axis, `quarter` from 0 to 3.
    """

    starts: datetime
    hour: int
    quarter: int
    booked: Sequence[Booking]
    free: Sequence[Opening]


@dataclass
class Day:
    """Appointments and free slots of one day."""

    date: date
    booked: list[Booking] = field(default_factory=list)
    free: list[Opening] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)

    @property
    def entries(self) -> list[Booking | Opening]:
        return sorted([*self.booked, *self.free], key=lambda entry: entry.starts)


@dataclass
class Week:
    """Seven days, the hours of the axis, and what is to be said of appointments, by id.

    `clashes`: at a time that is busy in an external calendar. `to_mark`: attendance can be marked. `line`:
    hour and quarter of the line at the current time; None when the axis does not show it.
    """

    days: list[Day]
    hours: range = USUAL_HOURS
    clashes: set[str] = field(default_factory=set)
    to_mark: set[str] = field(default_factory=set)
    line: tuple[int, int] | None = None


def load_week(
    session: Session,
    organisation: Organisation,
    monday: date,
    teacher: Person | None,
    *,
    language: str,
    now: datetime,
    zone: ZoneInfo,
) -> Week:
    """Load the week of a teacher; of all teachers when `teacher` is None. In a fixed number of statements."""
    week = Week([Day(monday + n * DAY) for n in range(7)])
    by_date = {day.date: day for day in week.days}
    first, last = monday, monday + 6 * DAY
    begin, end = instants(first, last, zone)
    taken = queries.appointments_between(session, teacher, begin, end, now=now)
    occupied = occupancy.load_occupancy(session, organisation, begin, end, shown_at=now)
    week.clashes = {booking.id for booking in find_clashes(taken, occupied.elsewhere, now=now)}
    week.to_mark = {booking.id for booking in taken if attendance.can_be_marked(booking, now=now)}
    for booking in taken:
        by_date[booking.starts.astimezone(zone).date()].booked.append(booking)
    for day_off, name in availability.holidays_between(first, last, language):
        by_date[day_off].closed.append(name)
    for special in special_days.specials_between(session, teacher, first, last):
        for day in week.days:
            if special.is_closure and special.date_from <= day.date <= special.date_until:
                reason = special.reason or _("Fermé")
                whose = special.teacher if teacher is None else ""
                day.closed.append(f"{whose}{_(' : ')}{reason}" if whose else reason)
    table = availability_search.load_timetable(
        session, first, last, teacher_ids=None if teacher is None else [teacher.id], zone=zone
    )
    free = [slot for slot in table.offered(first, last) if slot.starts > now and occupied.is_free(slot)]
    for opening in join_modes(free, table.teachers):
        by_date[opening.starts.astimezone(zone).date()].free.append(opening)
    week.hours = _hours_of(week.days, zone)
    for day in week.days:
        day.cells = _cells_of(day, week.hours, zone)
    wall = now.astimezone(zone)
    if wall.date() in by_date and wall.hour in week.hours:
        week.line = wall.hour - week.hours.start, wall.minute // 15
    return week


def is_over(days: Sequence[Day], today: date, now: datetime) -> bool:
    """Return whether it is the weekend and this week is over: the agenda then shows the next one."""
    return today.weekday() >= 5 and not any(entry.ends > now for day in days for entry in day.entries)


def join_modes(slots: Collection[Slot], teachers: Mapping[str, str]) -> list[Opening]:
    """Return the slots with those of one teacher at one time joined. `teachers`: names by id."""
    ordered = sorted(slots, key=lambda slot: (slot.starts, teachers[slot.teacher_id], slot.teacher_id))
    found = []
    for (starts, teacher_id), alike in groupby(ordered, lambda slot: (slot.starts, slot.teacher_id)):
        same = list(alike)
        modes = frozenset(slot.mode for slot in same)
        found.append(
            Opening(starts, same[0].ends, modes, slot_value(teacher_id, starts), teachers[teacher_id])
        )
    return found


def _hours_of(days: Sequence[Day], zone: ZoneInfo) -> range:
    """Return the hours from the first to the last entry of the week, the usual ones at least."""
    walls = [entry.starts.astimezone(zone) for day in days for entry in day.entries]
    first = min([USUAL_HOURS.start, *(wall.hour for wall in walls)])
    last = max([USUAL_HOURS.stop, *(min(wall.hour + (2 if wall.minute else 1), 24) for wall in walls)])
    return range(first, last)


def _cells_of(day: Day, hours: range, zone: ZoneInfo) -> list[Cell]:
    found = []
    for starts, alike in groupby(day.entries, lambda entry: entry.starts):
        same = list(alike)
        wall = starts.astimezone(zone)
        found.append(
            Cell(
                starts,
                wall.hour - hours.start,
                wall.minute // 15,
                [entry for entry in same if isinstance(entry, Booking)],
                [entry for entry in same if isinstance(entry, Opening)],
            )
        )
    return found
