"""Expand a calendar to the spans of its events: recurrence rules, exceptions and moved dates.

Runs in the child only. What is not understood hides hours and is counted: one bad event never makes
a calendar unreadable.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Event, vRecur

from lms.adapters.external_calendar import CalendarError
from lms.adapters.external_calendar.components import Component, parse_components
from lms.adapters.external_calendar.event import EventReader, LostEvent, Moment, Period, ReadEvent
from lms.adapters.external_calendar.guard import OutOfTime, TimeBudget
from lms.adapters.external_calendar.values import DAY, Rule
from lms.refusal_codes import RefusalCode

MOST_EVENTS = 20_000
LONGEST_UID = 64  # only the uids of our own appointments are needed, and they are shorter
# A series with more turns than these is not expanded: it is busy from its first date to its end.
MOST_TURNS, MOST_TURNS_IN_SIGHT = 60_000, 10_000
MOST_OVERLAPPING, LONG_EVENT = 1000, timedelta(days=366)  # one turn lasts until the next begins

Span = tuple[str, int, int]  # uid, first and last second


@dataclass
class Expansion:
    """Spans of the busy events, and the day of each event that was misread; None for an unknown day."""

    spans: list[Span] = field(default_factory=list)
    misread: list[date | None] = field(default_factory=list)


def expand(text: bytes, first: datetime, last: datetime, zone: ZoneInfo) -> Expansion:
    """Return the busy events that overlap [first, last), and those that were misread.

    Events without a time zone are in `zone`. Raises `CalendarError` when the text is no calendar, when it has
    events and none is understood, or when it has too many.
    """
    whole = _Expander(first, last)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an end and a number of times in one rule, for example
        for calendar in parse_components(text):
            whole.add(calendar, EventReader(calendar, zone))
    if whole.lost and not whole.understood:
        raise CalendarError(RefusalCode.CALENDAR_NOT_UNDERSTOOD)
    if len(whole.found) > MOST_EVENTS:
        raise CalendarError(RefusalCode.CALENDAR_TOO_DENSE)
    return Expansion(sorted(whole.found), whole.misread)


class _Expander:
    """Collects what the calendars of one text hold."""

    def __init__(self, first: datetime, last: datetime) -> None:
        self.first, self.last = first, last
        self.found: set[Span] = set()
        self.misread: list[date | None] = []
        self.understood = self.lost = 0
        self._budget = TimeBudget()

    def add(self, calendar: Component, reader: EventReader) -> None:
        groups: dict[str, list[ReadEvent]] = defaultdict(list)
        events = [reader.read(component) for component in calendar.walk("VEVENT")]
        for component in calendar.walk("VFREEBUSY"):
            events += reader.free_busy(component)
        for number, event in enumerate(events):
            if isinstance(event, LostEvent):
                self.lost += 1
                if event.day is None or self._in_sight(event.day):
                    self.misread.append(event.day)
            elif event is not None:
                self.understood += 1
                groups[event.uid or f" {number}"].append(event)
        for group in groups.values():
            self._add_group(group, reader)

    def _add_group(self, events: list[ReadEvent], reader: EventReader) -> None:
        """Add what has one uid: an event or series with its moved dates, or several by mistake."""
        moved = [event for event in events if event.recurrence_id is not None]
        newest = max((event.sequence for event in events if event.recurrence_id is None), default=0)
        heads = [event for event in events if event.recurrence_id is None and event.sequence == newest]
        for series in [[event, *moved] for event in heads] or [moved]:
            if not self._may_be_in_sight(series, reader):
                continue
            if len(series) == 1 and not series[0].recurs and _same_kind(series[0]):
                self._keep(*_busy(series[0]), reader)
            else:
                self._add_series(series, reader)
        self.misread += [
            reader.day_of(event.starts) for event in events if event.doubtful and self._counts(event, reader)
        ]

    def _add_series(self, series: list[ReadEvent], reader: EventReader) -> None:
        head = series[0]
        try:
            if head.recurrence_id is None and (end := self._end_of_dense(head, reader)):
                head.doubtful = True
                self._keep(*_busy(replace(head, ends=end)), reader)
                series = series[1:]
            with self._budget.series():
                self._keep(head.uid, self._expanded(series, reader), reader)
        except (OutOfTime, Exception):  # noqa: BLE001 whatever a library makes of it, the others are read
            # At least the dates that are written down.
            for event in series:
                event.doubtful = True
                self._keep(*_busy(event), reader)

    def _expanded(self, series: list[ReadEvent], reader: EventReader) -> Iterator[Period]:
        calendar = Calendar()
        for event in series:
            if event.recurrence_id is not None:
                event.recurrence_id = _at(event.recurrence_id, series[0].starts)
            calendar.add_component(self._component(event, reader))
        # A day more at both ends: the library places a whole day in another time zone than ours.
        for found in recurring_ical_events.of(calendar).between(self.first - DAY, self.last + DAY):
            if found["X-FREE"] != "1":
                yield found.start, found.end

    def _component(self, event: ReadEvent, reader: EventReader) -> Event:
        """Return the event in one spelling, near the days in sight."""
        starts, ends = event.starts, event.ends
        if len(event.rules) == 1 and (shift := self._shift(event, event.rules[0], reader)):
            starts, ends = starts + shift, _like(ends, starts) + shift
        found = Event()
        found.add("UID", event.uid or "-")
        found.add("X-FREE", "1" if event.free else "0")
        found.add("SEQUENCE", event.sequence)
        found.add("DTSTART", starts)
        found.add("DTEND", ends)
        for rule in event.rules:
            found.add("RRULE", vRecur.from_ical(rule.text(_until(rule, starts))))
        for moment in event.added:
            found.add("RDATE", [moment])
        for exception in event.removed:
            found.add("EXDATE", [_like(exception, starts)])
        if event.recurrence_id is not None:
            parameters = {"RANGE": "THISANDFUTURE"} if event.this_and_future else {}
            found.add("RECURRENCE-ID", event.recurrence_id, parameters=parameters)
        return found

    def _shift(self, event: ReadEvent, rule: Rule, reader: EventReader) -> timedelta:
        """Return how far the start may move with the same result: whole turns of the rule, out of sight."""
        if (
            rule.count
            or rule.frequency in ("MONTHLY", "YEARLY")
            or (rule.step < DAY and not isinstance(event.starts, datetime))
        ):
            return timedelta()
        length = reader.instant(event.ends) - reader.instant(event.starts)
        ahead = self.first - abs(length) - 3 * DAY - reader.instant(event.starts)
        return max(0, ahead // rule.step) * rule.step

    def _end_of_dense(self, event: ReadEvent, reader: EventReader) -> Moment | None:
        """Return when a series with too many turns ends; None for one that can be expanded."""
        end: Moment | None = None
        length = reader.instant(event.ends) - reader.instant(event.starts)
        for rule in event.rules:
            begins = reader.instant(event.starts + self._shift(event, rule, reader))
            stops = self.last
            if rule.until is not None:
                stops = min(stops, reader.instant(_until_moment(rule.until, event.starts)))
            turns = max(0, (stops - begins) // rule.step) * rule.times_a_turn
            in_sight = max(0, (stops - max(begins, self.first)) // rule.step) * rule.times_a_turn
            if rule.count and rule.count <= turns:
                turns, in_sight = rule.count, min(in_sight, rule.count)
                if not rule.lists:
                    stops = begins + rule.count * rule.step
            overlaps = length > LONG_EVENT if rule.lists else length >= rule.step
            if (
                turns > MOST_TURNS
                or in_sight > MOST_TURNS_IN_SIGHT
                or (overlaps and turns > MOST_OVERLAPPING)
            ):
                end = stops
        return end

    def _keep(self, uid: str, periods: Iterable[Period], reader: EventReader) -> None:
        """Keep what lies within [first, last), parts of seconds rounded outwards."""
        for starts, ends in periods:
            whole_day = ends == starts and not isinstance(starts, datetime)
            last = starts + DAY if whole_day else ends
            begin, end = sorted((self._instant(starts, reader), self._instant(last, reader)))
            if begin < end:
                self.found.add((uid[:LONGEST_UID], int(begin.timestamp()), ceil(end.timestamp())))

    def _instant(self, moment: Moment, reader: EventReader) -> datetime:
        """Return the moment, or the limit of what is in sight when it lies beyond."""
        if moment.year < self.first.year - 1:
            return self.first
        if moment.year > self.last.year + 1:
            return self.last
        return min(max(reader.instant(moment), self.first), self.last)

    def _may_be_in_sight(self, series: list[ReadEvent], reader: EventReader) -> bool:
        """Return False when the series is over and does not recur, as most events of an old calendar."""
        return any(
            event.recurs
            or event.recurrence_id is not None
            or self._instant(event.starts, reader) != self._instant(event.ends, reader)
            or self._in_sight(reader.day_of(event.starts))
            for event in series
        )

    def _in_sight(self, day: date) -> bool:
        return self.first.date() - DAY <= day <= self.last.date()

    def _counts(self, event: ReadEvent, reader: EventReader) -> bool:
        """Return whether a misread event matters for the days in sight."""
        day = reader.day_of(event.starts)
        over = not event.recurs and not event.rule_lost and not self._in_sight(day)
        return day <= self.last.date() and not over and not event.free


def _busy(event: ReadEvent) -> tuple[str, list[Period]]:
    return event.uid, [] if event.free else [(event.starts, event.ends)]


def _same_kind(event: ReadEvent) -> bool:
    return isinstance(event.starts, datetime) == isinstance(event.ends, datetime)


def _like(moment: Moment, other: Moment) -> Moment:
    """Return the day of a moment where the other is a day, and its time in the time zone of the other."""
    if not isinstance(moment, datetime):
        return moment
    return moment.astimezone(other.tzinfo) if isinstance(other, datetime) else moment.date()


def _at(day: Moment, starts: Moment) -> Moment:
    """Return which date of a series is meant, when only its day is named or when its days are whole."""
    if isinstance(starts, datetime) and not isinstance(day, datetime):
        return datetime.combine(day, starts.timetz())
    return _like(day, starts)


def _until_moment(until: Moment, starts: Moment) -> Moment:
    """Return the end of a rule: a day counts whole, a time without time zone is in that of the start."""
    if not isinstance(starts, datetime):
        return until.date() if isinstance(until, datetime) else until
    if not isinstance(until, datetime):
        return datetime.combine(until, time(23, 59, 59), starts.tzinfo)
    return until if until.tzinfo else until.replace(tzinfo=starts.tzinfo)


def _until(rule: Rule, starts: Moment) -> str | None:
    """Return the end of the rule as iCalendar writes it for such a start."""
    if rule.until is None:
        return None
    until = _until_moment(rule.until, starts)
    if not isinstance(until, datetime):
        return f"{until:%Y%m%d}"
    return f"{until.astimezone(UTC):%Y%m%dT%H%M%SZ}"
