"""An appointment as an iCalendar event, and as an invitation in a mail (RFC 5545, RFC 5546)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress

from lms.adapters.mail.headers import clean_header

Method = Literal["PUBLISH", "REQUEST", "CANCEL"]

PRODUCT = "-//Passerelle//Passerelle LMS//FR"

_LINE_BREAKS = re.compile(r"\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class CalendarEvent:
    """One appointment as the calendar of one person shows it.

    The same `uid` for the life of the booking, `sequence` rising with each change.
    """

    uid: str
    sequence: int
    changed_at: datetime
    starts: datetime
    ends: datetime
    cancelled: bool
    summary: str
    description: str
    location: str
    url: str


@dataclass(frozen=True)
class Mailbox:
    """A name and an address of e-mail."""

    name: str
    address: str


def build_invitation(event: CalendarEvent, *, organizer: Mailbox, attendee: Mailbox) -> bytes:
    """Return the invitation for one person; for a cancelled appointment, the cancellation.

    Times are written in UTC, so no calendar has to know our zone. The organizer is the organisation's
    address, and the only attendee is the person.
    """
    component = build_event(event)
    component.add("organizer", _person(organizer))
    invited = _person(attendee)
    invited.params["CUTYPE"] = "INDIVIDUAL"
    invited.params["ROLE"] = "REQ-PARTICIPANT"
    invited.params["PARTSTAT"] = "ACCEPTED"  # chosen by the attendee or agreed with the attendee
    invited.params["RSVP"] = "FALSE"  # answers would reach a mailbox that nobody reads
    component.add("attendee", invited)
    calendar = build_calendar("CANCEL" if event.cancelled else "REQUEST")
    calendar.add_component(component)
    return serialise(calendar)


def build_event(event: CalendarEvent, zone: ZoneInfo | None = None) -> Event:
    """Return the event that feeds, files and invitations share.

    Its times are written in `zone`, whose definition the calendar must contain; without one in UTC.
    """
    component = Event()
    component.add("uid", one_line(event.uid))
    component.add("sequence", event.sequence)
    component.add("dtstamp", in_utc(event.changed_at))
    component.add("last-modified", in_utc(event.changed_at))
    for name, moment in (("dtstart", event.starts), ("dtend", event.ends)):
        component.add(name, in_utc(moment).astimezone(zone) if zone else in_utc(moment))
    component.add("summary", one_line(event.summary))
    component.add("description", lines(event.description))
    component.add("location", one_line(event.location))
    component.add("url", one_line(event.url))
    component.add("status", "CANCELLED" if event.cancelled else "CONFIRMED")
    component.add("transp", "TRANSPARENT" if event.cancelled else "OPAQUE")
    component.add("class", "PRIVATE")  # shared calendars show "busy" and no title
    return component


def build_calendar(method: Method) -> Calendar:
    """Return a calendar without events."""
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    return calendar


def serialise(calendar: Calendar) -> bytes:
    """Return the calendar as it is sent."""
    content: bytes = calendar.to_ical()
    return content


def in_utc(moment: datetime) -> datetime:
    """Return the moment in UTC, in whole seconds."""
    if moment.tzinfo is None:
        raise ValueError(f"a naive datetime has no instant: {moment}")
    return moment.astimezone(UTC).replace(microsecond=0)


def lines(text: str) -> str:
    """Return the text without control characters, its lines kept."""
    return _CONTROLS.sub("", _LINE_BREAKS.sub("\n", text))


def one_line(text: str) -> str:
    """Return the text on one line."""
    return " ".join(lines(text).split())


def _person(mailbox: Mailbox) -> vCalAddress:
    person = vCalAddress(f"mailto:{one_line(mailbox.address)}")
    # A parameter has no way to write a straight quote, and some readers take `\:` for an escaped colon.
    shown = clean_header(mailbox.name, 100).replace('"', "’").replace("\\", "/")
    if shown:
        person.params["CN"] = shown
    return person
