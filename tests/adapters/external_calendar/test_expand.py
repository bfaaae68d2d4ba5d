"""Calendars as Google, Outlook, Nextcloud and telephones write them, and what is wrong with others."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from lms.adapters.external_calendar import CalendarError
from lms.adapters.external_calendar.expand import spans
from tests.factories import wall
from tests.support.calendars import GOOGLE, NEXTCLOUD, OUTLOOK, calendar, event

BRUSSELS = ZoneInfo("Europe/Brussels")


def busy(text: str, first: str = "2026-11-23", last: str = "2027-01-31") -> list[str]:
    """Each span as the wall in Belgium shows it."""
    found = spans(text.encode(), wall(first, "00:00"), wall(last, "00:00"), BRUSSELS)
    return [
        f"{at(a):%Y-%m-%d %H:%M} {at(b):%Y-%m-%d %H:%M}" for _uid, a, b in sorted(found, key=lambda f: f[1])
    ]


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, BRUSSELS)


def refusal(text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(CalendarError) as caught:
        spans(raw, wall("2026-11-23", "00:00"), wall("2027-01-31", "00:00"), BRUSSELS)
    return caught.value.code


def test_a_calendar_of_google() -> None:
    """Weekly without one date, with one that was moved; a birthday that does not count; a holiday abroad."""
    assert busy(GOOGLE, last="2026-12-20") == [
        "2026-11-24 09:00 2026-11-24 10:30",
        "2026-12-01 14:00 2026-12-01 15:30",  # moved from the morning
        "2026-12-08 15:00 2026-12-08 16:00",  # said in UTC
        "2026-12-15 09:00 2026-12-15 10:30",  # the 8th was taken out
    ]


def test_a_calendar_of_outlook_with_the_zone_names_of_windows() -> None:
    assert busy(OUTLOOK) == [
        "2026-11-25 13:30 2026-11-25 14:30",
        "2026-12-21 00:00 2026-12-26 00:00",  # a leave of five whole days
    ]


def test_a_calendar_of_nextcloud_over_the_end_of_summer_time() -> None:
    assert busy(NEXTCLOUD, "2026-10-22", "2026-10-30") == [
        "2026-10-23 18:00 2026-10-23 19:00",
        "2026-10-24 18:00 2026-10-24 19:00",
        "2026-10-25 18:00 2026-10-25 19:00",
        "2026-10-26 18:00 2026-10-26 19:00",
    ]


def test_each_span_carries_its_uid_and_no_title() -> None:
    text = calendar(event("DTSTART:20261124T090000Z", "DTEND:20261124T100000Z", uid="abc@example.org"))
    starts = int(datetime(2026, 11, 24, 9, tzinfo=UTC).timestamp())
    assert spans(text.encode(), wall("2026-11-23", "00:00"), wall("2026-12-23", "00:00"), BRUSSELS) == [
        ("abc@example.org", starts, starts + 3600)
    ]


@pytest.mark.parametrize(
    ("said", "kept"), [("a\0b", "ab"), ("\N{GRINNING FACE}" * 300, "\N{GRINNING FACE}" * 64)]
)
def test_a_uid_that_no_column_holds_is_made_one_that_fits(said: str, kept: str) -> None:
    text = calendar(event("DTSTART:20261124T090000Z", "DTEND:20261124T100000Z", uid=said))
    found = spans(text.encode(), wall("2026-11-23", "00:00"), wall("2026-12-23", "00:00"), BRUSSELS)
    assert [uid for uid, _starts, _ends in found] == [kept]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # A time without zone is one of the school's clock.
        (["DTSTART:20261124T090000", "DTEND:20261124T100000"], ["2026-11-24 09:00 2026-11-24 10:00"]),
        (
            ["DTSTART;TZID=Nowhere/Land:20261124T090000", "DURATION:PT45M"],
            ["2026-11-24 09:00 2026-11-24 09:45"],
        ),
        (["DTSTART;VALUE=DATE:20261124"], ["2026-11-24 00:00 2026-11-25 00:00"]),
        (["DTSTART;VALUE=DATE:20261124", "DTEND;VALUE=DATE:20261124"], ["2026-11-24 00:00 2026-11-25 00:00"]),
        # It began before the days that count, and it ends after them.
        (["DTSTART;VALUE=DATE:20261101", "DTEND;VALUE=DATE:20270601"], ["2026-11-23 00:00 2027-01-31 00:00"]),
        (
            ["DTSTART:20261124T080000Z", "DTEND:20261124T090000Z", "RDATE:20261126T100000Z"],
            ["2026-11-24 09:00 2026-11-24 10:00", "2026-11-26 11:00 2026-11-26 12:00"],
        ),
        (["DTSTART:20261124T080000Z", "DTEND:20261124T080000Z"], []),
        (["DTSTART:20261124T080000Z", "DTEND:20261124T090000Z", "STATUS:CANCELLED"], []),
        (["DTSTART:20261124T080000Z", "DTEND:20261124T090000Z", "TRANSP:TRANSPARENT"], []),
        (["DTSTART:20261124T080000Z", "DTEND:20261124T090000Z", "X-MICROSOFT-CDO-BUSYSTATUS:FREE"], []),
        (["SUMMARY:without a beginning"], []),
    ],
)
def test_one_event(lines: list[str], expected: list[str]) -> None:
    assert busy(calendar(event(*lines))) == expected


def test_one_date_of_a_series_can_be_cancelled_alone() -> None:
    series = event("DTSTART:20261124T080000Z", "DTEND:20261124T090000Z", "RRULE:FREQ=DAILY;COUNT=3", uid="s")
    gone = event(
        "RECURRENCE-ID:20261125T080000Z",
        "DTSTART:20261125T080000Z",
        "DTEND:20261125T090000Z",
        "STATUS:CANCELLED",
        uid="s",
    )
    assert [line[:10] for line in busy(calendar(series, gone))] == ["2026-11-24", "2026-11-26"]


@pytest.mark.parametrize(
    "lines",
    [
        ["DTSTART:20261199T080000Z", "DTEND:20261124T090000Z"],
        ["DTSTART:20261124T080000Z", "DTEND:yesterday"],
        ["DTSTART:20261124T080000Z", "DTEND;VALUE=DATE:20261125"],
        ["DTSTART:20261124T080000Z", "DTEND:20261124T070000Z"],
        ["DTSTART:20261124T080000Z", "RRULE:FREQ=SOMETIMES"],
        ["DTSTART:20261124T080000Z", "RECURRENCE-ID:never"],
        ["DTSTART:20261124T080000Z", "DURATION:long"],
        ["DTEND:20261124T090000Z"],
    ],
)
def test_one_bad_event_does_not_hide_the_others(lines: list[str]) -> None:
    good = event("DTSTART:20261125T080000Z", "DTEND:20261125T090000Z", uid="good")
    assert busy(calendar(event(*lines), good))[-1] == "2026-11-25 09:00 2026-11-25 10:00"


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;INTERVAL=15",
        "freq=hourly",
        "FREQ=DAILY;BYHOUR=8,9,10;BYMINUTE=0,10,20,30,40,50;BYSECOND=0,30",
    ],
)
def test_what_comes_more_often_than_people_meet_is_refused_before_it_is_spread(rule: str) -> None:
    often = event("DTSTART:20200101T000000Z", "DTEND:20200101T000001Z", f"RRULE:{rule}")
    assert refusal(calendar(often)) == "calendar_too_dense"


def test_too_many_events_are_too_many() -> None:
    daily = [
        event("DTSTART:20200101T000000Z", "DTEND:20200101T010000Z", "RRULE:FREQ=DAILY", uid=str(n))
        for n in range(400)
    ]
    assert refusal(calendar(*daily)) == "calendar_too_dense"


def test_a_login_page_or_half_a_file_is_no_calendar() -> None:
    assert refusal("<!doctype html><title>Sign in</title>") == "calendar_broken"
    assert refusal("") == "calendar_broken"
    assert refusal(b"\xff\xfe\x00" * 50) == "calendar_broken"
    whole = calendar(event("DTSTART:20261124T080000Z", "DTEND:20261124T090000Z"))
    assert refusal(whole[:-40]) == "calendar_broken"
    assert refusal(whole.replace("END:VEVENT\r\n", "")) == "calendar_broken"


def test_an_empty_calendar_is_a_calendar() -> None:
    assert busy("\ufeff" + calendar() + "\r\n") == []
