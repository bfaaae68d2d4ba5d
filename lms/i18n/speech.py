"""What the listen button says when the device has no voice for the page's language: the French words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask_babel import force_locale, get_locale

from lms.i18n.dates import day
from lms.i18n.languages import shown_in


def in_french(block: Callable[[], str]) -> str:
    """A block of the page once more, in French."""
    with force_locale("fr"):
        return block()


def own_day(moment: datetime | date, zone: ZoneInfo) -> str:
    """The day in the language that is being written: of the page, or French inside `in_french`."""
    return day(moment, zone, shown_in(str(get_locale())).code)
