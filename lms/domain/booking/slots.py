"""Slots that teachers offer: computed from rules each time, never stored. Free ones: `availability_search`.

Everything here is pure. Hours are walked on the *wall* clock of the school and only then turned into
UTC, so that "Monday 9 h 00" stays 9 h 00 on the wall in summer and in winter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays as holiday_calendars

from lms.models import DayKind, Mode, RuleMode

CELL = 900  # seconds: the quarter-hour in which people and rooms are claimed
HOUR = timedelta(hours=1)
DAY_MINUTES = 24 * 60
HOLIDAY_LANGUAGES = {"fr": "fr", "en": "en_US", "uk": "uk"}


@dataclass(frozen=True, slots=True)
class Rule:
    """Every week, from `start_wall` on, hour after hour. An end at 00:00 is midnight, the end of that day."""

    teacher_id: str
    weekday: int  # 0 is Monday
    start_wall: time
    end_wall: time
    valid_from: date
    valid_until: date | None  # the last day, included
    mode: RuleMode
    room_id: str | None


@dataclass(frozen=True, slots=True)
class Special:
    """Difference on some dates (both included); its hours hold for each of those dates.

    Without hours it is the whole day. `closed` with a room closes only that room. `open` without hours
    lets the weekly rules run on a holiday; `open` with hours, teacher and mode adds these hours instead.
    """

    teacher_id: str | None  # None: the whole service
    date_from: date
    date_until: date
    start_wall: time | None
    end_wall: time | None
    kind: DayKind
    mode: RuleMode | None = None
    room_id: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """One bookable hour in one mode; a rule for both makes two slots of the same hour."""

    teacher_id: str
    starts: datetime
    ends: datetime
    mode: Mode
    room_id: str | None  # set exactly when on site


class Span(NamedTuple):
    """Minutes of the wall clock since midnight, half-open."""

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end

    def contains(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end


WHOLE_DAY = Span(0, DAY_MINUTES)


class Offer(NamedTuple):
    """An hour on the wall that one teacher offers on the day being looked at."""

    teacher_id: str
    span: Span
    mode: RuleMode
    room_id: str | None


def belgian_holidays(years: Iterable[int], language: str = "fr") -> dict[date, str]:
    """Public holidays with their names; a language without names for them gets the French ones."""
    named = HOLIDAY_LANGUAGES.get(language, "fr")
    return {day: name for year in sorted(set(years)) for day, name in _holidays_of(year, named)}


@lru_cache(maxsize=64)
def _holidays_of(year: int, language: str) -> tuple[tuple[date, str], ...]:
    return tuple(sorted(holiday_calendars.country_holidays("BE", years=year, language=language).items()))


def offered_slots(
    rules: Iterable[Rule],
    specials: Iterable[Special],
    holidays: Container[date],
    date_from: date,
    date_until: date,
    tz: ZoneInfo,
) -> list[Slot]:
    """Every hour offered from `date_from` to `date_until` (included), whether or not it is taken.

    `closed` wins over `open`, `open` wins over holidays. Extra hours only ever add: one that overlaps an
    hour of the weekly rules without being the same hour is left out. Two rules that say the same hour give
    it once. Where the same hour is offered in several rooms, each room is its own slot.
    """
    weekly: dict[int, list[Rule]] = defaultdict(list)
    for rule in rules:
        weekly[rule.weekday].append(rule)
    dated = list(specials)
    clock = LocalTime(tz)
    found: set[Slot] = set()
    for number in range((date_until - date_from).days + 1):
        day = date_from + timedelta(days=number)
        today = [special for special in dated if special.date_from <= day <= special.date_until]
        found.update(_slots_of_day(day, weekly[day.weekday()], today, day in holidays, clock))
    return sorted(found, key=slot_order)


def closures_of(slot: Slot, specials: Iterable[Special], tz: ZoneInfo) -> list[Special]:
    """Return the closed days and hours that touch this slot."""
    wall = slot.starts.astimezone(tz)
    start = wall.hour * 60 + wall.minute
    span = Span(start, start + (slot.ends - slot.starts) // timedelta(minutes=1))
    return [
        special
        for special in specials
        if special.date_from <= wall.date() <= special.date_until
        and _closes(special, slot.teacher_id, span, slot.room_id)
    ]


def _slots_of_day(
    day: date, rules: list[Rule], specials: list[Special], holiday: bool, clock: LocalTime
) -> Iterator[Slot]:
    """The slots of the weekly rules, and of the extra hours those that take none of them away."""
    opened = [special for special in specials if special.kind == DayKind.OPEN]
    usual = [
        Offer(rule.teacher_id, span, rule.mode, rule.room_id)
        for rule in rules
        if rule.valid_from <= day and (rule.valid_until is None or day <= rule.valid_until)
        for span in _hours(_span(rule.start_wall, rule.end_wall))
    ]
    if holiday:
        lifting = [special for special in opened if not _extra_offers(special)]
        usual = [offer for offer in usual if any(_lifts(special, offer) for special in lifting)]
    ordinary = [slot for offer in usual for slot in _open_slots(day, offer, specials, clock)]
    yield from ordinary
    for offer in (offer for special in opened for offer in _extra_offers(special)):
        for slot in _open_slots(day, offer, specials, clock):
            if not any(_takes_away(slot, other) for other in ordinary):
                yield slot


def _open_slots(day: date, offer: Offer, specials: list[Special], clock: LocalTime) -> Iterator[Slot]:
    """One slot for each mode of the hour that is not closed."""
    when = clock.hour(day, offer.span)
    if when is None:
        return
    places: list[tuple[Mode, str | None]] = []
    if offer.mode != RuleMode.ONSITE:
        places.append((Mode.VIDEO, None))
    # Without a room there is nowhere to meet, so a rule that lost its room offers nothing on site.
    if offer.mode != RuleMode.VIDEO and offer.room_id is not None:
        places.append((Mode.ONSITE, offer.room_id))
    for mode, room_id in places:
        if not any(_closes(special, offer.teacher_id, offer.span, room_id) for special in specials):
            yield Slot(offer.teacher_id, *when, mode, room_id)


def _extra_offers(special: Special) -> list[Offer]:
    """The hours that an opening adds; none where it only lets the weekly rules run on a holiday."""
    whole_day = special.start_wall is None and special.end_wall is None
    if special.teacher_id is None or special.mode is None or whole_day:
        return []
    spans = _hours(_span(special.start_wall, special.end_wall))
    return [Offer(special.teacher_id, span, special.mode, special.room_id) for span in spans]


def _lifts(special: Special, offer: Offer) -> bool:
    concerns = special.teacher_id in (None, offer.teacher_id)
    return concerns and _span(special.start_wall, special.end_wall).contains(offer.span)


def _closes(special: Special, teacher_id: str, span: Span, room_id: str | None) -> bool:
    if (
        special.kind != DayKind.CLOSED
        or special.teacher_id not in (None, teacher_id)
        or special.room_id not in (None, room_id)
    ):
        return False
    hours = _span(special.start_wall, special.end_wall)
    # Hours that run backwards: better nothing offered than an hour nobody keeps.
    return (WHOLE_DAY if hours.end <= hours.start else hours).overlaps(span)


def _takes_away(extra: Slot, ordinary: Slot) -> bool:
    """Tell whether booking one makes the other impossible, although they are two different hours."""
    return (
        extra.teacher_id == ordinary.teacher_id
        and extra.starts != ordinary.starts
        and extra.starts < ordinary.ends
        and ordinary.starts < extra.ends
    )


def _span(start: time | None, end: time | None) -> Span:
    first = 0 if start is None else start.hour * 60 + start.minute
    last = 0 if end is None else end.hour * 60 + end.minute
    return Span(first, last or DAY_MINUTES)


def _hours(span: Span) -> Iterator[Span]:
    for start in range(span.start, span.end - 59, 60):
        yield Span(start, start + 60)


def slot_order(slot: Slot) -> tuple[datetime, str, bool, str]:
    """Return the sort key of a slot: by start, teacher, video before on site, room."""
    return slot.starts, slot.teacher_id, slot.mode != Mode.VIDEO, slot.room_id or ""


class LocalTime:
    """Turns hours on the wall into UTC, and refuses those that touch a change of the clock."""

    def __init__(self, tz: ZoneInfo) -> None:
        self.tz = tz
        self._offsets: dict[datetime, timedelta | None] = {}

    def hour(self, day: date, span: Span) -> tuple[datetime, datetime] | None:
        midnight = datetime.combine(day, time())
        start = midnight + timedelta(minutes=span.start)
        before, after = self._offset(start), self._offset(midnight + timedelta(minutes=span.end))
        if before is None or before != after:
            return None
        starts = (start - before).replace(tzinfo=UTC)
        return starts, starts + HOUR

    def _offset(self, wall: datetime) -> timedelta | None:
        """None where the wall shows this time twice (autumn) or never (spring)."""
        if wall not in self._offsets:
            first = wall.replace(tzinfo=self.tz, fold=0).utcoffset()
            second = wall.replace(tzinfo=self.tz, fold=1).utcoffset()
            self._offsets[wall] = first if first == second else None
        return self._offsets[wall]


def cells(starts: datetime, ends: datetime) -> range:
    """The quarter-hours that [starts, ends) touches, numbered since 1970."""
    return range(int(starts.timestamp()) // CELL, -(-int(ends.timestamp()) // CELL))


def instants(first: date, last: date, tz: ZoneInfo) -> tuple[datetime, datetime]:
    """From the first midnight to the last one, as instants; the day `last` is included."""
    begin, end = (datetime.combine(day, time(), tz) for day in (first, last + timedelta(days=1)))
    return begin.astimezone(UTC), end.astimezone(UTC)


def blocked_until(slot: Slot, buffer: timedelta) -> datetime:
    """When teacher and room are free again: after a session on site the room is aired and cleaned."""
    return slot.ends + buffer if slot.mode == Mode.ONSITE else slot.ends


@dataclass(frozen=True, slots=True)
class Notice:
    """How soon and how far ahead a slot can be taken. One that begins at this very moment has begun."""

    lead: timedelta
    horizon: timedelta

    def is_too_soon(self, starts: datetime, *, now: datetime) -> bool:
        return starts <= now or starts < now + self.lead

    def is_too_far(self, starts: datetime, *, now: datetime) -> bool:
        return starts > now + self.horizon

    def allows(self, starts: datetime, *, now: datetime) -> bool:
        return not self.is_too_soon(starts, now=now) and not self.is_too_far(starts, now=now)
