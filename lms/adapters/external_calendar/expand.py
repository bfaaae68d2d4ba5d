"""Expand a calendar to the spans of its events: recurrence rules, exceptions and moved dates.

Runs in the child only. Titles and texts are dropped before anything is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Component, Event, vDDDTypes, vRecur

from lms.adapters.external_calendar import CalendarError
from lms.refusal_codes import RefusalCode

MOST_EVENTS = 20_000
LONGEST_UID = 64  # only the uids of our own appointments are needed, and they are shorter
DAY = timedelta(days=1)
_TOO_OFTEN = {"SECONDLY", "MINUTELY", "HOURLY"}
_TIMES_A_DAY = 24
# Properties of times and status; none with a title, a place or people.
_WHEN = re.compile(
    rb"(?:BEGIN|END|UID|DTSTART|DTEND|DURATION|RRULE|EXRULE|RDATE|EXDATE|RECURRENCE-ID|SEQUENCE|STATUS|TRANSP|"
    rb"X-MICROSOFT-CDO-BUSYSTATUS|TZID|TZOFFSETFROM|TZOFFSETTO|TZNAME|X-WR-TIMEZONE|VERSION|PRODID)[;:]",
    re.IGNORECASE,
)

Span = tuple[str, int, int]  # uid, first and last second


def spans(text: bytes, first: datetime, last: datetime, zone: ZoneInfo) -> list[Span]:
    """Return the spans of the busy events that overlap [first, last).

    Events without a time zone are in `zone`. Raises `CalendarError` when the text is no calendar or has too
    many events.
    """
    found: list[Span] = []
    for calendar in _parsed(text):
        calendar.subcomponents = [part for part in calendar.subcomponents if _has_start(part)]
        _check_density(calendar)
        # A day more at both ends: the library places an event without time zone in another one than ours.
        events = recurring_ical_events.of(calendar, skip_bad_series=True).between(first - DAY, last + DAY)
        for event in events:
            if len(found) >= MOST_EVENTS:
                raise CalendarError(RefusalCode.CALENDAR_TOO_DENSE)
            found += _span(event, first, last, zone)
    return found


def _parsed(text: bytes) -> list[Calendar]:
    lines = text.replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").strip()  # PostgreSQL knows no NUL
    if not lines[:15].upper() == b"BEGIN:VCALENDAR" or not lines[-13:].upper() == b"END:VCALENDAR":
        raise CalendarError(RefusalCode.CALENDAR_BROKEN)
    unfolded = re.sub(rb"\r?\n[ \t]", b"", lines)
    kept = [line for line in unfolded.splitlines() if _WHEN.match(line)]
    if _count_lines(kept, b"BEGIN:") != _count_lines(kept, b"END:"):
        raise CalendarError(RefusalCode.CALENDAR_BROKEN)
    try:
        return list(Calendar.from_ical(b"\r\n".join(kept).decode("utf-8", "replace"), multiple=True))
    except (ValueError, KeyError, IndexError):
        raise CalendarError(RefusalCode.CALENDAR_BROKEN) from None


def _count_lines(lines: list[bytes], word: bytes) -> int:
    return sum(line[: len(word)].upper() == word for line in lines)


def _has_start(part: Component) -> bool:
    return part.name != "VEVENT" or isinstance(part.get("DTSTART"), vDDDTypes)


def _check_density(calendar: Calendar) -> None:
    for component in calendar.walk():
        for rule in (*_rules(component, "RRULE"), *_rules(component, "EXRULE")):
            often = {str(word).upper() for word in rule.get("FREQ", [])}
            times = 1
            for part in ("BYHOUR", "BYMINUTE", "BYSECOND"):
                times *= max(1, len(rule.get(part, [])))
            if often & _TOO_OFTEN or times > _TIMES_A_DAY:
                raise CalendarError(RefusalCode.CALENDAR_TOO_DENSE)


def _rules(component: Component, name: str) -> Iterator[vRecur]:
    """Yield the recurrence rules; one that the parser does not understand is not expanded either."""
    found = component.get(name, [])
    yield from (rule for rule in (found if isinstance(found, list) else [found]) if isinstance(rule, vRecur))


def _span(event: Event, first: datetime, last: datetime, zone: ZoneInfo) -> Iterator[Span]:
    """Yield the span of an event within [first, last), parts of seconds rounded outwards.

    Nothing for a cancelled event, or when the teacher is free meanwhile.
    """
    if str(event.get("STATUS", "")).upper() == "CANCELLED" or _is_free(event):
        return
    starts, ends = event.start, event.end
    if not isinstance(starts, datetime) and ends <= starts:
        ends = starts + DAY
    begin, end = max(_instant(starts, zone), first), min(_instant(ends, zone), last)
    if begin < end:
        yield str(event.get("UID", ""))[:LONGEST_UID], int(begin.timestamp()), ceil(end.timestamp())


def _is_free(event: Event) -> bool:
    transparent = str(event.get("TRANSP", "")).upper() == "TRANSPARENT"
    return transparent or str(event.get("X-MICROSOFT-CDO-BUSYSTATUS", "")).upper() == "FREE"


def _instant(moment: date, zone: ZoneInfo) -> datetime:
    """Return the moment in UTC: a date is its midnight in `zone`, a time without time zone is in `zone`."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
