"""Calendars that people really have, and when their owner is busy: the one table of right values.

Each file of `tests/fixtures/calendars` stands in the table once. The days from 20 November 2026 to 29 April
2027 are read; times are those of a wall in Brussels. A name is that of its file, with `_` for a sign that no
file may have.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from config import BRUSSELS
from lms.adapters.external_calendar import CalendarError
from lms.adapters.external_calendar.expand import expand
from tests.factories import wall

FOLDER = Path(__file__).parents[2] / "fixtures" / "calendars"
FIRST, LAST = wall("2026-11-20", "00:00"), wall("2027-04-30", "00:00")

# What is busy; and behind a second bar the days of the events that are counted as misread.
TABLE = {
    "01.12 10:00-11:00": """
    blank-lines
    count-0
    cr-only
    crcrlf
    date-value-with-time
    declined
    description-says-status
    dtend-utc-start-tz
    duration-and-dtend
    folded-blank-before
    folded-dtstart
    fr-display-name-quoted-no-vtz
    fr-windows-name
    iso-dates
    lf-only
    lower-case-keys
    lower-case-z
    nl-name
    no-seconds
    outlook-free
    space-after-colon
    space-after-time
    tentative
    text-after-end
    tz-Brussels
    tz-CET
    tz-Etc_GMT-1
    tz-Europe_Brussels
    tz-Europe_Bruxelles
    tz-Europe_Paris-_Romance-Standard-Time_
    tz-GMT+0100
    tz-Romance-Standard-Time
    tz-Romance
    tz-W.-Europe-Standard-Time
    tz-_UTC+01_00_-Brussels_-Copenhagen_-Madrid_-Paris
    tz-_UTC+01_00_-Bruxelles-Copenhague-Madrid-Paris
    tz-_citadel.org_20190914_1_Europe_Brussels
    tz-_freeassociation.sourceforge.net_Europe_Brussels
    tz-etc-utc+1
    tz-utc+1-offset-param
    tzid-in-dtend-only
    value-date-time-param
    vtz-brussels-display-name
    vtz-brussels-empty
    vtz-known-name-fixed-offset
    vtz-tzone-custom-quoted
    vtz-without-dtstart
    workingelsewhere
    x-comment-after-end
    x-wr-timezone-bad
    """,
    "01.12 10:00-11:00 | 01.12": """
    description-says-dtstart
    interval-0
    tz-America_Kiev
    tz-Customized-Time-Zone-1
    tz-Customized-Time-Zone
    tz-GMT-Standard-Time-1
    tz-Romance-Standard-Time-1
    tz-tzone___Microsoft_Custom
    vcalendar-1.0
    vtz-named-zone-without-dtstart
    vtz-unrelated_-event-names-other
    """,
    "01.12 10:00-11:00, 01.01 10:00-11:00, 01.02 10:00-11:00, 01.03 10:00-11:00, 01.04 10:00-11:00": """
    vtz-Customized-Time-Zone
    vtz-Europe_Brussels
    vtz-GMT-Standard-Time-1
    vtz-Heure-de-Bruxelles
    vtz-Ma-zone
    vtz-Romance-Standard-Time-1
    x-wr-timezone-utc
    """,
    "free": """
    empty-calendar
    no-dtend-timed
    oof
    until-before-start
    yearly-leap
    """,
    # A part of a calendar is none: what was read before holds.
    "calendar_broken": """
    no-end-vevent
    php-warning-before
    truncated
    utf16
    """,
    "01.12 00:00-02.12 00:00": "allday-dtend-same allday-no-dtend allday-without-value duration-p0d",
    "03.12 00:00-06.12 00:00, 10.12 10:00-11:00 | 03.12": "byday-0th",
    "07.12 10:00-11:00, 14.12 10:00-11:00, 21.12 10:00-11:00": "byday-1mo-weekly",
    "01.12 10:00-11:00, 15.12 10:00-11:00": "cancelled-exception exdate-date-only exdate-floating exdate-utc",
    "01.12 10:00-10:30, 01.12 15:00-15:30, 02.12 10:00-10:30, 02.12 15:00-15:30": "daily-byhour",
    "01.12 01:00-12:00": "date-start-datetime-end",
    "27.03 02:30-03:30, 29.03 02:30-03:30": "dst-gap",
    "01.12 09:00-10:00 | 01.12": "dtend-before-start",
    "01.12 10:00-11:30": "duration-negative-weeks",
    "01.12 10:00-11:00, 10.12 10:00-11:00": "duration-p0y feb-30-yearly",
    "01.12 10:00-02.12 10:00": "duration-pt24h",
    "01.12 10:00-11:00, 02.12 10:00-11:00": "event-in-event no-uid same-uid-no-recurrence-id vfreebusy",
    "01.12 10:00-11:00, 04.12 10:00-11:00": "google-exdate-many",
    "01.12 10:00-10:30, 01.12 11:00-11:30, 01.12 12:00-12:30, 03.12 10:00-11:00": "hourly-one-day",
    "01.12 09:00-10:00": "negative-duration tz-Europe_Kyiv",
    "01.12 10:00-11:00, 03.12 10:00-11:00 | 01.12": "one-bad-end one-bad-rule two-dtstart",
    "01.12 10:00-11:00, 03.12 10:00-11:00 | 02.12": "one-bad-event",
    "01.12 10:00-11:00, 04.12 10:00-11:00, 05.12 10:00-11:00": "outlook-exdate-list",
    "01.12 10:00-11:00, 03.12 00:00-01:00, 08.12 10:00-11:00": "rdate-mixed",
    "01.12 10:00-11:00, 03.12 10:00-13:00, 04.12 10:00-10:30": "rdate-period",
    "01.12 10:00-11:00, 08.12 16:00-17:00, 15.12 10:00-11:00": "recurrence-id-utc",
    "10.12 10:00-11:00": "thanksgiving-never",
    "01.12 10:00-11:00, 08.12 15:00-16:00, 15.12 15:00-16:00, 22.12 15:00-16:00": "thisandfuture",
    "03.12 10:00-11:00": "two-tzid",
    "01.12 05:30-06:30": "tz-Asia_Calcutta",
    "01.12 11:00-12:00": "tz-tzone___Microsoft_Utc vtz-UTC-with-Brussels-rules x-wr-timezone-floating",
    "01.12 10:00-11:00, 02.12 10:00-11:00, 03.12 10:00-11:00": "until-date-for-datetime until-local-no-z",
    "03.12 10:00-11:00, 01.01 00:00-02.01 00:00": "year-1601",
    "03.12 10:00-30.04 00:00": "year-9999",
    "02.12 10:00-11:00": "zoom-same-uid-same-seq",
    # Read in UTC: summer time moves it.
    "161 times, 20.11 10:00-11:00 to 29.04 11:00-12:00": "1900-daily count-huge",
}
RIGHT = {name: right for right, names in TABLE.items() for name in names.split()}


def busy(name: str) -> str:
    """What the calendar of this file says, as the table writes it."""
    try:
        found = expand((FOLDER / f"{name}.ics").read_bytes(), FIRST, LAST, BRUSSELS)
    except CalendarError as error:
        return error.code
    spans = [_shown(begin, end) for _uid, begin, end in sorted(found.spans, key=lambda span: span[1])]
    said = ", ".join(spans) if len(spans) < 100 else f"{len(spans)} times, {spans[0]} to {spans[-1]}"
    misread = ", ".join(f"{day:%d.%m}" if day else "?" for day in found.misread)
    return (said or "free") + (f" | {misread}" if misread else "")


def _shown(begin: int, end: int) -> str:
    starts, ends = datetime.fromtimestamp(begin, BRUSSELS), datetime.fromtimestamp(end, BRUSSELS)
    same_day = starts.date() == ends.date()
    return f"{starts:%d.%m %H:%M}-{ends:%H:%M}" if same_day else f"{starts:%d.%m %H:%M}-{ends:%d.%m %H:%M}"


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.ics")))
def test_a_calendar_hides_the_hours_that_its_owner_is_busy(name: str) -> None:
    assert busy(name) == RIGHT[name]


def test_every_line_of_the_table_has_its_file() -> None:
    assert sorted(RIGHT) == sorted(path.stem for path in FOLDER.glob("*.ics"))
