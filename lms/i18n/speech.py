"""Text of the listen button: French where the device has no voice for the language of the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask_babel import force_locale, get_locale

from lms.i18n.dates import day
from lms.i18n.languages import shown_in


def in_french(block: Callable[[], str]) -> str:
    """Return a block of a template rendered in French."""
    with force_locale("fr"):
        return block()


def own_day(moment: datetime | date, zone: ZoneInfo) -> str:
    """Return the day in the current language: that of the page, or French inside `in_french`."""
    return day(moment, zone, shown_in(str(get_locale())).code)
