"""Calendars as Google, Outlook, Nextcloud and telephones write them, and what is wrong with others."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from lms.adapters.external_calendar import CPU_SECONDS, CalendarError
from lms.adapters.external_calendar.expand import expand
from tests.factories import wall
from tests.support.calendars import GOOGLE, NEXTCLOUD, OUTLOOK, calendar, event

BRUSSELS = ZoneInfo("Europe/Brussels")


def busy(text: str, first: str = "2026-11-23", last: str = "2027-01-31") -> list[str]:
    """Each span as the wall in Belgium shows it."""
    found = expand(text.encode(), wall(first, "00:00"), wall(last, "00:00"), BRUSSELS).spans
    return [
        f"{at(a):%Y-%m-%d %H:%M} {at(b):%Y-%m-%d %H:%M}" for _uid, a, b in sorted(found, key=lambda f: f[1])
    ]


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, BRUSSELS)


def refusal(text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(CalendarError) as caught:
        expand(raw, wall("2026-11-23", "00:00"), wall("2027-01-31", "00:00"), BRUSSELS)
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
    found = expand(text.encode(), wall("2026-11-23", "00:00"), wall("2026-12-23", "00:00"), BRUSSELS).spans
    assert found == [("abc@example.org", starts, starts + 3600)]


@pytest.mark.parametrize(
    ("said", "kept"), [("a\0b", "ab"), ("\N{GRINNING FACE}" * 300, "\N{GRINNING FACE}" * 64)]
)
def test_a_uid_that_no_column_holds_is_made_one_that_fits(said: str, kept: str) -> None:
    text = calendar(event("DTSTART:20261124T090000Z", "DTEND:20261124T100000Z", uid=said))
    found = expand(text.encode(), wall("2026-11-23", "00:00"), wall("2026-12-23", "00:00"), BRUSSELS).spans
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


# Neighbours of the files of `test_cases.py`: an event on 1 December 2026 with these lines, and what is busy.
# "?" behind it: counted as misread.
TEN = "DTSTART:20261201T090000Z | DTEND:20261201T100000Z"
KINDS = {
    # Ends that nobody understands count as one hour.
    "DTSTART:20261201T090000Z | DTEND:": "01 10:00-11:00 ?",
    "DTSTART:20261201T090000Z | DTEND:00000000T000000Z": "01 10:00-11:00 ?",
    "DTSTART:20261201T090000Z | DURATION:1H": "01 10:00-11:00 ?",
    "DTSTART:20261201T090000Z | DURATION:P": "01 10:00-11:00 ?",
    "DTSTART:20261201T090000Z | DURATION:pt1.5h": "01 10:00-11:30",
    "DTSTART:20261201T090000Z | DURATION:P1M": "01 10:00-31 00:00",
    "DTSTART:20261201T090000Z | DTEND:20261201T240000Z": "01 10:00-02 01:00",
    "DTSTART:20261201T100000+0100 | DTEND:2026-12-01T11:00:00.000+01:00": "01 10:00-11:00",
    "DTSTART:00010101T000000Z | DTEND:99991231T235959Z": "23 00:00-31 00:00",
    # Rules: at least the first date; no end when it is not understood; all the time when they are dense.
    f"{TEN} | RRULE:FREQ=WEEKLY;BYDAY=TUE": "01 10:00-11:00 ?",
    f"{TEN} | RRULE:FREQ=DAILY;INTERVAL=-1": "01 10:00-11:00 ?",
    f"{TEN} | RRULE:": "01 10:00-11:00 ?",
    f"{TEN} | RRULE:count=2;freq=daily;": "01 10:00-11:00, 02 10:00-11:00",
    f"{TEN} | RRULE:FREQ=MONTHLY;UNTIL=never;COUNT=2": "01 10:00-11:00 ?",
    f"{TEN} | RRULE:FREQ=DAILY;UNTIL=2026-12-02": "01 10:00-11:00, 02 10:00-11:00",
    f"{TEN} | RRULE:FREQ=DAILY;COUNT=2;UNTIL=20271231": "01 10:00-11:00, 02 10:00-11:00",
    f"{TEN} | RRULE:FREQ=SECONDLY": "01 10:00-31 00:00 ?",
    f"{TEN} | RRULE:FREQ=MINUTELY;INTERVAL=2;COUNT=99999999": "01 10:00-31 00:00 ?",
    f"{TEN} | RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30": "01 10:00-31 00:00 ?",
    f"{TEN} | RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30": "01 10:00-11:00 ?",
    "DTSTART:20200101T090000Z | DTEND:20200101T090001Z | RRULE:FREQ=MINUTELY": "23 00:00-31 00:00 ?",
    "DTSTART:19000101T090000Z | DURATION:P9999Y | RRULE:FREQ=DAILY": "23 00:00-31 00:00 ?",
    "DTSTART:19000101T090000Z | DURATION:P9999Y | RRULE:FREQ=DAILY;BYDAY=MO": "23 00:00-31 00:00 ?",
    "DTSTART:20010102T090000Z | DURATION:PT1H | RRULE:FREQ=WEEKLY;INTERVAL=8": "01 10:00-11:00",
    # By the clock of the zone that is named, in summer and in winter.
    "DTSTART;TZID=Europe/Brussels:20260601T080000Z | DURATION:PT1H | RRULE:FREQ=MONTHLY": "01 10:00-11:00",
    f"{TEN} | RRULE:FREQ=DAILY;COUNT=2 | EXRULE:FREQ=DAILY": "01 10:00-11:00, 02 10:00-11:00 ?",
    # Exceptions and added dates.
    f"{TEN} | RRULE:FREQ=DAILY;COUNT=2 | EXDATE:2026-12-02T09:00:00z": "01 10:00-11:00",
    f"{TEN} | RRULE:FREQ=DAILY;COUNT=2 | EXDATE;TZID=Romance:20261202T100000,": "01 10:00-11:00",
    f"{TEN} | RRULE:FREQ=DAILY;COUNT=2 | EXDATE:tomorrow": "01 10:00-11:00, 02 10:00-11:00 ?",
    f"{TEN} | RDATE:20261203T090000Z/PT2H": "01 10:00-11:00, 03 10:00-12:00",
    f"{TEN} | RDATE;VALUE=PERIOD:20261203T090000Z/long": "01 10:00-11:00, 03 10:00-11:00 ?",
    f"{TEN} | RDATE:sometimes": "01 10:00-11:00 ?",
    f"{TEN} | RECURRENCE-ID:20261201T090000Z": "01 10:00-11:00",
    f"{TEN} | RECURRENCE-ID:once": "01 10:00-11:00 ?",
    # Two answers are none.
    f"{TEN} | STATUS:CONFIRMED | STATUS:CANCELLED": "01 10:00-11:00",
    f"{TEN} | Transp:TRANSPARENT": "01 10:00-11:00",
    f"{TEN} | DESCRIPTION:x | Begin: 9 h | End: 17 h | END: 18 h": "01 10:00-11:00",
    # Time zones by every name; one that nobody knows is the school's.
    "DTSTART;TZID=(UTC+00:00) Édimbourg, Londres:20261201T100000 | DURATION:PT1H": "01 11:00-12:00",
    "DTSTART;TZID=(UTC-05:00) Eastern Time (US & Canada):20261201T100000 | DURATION:PT1H": "01 16:00-17:00",
    "DTSTART;TZID=(UTC+01:00) Sarajevo, Skopje:20261201T100000 | DURATION:PT1H": "01 10:00-11:00",
    "DTSTART;TZID=/mozilla.org/20070129_1/Europe/London:20261201T100000 | DURATION:PT1H": "01 11:00-12:00",
    "DTSTART;TZID=Heure locale:20261201T100000 | DURATION:PT1H": "01 10:00-11:00 ?",
    "DTSTART;TZID=UTC+25:20261201T100000 | DURATION:PT1H": "01 10:00-11:00 ?",
}


@pytest.mark.parametrize("lines", KINDS)
def test_what_is_not_understood_hides_hours_and_is_counted(lines: str) -> None:
    text = calendar(event(*lines.split(" | ")))
    found = expand(text.encode(), wall("2026-11-23", "00:00"), wall("2026-12-31", "00:00"), BRUSSELS)
    shown = [(at(begin), at(end)) for _uid, begin, end in found.spans]
    assert (
        ", ".join(
            f"{begin:%d %H:%M}-{end:%H:%M}"
            if begin.date() == end.date()
            else f"{begin:%d %H:%M}-{end:%d %H:%M}"
            for begin, end in shown
        )
        + (" ?" if found.misread else "")
        == KINDS[lines]
    )


def test_a_series_that_is_searched_for_in_vain_leaves_the_others_their_time() -> None:
    hard = [
        event(
            "DTSTART:20261201T090000Z",
            "DURATION:PT1H",
            "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
            uid=str(n),
        )
        for n in range(4)
    ]
    weekly = event("DTSTART:20261203T090000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2", uid="weekly")
    begun = time.process_time()
    found = expand(
        calendar(weekly, *hard).encode(), wall("2026-11-23", "00:00"), wall("2026-12-31", "00:00"), BRUSSELS
    )
    assert time.process_time() - begun < CPU_SECONDS
    assert [at(begin).day for uid, begin, _end in found.spans if uid == "weekly"] == [3, 10]
    assert len(found.misread) == 4


@pytest.mark.parametrize(
    ("starts", "offset", "hour"),
    [("20071104T020000", "-0500", 16), ("2007-11-04T02:00", "-05:00", 16), ("16010101T0200", "+100", 10)],
)
def test_a_zone_that_the_calendar_explains_counts_in_every_spelling(
    starts: str, offset: str, hour: int
) -> None:
    part = [f"DTSTART:{starts}", f"TZOFFSETFROM:{offset}", f"TZOFFSETTO:{offset}"]
    zone = ["BEGIN:VTIMEZONE", "TZID:Bureau", "BEGIN:STANDARD", *part, "END:STANDARD", "END:VTIMEZONE"]
    text = calendar("\r\n".join(zone), event("DTSTART;TZID=bureau:20261201T100000", "DURATION:PT1H"))
    found = expand(text.encode(), wall("2026-11-23", "00:00"), wall("2026-12-31", "00:00"), BRUSSELS)
    assert ([at(begin).hour for _uid, begin, _end in found.spans], found.misread) == ([hour], [])


def test_times_without_a_zone_are_in_that_of_their_calendar() -> None:
    text = calendar(event("DTSTART:20261201T100000", "DURATION:PT1H")).replace(
        "VERSION:2.0", "X-WR-TIMEZONE:{}"
    )
    window = (wall("2026-11-23", "00:00"), wall("2026-12-31", "00:00"), BRUSSELS)
    known = expand(text.format("GMT Standard Time").encode(), *window)
    assert ([at(begin).hour for _uid, begin, _end in known.spans], known.misread) == ([11], [])
    unknown = expand(text.format("Heure locale").encode(), *window)
    assert ([at(begin).hour for _uid, begin, _end in unknown.spans], len(unknown.misread)) == ([10], 1)


def test_an_event_without_a_date_that_is_understood_hides_nothing_and_is_counted() -> None:
    lost = [event("DTSTART:garbage", "DTEND:20261202T100000Z", uid="a"), event("DTSTART:soon", uid="b")]
    good = event("DTSTART:20261203T090000Z", "DURATION:PT1H")
    found = expand(
        calendar(*lost, good).encode(), wall("2026-11-23", "00:00"), wall("2026-12-31", "00:00"), BRUSSELS
    )
    assert len(found.spans) == 1
    assert found.misread == [date(2026, 12, 2), None]
    assert refusal(calendar(*lost)) == "calendar_not_understood"


def test_what_was_misread_long_ago_is_not_counted_any_more() -> None:
    over = event("DTSTART:20200102T090000Z", "DTEND:garbage")
    goes_on = event("DTSTART:20200103T090000Z", "DURATION:PT1H", "RRULE:FREQ=FORTNIGHTLY", uid="two")
    found = expand(
        calendar(over, goes_on).encode(), wall("2026-11-23", "00:00"), wall("2026-12-31", "00:00"), BRUSSELS
    )
    assert found.misread == [date(2020, 1, 3)]


def test_busy_times_without_events_are_read() -> None:
    lines = ["FREEBUSY;FBTYPE=BUSY-TENTATIVE:20261201T090000Z/PT1H", "FREEBUSY:20261202T090000Z/long"]
    text = calendar("\r\n".join(["BEGIN:VFREEBUSY", *lines, "END:VFREEBUSY"]))
    found = expand(text.encode(), wall("2026-11-23", "00:00"), wall("2026-12-31", "00:00"), BRUSSELS)
    assert [(at(begin).day, at(end).hour) for _uid, begin, end in found.spans] == [(1, 11), (2, 11)]
    assert found.misread == [date(2026, 12, 2)]


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
