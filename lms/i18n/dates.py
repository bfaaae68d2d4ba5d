"""Days and hours as they stand on a letter of the service: "jeudi 26 novembre", "14 h 30"."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton

NBSP = "\N{NO-BREAK SPACE}"


def hour(moment: datetime | time, zone: ZoneInfo) -> str:
    """ "9 h 00": the same digits in every language, because they must match the clock and the card."""
    wall = moment.astimezone(zone) if isinstance(moment, datetime) else moment
    return f"{wall.hour}{NBSP}h{NBSP}{wall.minute:02d}"


def day(moment: datetime | date, zone: ZoneInfo, language: str = "fr") -> str:
    """Weekday, day and month, without the year."""
    wall = _date(moment, zone)
    if language == "fr":
        return format_date(wall, "EEEE d MMMM", locale="fr")
    # A skeleton wants an instant of that day: noon, and no zone to shift it.
    noon = datetime.combine(wall, time(12), UTC)
    return format_skeleton("MMMMEEEEd", noon, locale=language)


def short_day(moment: datetime | date, zone: ZoneInfo) -> str:
    return format_date(_date(moment, zone), "EEE d MMM", locale="fr")


def full_day(moment: datetime | date, zone: ZoneInfo) -> str:
    return format_date(_date(moment, zone), "EEEE d MMMM y", locale="fr")


def ago(moment: datetime, now: datetime) -> str:
    """ "3 j", "5 h", "12 min": how long a copy has been waiting."""
    seconds = max(0, int((now - moment).total_seconds()))
    if seconds >= 86400:
        return f"{seconds // 86400}{NBSP}j"
    if seconds >= 3600:
        return f"{seconds // 3600}{NBSP}h"
    return f"{max(1, seconds // 60)}{NBSP}min"


def _date(moment: datetime | date, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date() if isinstance(moment, datetime) else moment
