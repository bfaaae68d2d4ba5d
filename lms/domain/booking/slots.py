"""Slots that teachers offer: computed from rules each time, never stored. Free ones: `availability_search`.

All functions are pure. They compute hours in *local* time and convert them to UTC at the end, so that
"Monday 9 h 00" stays 9 h 00 local time in summer and in winter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
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
    """Weekly rule: hours from `start_wall`, see `hour_spans`. An end at 00:00 is that of the day."""

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
    """Special days (both dates included); the hours apply to each of them.

    Without hours they apply to the whole day. `closed` with a room closes only that room. `open` without
    hours lets the weekly rules apply on a holiday; `open` with hours, teacher and mode adds these hours.
    """

    teacher_id: str | None  # None: the whole organisation
    date_from: date
    date_until: date
    start_wall: time | None
    end_wall: time | None
    kind: DayKind
    mode: RuleMode | None = None
    room_id: str | None = None
    created_at: datetime | None = None
    id: str = ""  # of its row

    @property
    def adds_hours(self) -> bool:
        """Return whether it adds hours of a teacher; other openings let the weekly rules apply."""
        has_hours = (self.start_wall, self.end_wall) != (None, None)
        return self.kind == DayKind.OPEN and has_hours and None not in (self.teacher_id, self.mode)


class Slot(NamedTuple):
    """One bookable hour in one mode; a rule for both modes makes two slots of the same hour."""

    teacher_id: str
    starts: datetime
    ends: datetime
    mode: Mode
    room_id: str | None  # set exactly when on site


class Span(NamedTuple):
    """Minutes of local time since midnight, half-open."""

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end

    def contains(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end


WHOLE_DAY = Span(0, DAY_MINUTES)


class Offer(NamedTuple):
    """An hour, in local time of some day, that a teacher offers. `places`: each mode, with its room."""

    teacher_id: str
    span: Span
    places: tuple[tuple[Mode, str | None], ...]


def belgian_holidays(years: Iterable[int], language: str = "fr") -> dict[date, str]:
    """Return the Belgian public holidays of the years by date, with names in the language or in French."""
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
    buffer: timedelta,
) -> list[Slot]:
    """Return every slot offered from `date_from` to `date_until` (included), whether or not it is taken.

    `buffer`: the pause after an hour on site. `closed` wins over `open`, `open` wins over holidays. Extra
    hours never remove a slot: one that could not be booked beside an hour of the weekly rules, because they
    or their pauses overlap, is left out. Two rules with the same hour give one slot. An hour that is offered
    in several rooms gives one slot for each room.
    """
    weekly: dict[int, list[tuple[Rule, list[Offer]]]] = defaultdict(list)
    for rule in rules:
        weekly[rule.weekday].append((rule, _offers(rule.teacher_id, rule, rule.mode, buffer)))
    dated = list(specials)
    found: set[Slot] = set()
    for number in range((date_until - date_from).days + 1):
        day = date_from + timedelta(days=number)
        today = [special for special in dated if special.date_from <= day <= special.date_until]
        found.update(_slots_of_day(day, weekly[day.weekday()], today, day in holidays, tz, buffer))
    return sorted(found, key=slot_order)


def open_slots_at(
    starts: datetime,
    teacher_id: str,
    rules: Iterable[Rule],
    specials: Iterable[Special],
    holidays: Container[date],
    tz: ZoneInfo,
) -> list[Slot]:
    """Return the slots of one hour of a teacher within the open time, whether or not a rule begins one then.

    An appointment keeps its hour when the pause is changed or the rule begins earlier (ADR 30). Other hours
    of the rules count for nothing here.
    """
    wall = starts.astimezone(tz).replace(tzinfo=None)
    hour = (wall.time(), (wall + HOUR).time())
    first = wall.hour * 60 + wall.minute
    span = Span(first, first + 60)

    def holds(hours: Rule | Special) -> bool:
        return hours.teacher_id == teacher_id and _span(hours.start_wall, hours.end_wall).contains(span)

    weekly = [replace(rule, start_wall=hour[0], end_wall=hour[1]) for rule in rules if holds(rule)]
    dated = [
        replace(special, start_wall=hour[0], end_wall=hour[1]) if special.adds_hours else special
        for special in specials
        if special.teacher_id in (None, teacher_id) and (holds(special) or not special.adds_hours)
    ]
    return offered_slots(weekly, dated, holidays, wall.date(), wall.date(), tz, timedelta(0))


def closures_of(slot: Slot, specials: Iterable[Special], tz: ZoneInfo) -> list[Special]:
    """Return the closures that overlap this slot."""
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
    day: date,
    rules: list[tuple[Rule, list[Offer]]],
    specials: list[Special],
    holiday: bool,
    tz: ZoneInfo,
    buffer: timedelta,
) -> Iterator[Slot]:
    """Yield the slots of the weekly rules, then those of the extra hours that stand beside them."""
    usual = [
        offer
        for rule, offers in rules
        if rule.valid_from <= day and (rule.valid_until is None or day <= rule.valid_until)
        for offer in offers
    ]
    if holiday:
        lifting = [special for special in specials if special.kind == DayKind.OPEN and not special.adds_hours]
        usual = [offer for offer in usual if any(_lifts(special, offer) for special in lifting)]
    closed = [special for special in specials if special.kind == DayKind.CLOSED]
    ordinary = [slot for offer in usual for slot in _open_slots(day, offer, closed, tz)]
    yield from ordinary
    for offer in (offer for special in specials for offer in _extra_offers(special, buffer)):
        for slot in _open_slots(day, offer, closed, tz):
            if not any(_takes_away(slot, other, buffer) for other in ordinary):
                yield slot


def _open_slots(day: date, offer: Offer, closed: list[Special], tz: ZoneInfo) -> list[Slot]:
    """Return one slot for each mode of the hour that none of the closures concerns."""
    hour = hour_in_utc(day, offer.span.start, tz)
    if hour is None:
        return []
    starts, ends = hour
    return [
        Slot(offer.teacher_id, starts, ends, mode, room_id)
        for mode, room_id in offer.places
        if not (closed and any(_closes(each, offer.teacher_id, offer.span, room_id) for each in closed))
    ]


def _extra_offers(special: Special, buffer: timedelta) -> list[Offer]:
    """Return the hours that an opening adds; none when it only lets the weekly rules apply on a holiday."""
    if not special.adds_hours or special.teacher_id is None or special.mode is None:
        return []
    return _offers(special.teacher_id, special, special.mode, buffer)


def _offers(teacher_id: str, hours: Rule | Special, mode: RuleMode, buffer: timedelta) -> list[Offer]:
    places: list[tuple[Mode, str | None]] = []
    if mode != RuleMode.ONSITE:
        places.append((Mode.VIDEO, None))
    # A rule whose room was closed offers nothing on site.
    if mode != RuleMode.VIDEO and hours.room_id is not None:
        places.append((Mode.ONSITE, hours.room_id))
    spans = hour_spans(hours.start_wall, hours.end_wall, mode, buffer)
    return [Offer(teacher_id, span, tuple(places)) for span in spans]


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
    # An end before the start closes the whole day: better no slot than one that nobody attends.
    return (WHOLE_DAY if hours.end <= hours.start else hours).overlaps(span)


def _takes_away(extra: Slot, ordinary: Slot, buffer: timedelta) -> bool:
    """Return whether booking one makes the other impossible, although they are two different hours."""
    return (
        extra.teacher_id == ordinary.teacher_id
        and extra.starts != ordinary.starts
        and extra.starts < blocked_until(ordinary, buffer)
        and ordinary.starts < blocked_until(extra, buffer)
    )


def _span(start: time | None, end: time | None) -> Span:
    first = 0 if start is None else start.hour * 60 + start.minute
    last = 0 if end is None else end.hour * 60 + end.minute
    return Span(first, last or DAY_MINUTES)


def hour_spans(start: time | None, end: time | None, mode: RuleMode, buffer: timedelta) -> Iterator[Span]:
    """Yield the hours between two local times: one after the other, on site with the pause between them.

    Hours in both modes have the pause too: each of them may become one on site.
    """
    whole = _span(start, end)
    step = 60 if mode == RuleMode.VIDEO else 60 + buffer // timedelta(minutes=1)
    for first in range(whole.start, whole.end - 59, step):
        yield Span(first, first + 60)


def slot_order(slot: Slot) -> tuple[datetime, str, bool, str]:
    """Return the sort key of a slot: by start, teacher, video before on site, room."""
    return slot.starts, slot.teacher_id, slot.mode != Mode.VIDEO, slot.room_id or ""


@lru_cache(maxsize=4096)  # the same hours of the next weeks, of all teachers, on every page
def hour_in_utc(day: date, start: int, tz: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Return start and end of the hour that begins at this minute of the day, in UTC.

    None when the clock changes in it: a local time that occurs twice (autumn) or never (spring) is no hour.
    """
    begin = datetime.combine(day, time()) + timedelta(minutes=start)
    before, after = _offset(begin, tz), _offset(begin + HOUR, tz)
    if before is None or before != after:
        return None
    starts = (begin - before).replace(tzinfo=UTC)
    return starts, starts + HOUR


