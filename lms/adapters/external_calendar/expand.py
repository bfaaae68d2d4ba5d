"""Which instants a calendar holds: rules, exceptions and moved dates spread over the days that count.

Runs in the child only. Titles and texts go before anything is parsed.
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

MOST_EVENTS = 20_000
LONGEST_UID = 64  # those of our own appointments are shorter, and nobody else is looked for
DAY = timedelta(days=1)
_TOO_OFTEN = {"SECONDLY", "MINUTELY", "HOURLY"}
_TIMES_A_DAY = 24
# Everything that says when; nothing that says what, where or with whom.
_WHEN = re.compile(
    rb"(?:BEGIN|END|UID|DTSTART|DTEND|DURATION|RRULE|EXRULE|RDATE|EXDATE|RECURRENCE-ID|SEQUENCE|STATUS|TRANSP|"
    rb"X-MICROSOFT-CDO-BUSYSTATUS|TZID|TZOFFSETFROM|TZOFFSETTO|TZNAME|X-WR-TIMEZONE|VERSION|PRODID)[;:]",
    re.IGNORECASE,
)

Span = tuple[str, int, int]  # uid, first and last second


def spans(text: bytes, first: datetime, last: datetime, zone: ZoneInfo) -> list[Span]:
    """Raises Unreadable when it is no calendar, or one that would never end."""
    found: list[Span] = []
    for calendar in _parsed(text):
        calendar.subcomponents = [part for part in calendar.subcomponents if _has_a_day(part)]
        _refuse_what_is_too_dense(calendar)
        # A day more at both ends: an event without zone lies elsewhere for whoever spreads it.
        events = recurring_ical_events.of(calendar, skip_bad_series=True).between(first - DAY, last + DAY)
        for event in events:
            if len(found) >= MOST_EVENTS:
                raise CalendarError("calendar_too_dense")
            found += _span(event, first, last, zone)
    return found


def _parsed(text: bytes) -> list[Calendar]:
    lines = text.replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").strip()  # PostgreSQL knows no NUL
    if not lines[:15].upper() == b"BEGIN:VCALENDAR" or not lines[-13:].upper() == b"END:VCALENDAR":
        raise CalendarError("calendar_broken")
    unfolded = re.sub(rb"\r?\n[ \t]", b"", lines)
    kept = [line for line in unfolded.splitlines() if _WHEN.match(line)]
    if _opened(kept, b"BEGIN:") != _opened(kept, b"END:"):
        raise CalendarError("calendar_broken")
    try:
        return list(Calendar.from_ical(b"\r\n".join(kept).decode("utf-8", "replace"), multiple=True))
    except (ValueError, KeyError, IndexError):
        raise CalendarError("calendar_broken") from None


def _opened(lines: list[bytes], word: bytes) -> int:
    return sum(line[: len(word)].upper() == word for line in lines)


def _has_a_day(part: Component) -> bool:
    return part.name != "VEVENT" or isinstance(part.get("DTSTART"), vDDDTypes)


def _refuse_what_is_too_dense(calendar: Calendar) -> None:
    for component in calendar.walk():
        for rule in (*_rules(component, "RRULE"), *_rules(component, "EXRULE")):
            often = {str(word).upper() for word in rule.get("FREQ", [])}
            times = 1
            for part in ("BYHOUR", "BYMINUTE", "BYSECOND"):
                times *= max(1, len(rule.get(part, [])))
            if often & _TOO_OFTEN or times > _TIMES_A_DAY:
                raise CalendarError("calendar_too_dense")


def _rules(component: Component, name: str) -> Iterator[vRecur]:
    """A rule that nobody understands is not spread either."""
    said = component.get(name, [])
    yield from (rule for rule in (said if isinstance(said, list) else [said]) if isinstance(rule, vRecur))


def _span(event: Event, first: datetime, last: datetime, zone: ZoneInfo) -> Iterator[Span]:
    """Nothing when she is free meanwhile. Parts of seconds are rounded outwards."""
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
    """A date is its midnight on our wall; a time without zone is one of our clock."""
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
