"""Days and hours as people write them: "jeudi 26 novembre", "14 h 30"."""

from __future__ import annotations

from datetime import date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask_babel import get_locale, gettext

# Weekday, day, month without the year: CLDR has such a pattern only with the year.
_PATTERNS = {
    "ar": "EEEE، d MMMM",
    "en": "EEEE d MMMM",
    "fr": "EEEE d MMMM",
    "tr": "d MMMM EEEE",
    "uk": "EEEE, d MMMM",
}
NBSP = "\N{NO-BREAK SPACE}"


@lru_cache(maxsize=2000)
def hour(moment: datetime | time, zone: ZoneInfo) -> str:
    """Return the hour as "9 h 00", with the same digits in every language: they must match the clock."""
    local = moment.astimezone(zone) if isinstance(moment, datetime) else moment
    return f"{local.hour}{NBSP}h{NBSP}{local.minute:02d}"


def day(moment: datetime | date, zone: ZoneInfo, language: str = "fr") -> str:
    """Return weekday, day and month, without the year."""
    return _format(_date(moment, zone), _PATTERNS[language], language)


def short_day(moment: datetime | date, zone: ZoneInfo, language: str = "fr") -> str:
    """Return weekday, day and month, abbreviated and without the year."""
    pattern = _PATTERNS[language].replace("EEEE", "EEE").replace("MMMM", "MMM")
    return _format(_date(moment, zone), pattern, language)


def full_day(moment: datetime | date, zone: ZoneInfo, language: str = "fr") -> str:
    """Return weekday, day, month and year."""
    return _format(_date(moment, zone), _PATTERNS[language].replace("MMMM", "MMMM y"), language)


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a moment was: "3 j", "5 h", "12 min", at least one minute."""
    seconds = max(60, int((now - moment).total_seconds()))
    unit = 86400 if seconds >= 86400 else 3600 if seconds >= 3600 else 60
    locale = get_locale()
    return _duration(seconds // unit, unit, locale.language if locale else "")


@lru_cache(maxsize=1000)
def _duration(number: int, unit: int, _language: str) -> str:
    """Return a number of days, hours or minutes in the current language, which is `_language`."""
    if unit == 86400:
        return str(gettext("%(n)s j", n=number))
    return str(gettext("%(n)s h", n=number) if unit == 3600 else gettext("%(n)s min", n=number))


@lru_cache(maxsize=2000)
def _format(local: date, pattern: str, language: str) -> str:
    """Return the formatted day; French writes the first of a month as "mardi 1er décembre"."""
    text = format_date(local, pattern, locale=language)
    return text.replace(" 1 ", " 1er ", 1) if local.day == 1 and language == "fr" else text


def _date(moment: datetime | date, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date() if isinstance(moment, datetime) else moment
