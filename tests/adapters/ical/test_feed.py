from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from lms.adapters.ical.event import CalendarEvent
from lms.adapters.ical.feed import build_event_file, build_feed

BRUSSELS = ZoneInfo("Europe/Brussels")


def at(wall: str) -> datetime:
    return datetime.fromisoformat(wall).replace(tzinfo=BRUSSELS).astimezone(UTC)


ENTRY = CalendarEvent(
    uid="0f1e2d3c-4b5a",
    sequence=2,
    changed_at=datetime(2026, 11, 20, 9, 15, 30, tzinfo=UTC),
    starts=at("2026-11-26T14:30"),
    ends=at("2026-11-26T15:30"),
    cancelled=False,
    summary="Rendez-vous de français avec سميرة",
    description="Sur place\nhttps://passerelle.test/s/k3f9\nBus 70, arrêt « Pont »; حافلة 70\\",
    location="Passerelle, Salle 2, Rue de l’Été 1, 6000 Charleroi",
    url="https://passerelle.test/s/k3f9",
)


def hour(wall: str, **more: Any) -> CalendarEvent:
    return replace(ENTRY, starts=at(wall), ends=at(wall) + timedelta(hours=1), **more)


def read(content: bytes) -> Any:
    calendar = Calendar.from_ical(content)
    assert [event.errors for event in calendar.events] == [[]] * len(calendar.events)
    return calendar


def unfolded(content: bytes) -> list[str]:
    return re.sub(rb"\r\n[ \t]", b"", content).decode().split("\r\n")


def test_a_feed_says_what_it_is_and_when_to_come_back() -> None:
    lines = unfolded(build_feed([ENTRY], "Passerelle Charleroi", BRUSSELS))
    for line in (
        "METHOD:PUBLISH",
        "VERSION:2.0",
        "X-WR-CALNAME:Passerelle Charleroi",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
    ):
        assert line in lines


def test_every_word_comes_back_as_it_was_written() -> None:
    (event,) = read(build_feed([ENTRY], "Passerelle", BRUSSELS)).events
    for name in ("uid", "summary", "description", "location", "url"):
        assert str(event[name]) == getattr(ENTRY, name)
    assert (event["sequence"], str(event["status"]), str(event["class"])) == (2, "CONFIRMED", "PRIVATE")
    assert event["last-modified"].dt == event["dtstamp"].dt == ENTRY.changed_at


def test_nobody_is_invited_by_a_feed() -> None:
    for content in (build_feed([ENTRY], "Passerelle", BRUSSELS), build_event_file(ENTRY)):
        assert not re.search(r"ATTENDEE|ORGANIZER|mailto:", content.decode())


def test_hours_stand_as_the_clock_in_belgium_shows_them_and_are_the_right_instants() -> None:
    days = ["2026-07-14T10:00", "2026-12-15T10:00", "2027-03-28T10:00", "2027-10-31T10:00"]
    content = build_feed([hour(day, uid=day) for day in days], "Passerelle", BRUSSELS)
    for day in days:
        assert f"DTSTART;TZID=Europe/Brussels:{day.replace('-', '').replace(':', '')}00" in unfolded(content)
    assert [event["dtstart"].dt for event in read(content).events] == [at(day) for day in days]
    assert content.count(b"BEGIN:VTIMEZONE") == 1


@pytest.mark.parametrize("day", ["2026-07-14", "2026-12-15", "2027-03-28", "2027-10-31"])
def test_the_zone_that_comes_along_gives_the_same_instants_without_any_zone_of_ones_own(day: str) -> None:
    content = build_feed([hour(f"{day}T10:00")], "Passerelle", BRUSSELS)
    # Under a name that no library knows, only the explanation is left.
    (event,) = read(content.replace(b"Europe/Brussels", b"Somewhere/Else")).events
    assert event["dtstart"].dt.astimezone(UTC) == at(f"{day}T10:00")
    assert event["dtend"].dt.astimezone(UTC) == at(f"{day}T11:00")


def test_what_was_cancelled_says_so_and_takes_no_time() -> None:
    (event,) = read(build_feed([hour("2026-11-26T10:00", cancelled=True)], "Passerelle", BRUSSELS)).events
    assert (str(event["status"]), str(event["transp"])) == ("CANCELLED", "TRANSPARENT")


def test_an_empty_feed_is_a_calendar_without_events() -> None:
    assert read(build_feed([], "Passerelle", BRUSSELS)).events == []


def test_the_same_appointments_are_the_same_bytes() -> None:
    assert build_feed([ENTRY], "Passerelle", BRUSSELS) == build_feed([ENTRY], "Passerelle", BRUSSELS)


def test_a_single_appointment_needs_no_zone() -> None:
    lines = unfolded(build_event_file(ENTRY))
    assert "DTSTART:20261126T133000Z" in lines
    assert "DTEND:20261126T143000Z" in lines
    assert {"METHOD:PUBLISH", "UID:0f1e2d3c-4b5a", "SEQUENCE:2"} <= set(lines)
    assert not any("TZID" in line or "X-WR" in line for line in lines)


NASTY = [
    "\r\nATTENDEE:mailto:x@evil.test",
    "\n",
    "\x85",
    "\x00",
    "\\",
    ";",
    ",",
    '"',
    "é" * 80,
    "مرحبا" * 30,
    "👩🏽‍🏫" * 30,
]
words = st.lists(st.sampled_from(NASTY) | st.text(max_size=40), max_size=5).map("".join)


@given(summary=words, description=words, location=words, name=words)
def test_whatever_the_words_lines_are_short_whole_and_ours(
    summary: str, description: str, location: str, name: str
) -> None:
    content = build_feed(
        [replace(ENTRY, summary=summary, description=description, location=location)], name, BRUSSELS
    )
    assert content.endswith(b"\r\n")
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", content)
    for line in content.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()  # no letter is cut in two
    assert not any(line.startswith("ATTENDEE") for line in unfolded(content))
    (event,) = read(content).events
    assert event["dtstart"].dt == ENTRY.starts
