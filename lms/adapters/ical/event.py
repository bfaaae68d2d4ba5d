"""An appointment as the iCalendar message that a mail carries (RFC 5545, RFC 5546)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Literal

from icalendar import Calendar, Event, vCalAddress

from lms.adapters.mail.headers import clean_header

Method = Literal["REQUEST", "CANCEL"]

PRODUCT = "-//Passerelle//Passerelle LMS//FR"

_LINE_BREAKS = re.compile(r"\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def build_invitation(
    method: Method,
    *,
    uid: str,
    sequence: int,
    created_at: datetime,
    starts: datetime,
    ends: datetime,
    summary: str,
    description: str,
    location: str,
    organizer_name: str,
    organizer_email: str,
    attendee_name: str,
    attendee_email: str,
    url: str,
) -> bytes:
    """The invitation for one person. The same `uid` for the life of the booking, `sequence` rising.

    Times are written in UTC, so no calendar has to know our zone. The organizer is the service's own
    address, and nobody but the one attendee is named.
    """
    event = Event()
    event.add("uid", one_line(uid))
    event.add("sequence", sequence)
    event.add("dtstamp", in_utc(created_at))
    event.add("last-modified", in_utc(created_at))
    event.add("dtstart", in_utc(starts))
    event.add("dtend", in_utc(ends))
    event.add("summary", one_line(summary))
    event.add("description", lines(description))
    event.add("location", one_line(location))
    event.add("url", one_line(url))
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    event.add("class", "PRIVATE")  # shared calendars show "busy", not that she learns French here
    event.add("organizer", _person(organizer_name, organizer_email))
    attendee = _person(attendee_name, attendee_email)
    attendee.params["CUTYPE"] = "INDIVIDUAL"
    attendee.params["ROLE"] = "REQ-PARTICIPANT"
    attendee.params["PARTSTAT"] = "ACCEPTED"  # the hour was chosen by her or agreed with her
    attendee.params["RSVP"] = "FALSE"  # answers would reach a mailbox that nobody reads
    event.add("attendee", attendee)

    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    calendar.add_component(event)
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


def _person(name: str, address: str) -> vCalAddress:
    person = vCalAddress(f"mailto:{one_line(address)}")
    # A parameter has no way to write a straight quote, and some readers take `\:` for an escaped colon.
    shown = clean_header(name, 100).replace('"', "’").replace("\\", "/")
    if shown:
        person.params["CN"] = shown
    return person
