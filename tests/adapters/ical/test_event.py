from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar, Event, vDDDTypes, vText

from lms.adapters.ical.event import CalendarEvent, Mailbox, build_invitation
from lms.adapters.ical.feed import build_event_file
from tests.support.narrow import of_type

MADE = datetime(2026, 11, 20, 9, 15, 30, 999, tzinfo=UTC)
STARTS = datetime(2026, 11, 26, 14, 30, tzinfo=ZoneInfo("Europe/Brussels"))


EVENT = CalendarEvent(
    uid="k3f9@passerelle.test",
    sequence=0,
    changed_at=MADE,
    starts=STARTS,
    ends=STARTS + timedelta(hours=1),
    cancelled=False,
    summary="Séance de français avec Nadia",
    description="Jeudi 26 novembre, 14 h 30 (heure de Belgique)\nحصة اللغة الفرنسية, salle 2; merci\\",
    location="Rue de l’Été 1; 1000 Bruxelles, 2e étage",
    url="https://passerelle.test/s/k3f9",
)


def invitation(
    *, organizer: str = "Passerelle", attendee: str = 'سميرة, Samira: 1; "x"', **changes: Any
) -> bytes:
    return build_invitation(
        replace(EVENT, **changes),
        organizer=Mailbox(organizer, "bonjour@passerelle.test"),
        attendee=Mailbox(attendee, "samira@exemple.test"),
    )


def event_of(content: bytes) -> Event:
    calendar = Calendar.from_ical(content)
    (event,) = calendar.events
    assert event.errors == []
    return event


def unfolded(content: bytes) -> list[str]:
    return re.sub(rb"\r\n[ \t]", b"", content).decode("utf-8").split("\r\n")


def test_an_invitation_says_who_what_when_and_where() -> None:
    content = invitation()
    calendar, event = Calendar.from_ical(content), event_of(content)
    assert (calendar["METHOD"], calendar["VERSION"]) == ("REQUEST", "2.0")
    assert "Passerelle" in of_type(vText, calendar["PRODID"])
    assert event["UID"] == "k3f9@passerelle.test"
    assert event["STATUS"] == "CONFIRMED"
    assert event["SUMMARY"] == "Séance de français avec Nadia"
    assert event["LOCATION"] == "Rue de l’Été 1; 1000 Bruxelles, 2e étage"
    assert of_type(vText, event["DESCRIPTION"]).endswith("\nحصة اللغة الفرنسية, salle 2; merci\\")
    assert event["URL"] == "https://passerelle.test/s/k3f9"
    for name in ("DTSTAMP", "LAST-MODIFIED"):
        assert of_type(vDDDTypes, event[name]).dt == MADE.replace(microsecond=0)


def test_times_stand_in_utc_and_need_no_zone() -> None:
    lines = unfolded(invitation())
    assert "DTSTART:20261126T133000Z" in lines
    assert "DTEND:20261126T143000Z" in lines
    assert "DTSTAMP:20261120T091530Z" in lines
    assert "LAST-MODIFIED:20261120T091530Z" in lines
    assert not any("TZID" in line or "VTIMEZONE" in line for line in lines)


def test_one_person_is_invited_already_in_and_not_asked_to_answer() -> None:
    content = invitation()
    attendee = event_of(content)["ATTENDEE"]
    assert attendee == "mailto:samira@exemple.test"
    assert attendee.params["PARTSTAT"] == "ACCEPTED"
    assert attendee.params["RSVP"] == "FALSE"
    assert attendee.params["CN"] == "سميرة, Samira: 1; ’x’"
    assert sum(line.startswith("ATTENDEE") for line in unfolded(content)) == 1


def test_the_organizer_is_the_service() -> None:
    organizer = event_of(invitation())["ORGANIZER"]
    assert organizer == "mailto:bonjour@passerelle.test"
    assert organizer.params["CN"] == "Passerelle"


