"""Days and hours as they stand on a letter of the service: "jeudi 26 novembre", "14 h 30"."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask_babel import gettext

# Weekday, day, month: what each language says without the year (CLDR offers it with one only).
_PATTERNS = {
    "ar": "EEEE، d MMMM",
    "en": "EEEE d MMMM",
    "fr": "EEEE d MMMM",
    "tr": "d MMMM EEEE",
    "uk": "EEEE, d MMMM",
}
NBSP = "\N{NO-BREAK SPACE}"


def hour(moment: datetime | time, zone: ZoneInfo) -> str:
    """ "9 h 00": the same digits in every language, because they must match the clock and the card."""
    wall = moment.astimezone(zone) if isinstance(moment, datetime) else moment
    return f"{wall.hour}{NBSP}h{NBSP}{wall.minute:02d}"


def day(moment: datetime | date, zone: ZoneInfo, language: str = "fr") -> str:
    """Weekday, day and month, without the year."""
    return _said(_date(moment, zone), _PATTERNS[language], language)


def short_day(moment: datetime | date, zone: ZoneInfo, language: str = "fr") -> str:
    pattern = _PATTERNS[language].replace("EEEE", "EEE").replace("MMMM", "MMM")
    return _said(_date(moment, zone), pattern, language)


def full_day(moment: datetime | date, zone: ZoneInfo, language: str = "fr") -> str:
    return _said(_date(moment, zone), _PATTERNS[language].replace("MMMM", "MMMM y"), language)


def ago(moment: datetime, now: datetime) -> str:
    """ "3 j", "5 h", "12 min": how long a copy has been waiting."""
    seconds = max(0, int((now - moment).total_seconds()))
    if seconds >= 86400:
        return str(gettext("%(n)s j", n=seconds // 86400))
    if seconds >= 3600:
        return str(gettext("%(n)s h", n=seconds // 3600))
    return str(gettext("%(n)s min", n=max(1, seconds // 60)))


def _said(wall: date, pattern: str, language: str) -> str:
    """French counts the first of a month: "mardi 1er décembre"."""
    text = format_date(wall, pattern, locale=language)
    return text.replace(" 1 ", " 1er ", 1) if wall.day == 1 and language == "fr" else text


def _date(moment: datetime | date, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date() if isinstance(moment, datetime) else moment
