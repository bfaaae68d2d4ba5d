"""Quiet hours: the hours on the clock between which nobody is asked and no time to answer runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lms.models import Organisation

DAY = timedelta(days=1)
NOTHING = timedelta(0)


def is_quiet(organisation: Organisation, moment: datetime, *, zone: ZoneInfo) -> bool:
    """Return whether the moment lies in the quiet hours."""
    spans = awake_spans(organisation, moment, moment + timedelta(seconds=1), zone=zone)
    return next(spans, None) is None


def awake_spans(
    organisation: Organisation, begin: datetime, end: datetime, *, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the parts of [begin, end) outside the quiet hours, in UTC and in their order."""
    day = begin.astimezone(zone).date()
    while day <= end.astimezone(zone).date():
        for first, last in _awake_hours(organisation):
            starts = max(begin, _local_hour(day, first, zone=zone))
            ends = min(end, _local_hour(day, last, zone=zone))
            if starts < ends:
                yield starts, ends
        day += DAY


def after_awake(
    organisation: Organisation, wanted: timedelta, begin: datetime, end: datetime, *, zone: ZoneInfo
) -> datetime | None:
    """Return when `wanted` has passed since `begin`, or half of what is left until `end`.

    Quiet hours do not count. None when nothing is left.
    """
    spans = list(awake_spans(organisation, begin, end, zone=zone))
    left = min(wanted, sum((ends - starts for starts, ends in spans), NOTHING) / 2)
    for starts, ends in spans:
        if left <= ends - starts:
            return (starts + left).replace(microsecond=0)
        left -= ends - starts
    return None


def _awake_hours(organisation: Organisation) -> list[tuple[int, int]]:
    """Return the hours of a day outside the quiet hours, as (from, until)."""
    quiet, over = organisation.quiet_from, organisation.quiet_until
    if quiet == over:
        return [(0, 24)]
    return [(over, quiet)] if over < quiet else [(0, quiet), (over, 24)]


def _local_hour(day: date, hour: int, *, zone: ZoneInfo) -> datetime:
    moment = datetime.combine(day + DAY if hour == 24 else day, time(hour % 24), zone)
    return moment.astimezone(UTC)
