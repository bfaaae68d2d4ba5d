"""Read dates, times, durations and recurrence rules of a calendar, in every spelling that can be understood.

Runs in the child only. None means: not understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

DAY = timedelta(days=1)
_MOMENT = re.compile(
    r"(\d{4})[-/]?(\d\d)[-/]?(\d\d)"
    r"(?:(?:\s*T\s*|\s+)(\d\d):?(\d\d)(?::?(\d\d)(?:[.,]\d+)?)?\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?)?",
    re.IGNORECASE,
)
_DURATION = re.compile(
    r"([+-])?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?"
    r"(?:T(?:(\d+(?:[.,]\d+)?)H)?(?:(\d+(?:[.,]\d+)?)M)?(?:(\d+(?:[.,]\d+)?)S)?)?",
    re.IGNORECASE,
)
_LONGEST = timedelta(days=36_500)
_BYDAY = re.compile(r"([+-]?\d{1,2})?(?:MO|TU|WE|TH|FR|SA|SU)")
SECONDS = {
    "SECONDLY": 1,
    "MINUTELY": 60,
    "HOURLY": 3600,
    "DAILY": 86_400,
    "WEEKLY": 7 * 86_400,
    "MONTHLY": 28 * 86_400,
    "YEARLY": 365 * 86_400,
}
_NUMBERS = {  # smallest and largest value of each list, and whether it counts from the end as well
    "BYSECOND": (0, 59, False),
    "BYMINUTE": (0, 59, False),
    "BYHOUR": (0, 23, False),
    "BYMONTH": (1, 12, False),
    "BYMONTHDAY": (1, 31, True),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYSETPOS": (1, 366, True),
}


def parse_moment(text: str) -> date | datetime | None:
    """Return a date, a time without time zone, or a time with the offset that the text states."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    try:
        whole = date(year, month, day)
        if found.group(4) is None:
            return whole
        if hour == 24:  # the end of the day
            whole, hour = whole + DAY, 0
        return datetime.combine(whole, time(hour, minute, min(second, 59), tzinfo=_offset(found.group(7))))
    except (ValueError, OverflowError):
        return None


def _offset(text: str | None) -> timezone | None:
    if not text:
        return None
    if text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def parse_duration(text: str) -> timedelta | None:
    """Return a duration, of a hundred years at most; a year has 365 days, a month has 30."""
    text = text.strip()
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()[1:]):
        return None
    years, months, weeks, days, hours, minutes, seconds = (
        float((part or "0").replace(",", ".")) for part in found.groups()[1:]
    )
    try:
        length = timedelta(
            days=years * 365 + months * 30 + days, weeks=weeks, hours=hours, minutes=minutes, seconds=seconds
        )
    except OverflowError:
        length = _LONGEST
    length = min(length, _LONGEST)
    return -length if found.group(1) == "-" else length


@dataclass(frozen=True)
class Rule:
    """A recurrence rule. `doubtful`: a part of it was not understood and is left out."""

    frequency: str
    interval: int
    count: int | None
    until: date | datetime | None
    lists: dict[str, list[str]]
    doubtful: bool

    def text(self, until: str | None) -> str:
        """Return the rule as iCalendar writes it, with another end."""
        parts = [f"FREQ={self.frequency}", f"INTERVAL={self.interval}"]
        parts += [f"COUNT={self.count}"] if self.count else []
        parts += [f"UNTIL={until}"] if until else []
        return ";".join(parts + [f"{name}={','.join(values)}" for name, values in self.lists.items()])

    @property
    def step(self) -> timedelta:
        """Shortest time from one turn of the rule to the next."""
        return timedelta(seconds=SECONDS[self.frequency] * self.interval)

    @property
    def times_a_turn(self) -> int:
        """Number of times that hours, minutes and seconds add to one turn of the rule."""
        times = 1
        for name, unit in (("BYHOUR", 3600), ("BYMINUTE", 60), ("BYSECOND", 1)):
            if SECONDS[self.frequency] > unit:
                times *= max(1, len(self.lists.get(name, [])))
        return times


def parse_rule(text: str) -> Rule | None:
    """Return a recurrence rule; None when nobody can say on which dates it falls."""
    parts: dict[str, str] = {}
    for piece in re.sub(r"\s", "", text.upper()).split(";"):
        name, _equals, value = piece.partition("=")
        if value:
            parts[name] = value
    frequency, interval = parts.pop("FREQ", ""), parts.pop("INTERVAL", "1")
    if frequency not in SECONDS or not _is_number(interval, 1, 99_999):
        return None
    doubtful = False
    count, until = parts.pop("COUNT", None), parts.pop("UNTIL", None)
    if count is not None and not _is_number(count.lstrip("-"), 0, 10**12):
        count, doubtful = None, True
    ends = parse_moment(until) if until else None
    doubtful = doubtful or (until is not None and ends is None)
    lists: dict[str, list[str]] = {}
    for name, value in parts.items():
        check = _CHECKS.get(name)
        if check is None:
            doubtful = doubtful or (name, value) not in (("RSCALE", "GREGORIAN"), ("SKIP", "OMIT"))
        elif all(check(each) for each in value.split(",")):
            lists[name] = value.split(",")
        else:
            return None
    # Software that counts down to no date at all writes it below zero: one without end is meant.
    number = None if count is None or count.startswith("-") else max(1, int(count))
    return Rule(frequency, int(interval), number, ends, lists, doubtful)


def _is_number(text: str, lowest: int, highest: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 14 and lowest <= int(text) <= highest


def _number_check(lowest: int, highest: int, from_end: bool) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        return _is_number(text.removeprefix("+").removeprefix("-" if from_end else "+"), lowest, highest)

    return check


def _checks() -> Iterator[tuple[str, Callable[[str], bool]]]:
    for name, limits in _NUMBERS.items():
        yield name, _number_check(*limits)
    yield "WKST", lambda text: text in ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
    yield "BYDAY", lambda text: bool((found := _BYDAY.fullmatch(text)) and int(found.group(1) or 1))


_CHECKS = dict(_checks())
