"""Read one event of a calendar: what is understood, and whether anything of it was not.

Runs in the child only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from lms.adapters.external_calendar.components import Component, Property
from lms.adapters.external_calendar.values import DAY, Rule, parse_duration, parse_moment, parse_rule
from lms.adapters.external_calendar.zones import Zones

Moment = date | datetime
Period = tuple[Moment, Moment]
UNREADABLE_END = timedelta(hours=1)


@dataclass
class ReadEvent:
    """An event as it was understood. `doubtful`: something in it was not, and more may be busy."""

    uid: str
    starts: Moment
    ends: Moment
    free: bool = False
    sequence: int = 0
    recurrence_id: Moment | None = None
    this_and_future: bool = False
    rules: list[Rule] = field(default_factory=list)
    added: list[Moment | Period] = field(default_factory=list)
    removed: list[Moment] = field(default_factory=list)
    rule_lost: bool = False
    doubtful: bool = False

    @property
    def recurs(self) -> bool:
        """Return whether the event has more dates than its first."""
        return bool(self.rules or self.added)


@dataclass(frozen=True)
class LostEvent:
    """An event whose beginning is not understood. `day`: when it ends, if that is."""

    day: date | None


class EventReader:
    """Reads the events of one calendar with its time zones."""

    def __init__(self, calendar: Component, default: ZoneInfo) -> None:
        self._zones = Zones(calendar, default)
        self._shown_name = calendar.text("X-WR-TIMEZONE")
        self._doubtful = False

    def read(self, component: Component) -> ReadEvent | LostEvent | None:
        """Return the event; None for one that states no time at all."""
        self._doubtful = False
        # A date of a series that is cancelled need not say again when it begins.
        said = component.all("DTSTART") or component.all("RECURRENCE-ID")
        starts = self._first(said)
        if starts is None:
            known = self._first(component.all("DTEND") or component.all("RECURRENCE-ID"))
            is_event = bool(said or component.all("DTEND"))
            return LostEvent(self.day_of(known) if known else None) if is_event else None
        event = ReadEvent(component.text("UID"), starts, self._end(component, starts))
        event.free = _is_free(component)
        sequence = component.text("SEQUENCE")
        event.sequence = int(sequence) if sequence.isascii() and sequence.isdigit() else 0
        for found in component.all("RECURRENCE-ID"):
            event.recurrence_id = self._moment(found, found.value)
            event.this_and_future = found.parameters.get("RANGE", "").upper() == "THISANDFUTURE"
            self._doubtful = self._doubtful or event.recurrence_id is None
        for found in component.all("RRULE"):
            rule = parse_rule(found.value)
            event.rules += [rule] if rule else []
            event.rule_lost = event.rule_lost or rule is None
            self._doubtful = self._doubtful or rule is None or rule.doubtful
        event.added = list(self._periods(component.all("RDATE")))
        event.removed = [moment for moment in self._moments(component.all("EXDATE")) if moment]
        # Nobody writes rules of exceptions any more: their dates stay busy.
        event.doubtful = self._doubtful or bool(component.all("EXRULE"))
        return event

    def free_busy(self, component: Component) -> Iterator[ReadEvent | LostEvent]:
        """Yield the busy periods of a list of them, each as an event."""
        for found in component.all("FREEBUSY"):
            if found.parameters.get("FBTYPE", "").strip().upper() == "FREE":
                continue
            for text in filter(str.strip, found.value.split(",")):
                self._doubtful = False
                period = self._period(found, text)
                if isinstance(period, tuple):
                    yield ReadEvent("", *period, doubtful=self._doubtful)
                elif period is not None:
                    yield ReadEvent("", period, _after(period, UNREADABLE_END), doubtful=True)
                else:
                    yield LostEvent(None)

    def instant(self, moment: Moment) -> datetime:
        """Return the moment in UTC; a date is its midnight in the default zone."""
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time(), self._zones.default)
        return moment.astimezone(UTC)

    def day_of(self, moment: Moment) -> date:
        """Return the day of the moment in the default zone."""
        return moment.astimezone(self._zones.default).date() if isinstance(moment, datetime) else moment

    def _first(self, properties: list[Property]) -> Moment | None:
        """Return the first moment that is understood; a second one, or one that is not, is a doubt."""
        moments = [moment for found in properties if (moment := self._moment(found, found.value)) is not None]
        self._doubtful = self._doubtful or len(properties) > 1 or len(moments) < len(properties)
        return moments[0] if moments else None

    def _end(self, component: Component, starts: Moment) -> Moment:
        ends = self._first(component.all("DTEND"))
        if ends is not None:
            self._doubtful = self._doubtful or self.instant(ends) < self.instant(starts)
            return ends
        lengths = [parse_duration(found.value) for found in component.all("DURATION")]
        known = [length for length in lengths if length is not None]
        if known:
            return _after(starts, known[0])
        if not lengths and not component.all("DTEND"):
            return starts if isinstance(starts, datetime) else starts + DAY
        self._doubtful = True
        return _after(starts, UNREADABLE_END) if isinstance(starts, datetime) else starts + DAY

    def _moment(self, found: Property, text: str) -> Moment | None:
        """Return a date, or a time with its time zone."""
        moment = parse_moment(text)
        if moment is not None:  # the last and first years have no room for another time zone
            moment = moment.replace(year=min(max(moment.year, 2), 9997))
        if not isinstance(moment, datetime):
            return moment
        name = found.parameters.get("TZID", "")
        if moment.tzinfo is None:
            return moment.replace(tzinfo=self._zone(name))
        # Where a zone is named, events repeat by the clock of that zone; an offset is that of a wall clock.
        at_offset = None if moment.tzinfo is UTC else self._zones.default
        wall = self._zones.find(name or self._shown_name) or at_offset
        return moment.astimezone(wall) if wall else moment

    def _zone(self, name: str) -> tzinfo:
        name = name or self._shown_name
        if not name:
            return self._zones.default
        zone = self._zones.find(name)
        self._doubtful = self._doubtful or zone is None
        return zone or self._zones.default

    def _moments(self, properties: list[Property]) -> Iterator[Moment | None]:
        for found in properties:
            for text in filter(str.strip, found.value.split(",")):
                moment = self._moment(found, text)
                self._doubtful = self._doubtful or moment is None
                yield moment

    def _periods(self, properties: list[Property]) -> Iterator[Moment | Period]:
        for found in properties:
            for text in filter(str.strip, found.value.split(",")):
                period = self._period(found, text)
                self._doubtful = self._doubtful or period is None
                if period is not None:
                    yield period

    def _period(self, found: Property, text: str) -> Moment | Period | None:
        """Return a moment, or a period of two moments or of a moment and a length."""
        begin, slash, end = text.partition("/")
        starts = self._moment(found, begin)
        if starts is None or not slash:
            return starts
        if (length := parse_duration(end)) is not None:
            return starts, _after(starts, length)
        if (ends := self._moment(found, end)) is not None:
            return starts, ends
        self._doubtful = True
        return starts, _after(starts, UNREADABLE_END)


def _after(starts: Moment, length: timedelta) -> Moment:
    """Return the moment a length later; lengths are of time that passes, not of the clock on the wall."""
    try:
        if not isinstance(starts, datetime):
            whole = datetime.combine(starts, time()) + length
            return whole.date() if whole.time() == time() else starts + timedelta(days=length.days + 1)
        if length.seconds or length.microseconds:
            return (starts.astimezone(UTC) + length).astimezone(starts.tzinfo)
        return starts + length
    except OverflowError:
        return starts


def _is_free(component: Component) -> bool:
    """Return whether the event was cancelled, or its owner is free meanwhile. Two answers are none."""
    answers = {
        name: {found.value.strip().upper() for found in component.all(name)}
        for name in ("STATUS", "TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS")
    }
    return (
        answers["STATUS"] == {"CANCELLED"}
        or answers["TRANSP"] == {"TRANSPARENT"}
        or answers["X-MICROSOFT-CDO-BUSYSTATUS"] == {"FREE"}
    )