def test_made_moved_and_cancelled_is_one_event_with_a_rising_sequence() -> None:
    later = STARTS + timedelta(days=1)
    chain = [
        invitation(sequence=0),
        invitation(sequence=1, starts=later, ends=later + timedelta(hours=1)),
        invitation(cancelled=True, sequence=2, starts=later, ends=later + timedelta(hours=1)),
    ]
    events = [event_of(content) for content in chain]
    assert {event["UID"] for event in events} == {"k3f9@passerelle.test"}
    assert [event["SEQUENCE"] for event in events] == [0, 1, 2]
    assert [Calendar.from_ical(content)["METHOD"] for content in chain] == ["REQUEST", "REQUEST", "CANCEL"]
    assert [event["STATUS"] for event in events] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]


@pytest.mark.parametrize("cancelled", [False, True])
def test_an_invitation_is_the_event_of_the_file_with_its_two_people_and_a_method(cancelled: bool) -> None:
    file = unfolded(build_event_file(replace(EVENT, cancelled=cancelled)))
    mail = unfolded(invitation(cancelled=cancelled))
    people = [line for line in mail if line.startswith(("ATTENDEE", "ORGANIZER"))]
    assert len(people) == 2
    method = "METHOD:CANCEL" if cancelled else "METHOD:REQUEST"
    assert [line for line in mail if line not in people] == [
        method if line == "METHOD:PUBLISH" else line for line in file
    ]


def test_an_appointment_takes_its_time_until_it_is_cancelled() -> None:
    assert event_of(invitation())["TRANSP"] == "OPAQUE"
    assert event_of(invitation(cancelled=True))["TRANSP"] == "TRANSPARENT"


def test_other_calendars_show_the_hour_as_private() -> None:
    assert event_of(invitation())["CLASS"] == "PRIVATE"


def test_every_kind_of_line_break_is_one_in_the_description_and_none_in_the_title() -> None:
    text = "un\r\ndeux\rtrois\u2028quatre\x85cinq\x0bsix\nsept"
    event = event_of(invitation(summary=text, description=text))
    assert event["DESCRIPTION"] == "un\ndeux\ntrois\nquatre\ncinq\nsix\nsept"
    assert event["SUMMARY"] == "un deux trois quatre cinq six sept"


def test_a_time_without_zone_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="naive"):
        invitation(starts=datetime(2026, 11, 26, 14, 30))  # noqa: DTZ001


NASTY = [
    "\r\nATTENDEE:mailto:x@evil.test",
    "\n",
    "\r",
    "\u2028",
    "\x85",
    "\x0b",
    "\x00",
    "\\n",
    "\\",
    ";",
    ",",
    ":",
    '"',
    "^n",
    "é" * 80,
    "مرحبا" * 30,
    "👩🏽‍🏫" * 30,
    "END:VEVENT",
    "\ud800",
    "=?utf-8?q?=0A?=",
]
words = st.lists(st.sampled_from(NASTY) | st.text(max_size=40), max_size=5).map("".join)


@given(summary=words, description=words, location=words, name=words, organizer=words)
def test_whatever_the_words_it_is_one_event_for_one_person(
    summary: str, description: str, location: str, name: str, organizer: str
) -> None:
    content = invitation(
        summary=summary,
        description=description,
        location=location,
        attendee=name,
        organizer=organizer,
    )
    assert content.endswith(b"\r\n")
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert b"\n" not in content.replace(b"\r\n", b"")
    for line in content.split(b"\r\n"):
        assert len(line) <= 75
        line.decode("utf-8")  # no character is cut in two
    event = event_of(content)
    assert event["ATTENDEE"] == "mailto:samira@exemple.test"
    assert event["ORGANIZER"] == "mailto:bonjour@passerelle.test"
    names = [re.split("[:;]", line)[0] for line in unfolded(content)]
    assert names == [
        "BEGIN",
        "VERSION",
        "PRODID",
        "CALSCALE",
        "METHOD",
        "BEGIN",
        "SUMMARY",
        "DTSTART",
        "DTEND",
        "DTSTAMP",
        "UID",
        "SEQUENCE",
        "ATTENDEE",
        "CLASS",
        "DESCRIPTION",
        "LAST-MODIFIED",
        "LOCATION",
        "ORGANIZER",
        "STATUS",
        "TRANSP",
        "URL",
        "END",
        "END",
        "",
    ]
    kept = "".join(description.split())
    assert "".join(of_type(vText, event["DESCRIPTION"]).split()) == "".join(
        character
        for character in kept
        if character.isprintable() or (ord(character) > 0x9F and character != "\ud800")
    )
