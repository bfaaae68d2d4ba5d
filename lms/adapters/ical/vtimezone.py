"""The definition of a time zone in a calendar file (RFC 5545, VTIMEZONE), computed from the time zone data.

Written as yearly rules wherever the years follow one: Outlook misreads lists of dates.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vRecur

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True)
class Change:
    """One change of the clock: its local time before the change, and the offsets before and after."""

    wall: datetime  # naive: the clock just before the change
    before: timedelta
    after: timedelta
    name: str
    summer: bool

    @property
    def kind(self) -> tuple[bool, timedelta, timedelta, str]:
        return self.summer, self.before, self.after, self.name


@lru_cache(maxsize=64)
def to_vtimezone(zone: ZoneInfo, first: int, last: int) -> Timezone:
    """Return the definition of the zone for the years from `first` to `last`."""
    years = range(first - 1, last + 1)  # on the first of January a change of the year before applies
    changes = sorted(_changes(zone, years), key=lambda change: (change.kind, change.wall))
    made = Timezone()
    made.add("tzid", zone.key)
    regular = True
    for _kind, group in groupby(changes, key=lambda change: change.kind):
        alike = list(group)
        rule = _yearly(alike, years)
        regular = regular and rule is not None
        for change in alike[:1] if rule else alike:
            made.add_component(_part(change, rule))
    if not changes or not regular:
        made.add_component(_part(_standing(zone, years[0]), None))
    return made


def _changes(zone: ZoneInfo, years: range) -> Iterator[Change]:
    moment, end = datetime(years[0], 1, 1, tzinfo=UTC), datetime(years[-1] + 1, 1, 1, tzinfo=UTC)
    while moment < end:
        low, high = moment, moment + timedelta(days=1)
        moment = high
        before, after = _offset(zone, low), _offset(zone, high)
        if before == after:
            continue
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
            low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
        local = high.astimezone(zone)
        yield Change(
            (high + before).replace(tzinfo=None), before, after, local.tzname() or "", bool(local.dst())
        )


def _standing(zone: ZoneInfo, year: int) -> Change:
    """Return the offset that was in force before the first change."""
    begin = datetime(year, 1, 1, tzinfo=UTC)
    return _as_change(begin, datetime(1970, 1, 1), _offset(zone, begin), zone)  # noqa: DTZ001


def _as_change(moment: datetime, wall: datetime, before: timedelta, zone: ZoneInfo) -> Change:
    local = moment.astimezone(zone)
    return Change(wall, before, _offset(zone, moment), local.tzname() or "", bool(local.dst()))


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _yearly(alike: list[Change], years: range) -> vRecur | None:
    """Return the yearly rule of these changes, such as the last Sunday of March; None when there is none."""
    walls = [change.wall for change in alike]
    if [wall.year for wall in walls] != list(years):
        return None
    if len({(wall.month, wall.weekday(), wall.time()) for wall in walls}) > 1:
        return None
    last = all(wall.day + 7 > monthrange(wall.year, wall.month)[1] for wall in walls)
    numbers = {-1} if last else {(wall.day - 1) // 7 + 1 for wall in walls}
    if len(numbers) > 1:
        return None
    day = f"{numbers.pop()}{_DAYS[walls[0].weekday()]}"
    return vRecur({"FREQ": "YEARLY", "BYMONTH": walls[0].month, "BYDAY": day})


def _part(change: Change, rule: vRecur | None) -> TimezoneStandard | TimezoneDaylight:
    part = TimezoneDaylight() if change.summer else TimezoneStandard()
    part.add("dtstart", change.wall)
    part.add("tzoffsetfrom", change.before)
    part.add("tzoffsetto", change.after)
    part.add("tzname", change.name)
    if rule is not None:
        part.add("rrule", rule)
    return part