def _offset(wall: datetime, tz: ZoneInfo) -> timedelta | None:
    """Return the UTC offset of a local time; None when it occurs twice or never."""
    first = wall.replace(tzinfo=tz, fold=0).utcoffset()
    return first if first == wall.replace(tzinfo=tz, fold=1).utcoffset() else None


@lru_cache(maxsize=4096)
def cells(starts: datetime, ends: datetime) -> range:
    """Return the quarter-hours that overlap [starts, ends), numbered since 1970."""
    return range(int(starts.timestamp()) // CELL, -(-int(ends.timestamp()) // CELL))


@lru_cache(maxsize=4096)  # asked for each slot of a page with the same few moments
def blocked_cells(starts: datetime, ends: datetime, is_onsite: bool, buffer: timedelta) -> range:
    """Return the quarter-hours that teacher and room of an hour are taken: see `blocked_until`."""
    return cells(starts, ends + buffer if is_onsite else ends)


def instants(first: date, last: date, tz: ZoneInfo) -> tuple[datetime, datetime]:
    """Return begin and end of some local days in UTC; the day `last` is included."""
    begin, end = (datetime.combine(day, time(), tz) for day in (first, last + timedelta(days=1)))
    return begin.astimezone(UTC), end.astimezone(UTC)


def blocked_until(slot: Slot, buffer: timedelta) -> datetime:
    """Return when teacher and room are free again: after an appointment on site comes the buffer."""
    return slot.ends + buffer if slot.mode == Mode.ONSITE else slot.ends


@dataclass(frozen=True, slots=True)
class Notice:
    """Lead time and horizon: how soon and how far ahead a slot can be booked.

    A slot that starts now has begun.
    """

    lead: timedelta
    horizon: timedelta

    def bounds(self, *, now: datetime) -> tuple[datetime, datetime]:
        """Return the earliest and the latest start that is allowed."""
        return now + max(self.lead, timedelta.resolution), now + self.horizon

    def is_too_soon(self, starts: datetime, *, now: datetime) -> bool:
        return starts < self.bounds(now=now)[0]

    def is_too_far(self, starts: datetime, *, now: datetime) -> bool:
        return starts > self.bounds(now=now)[1]

    def allows(self, starts: datetime, *, now: datetime) -> bool:
        earliest, latest = self.bounds(now=now)
        return earliest <= starts <= latest
