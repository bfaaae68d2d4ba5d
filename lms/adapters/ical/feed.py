"""Appointments as a calendar file that is read, not answered (RFC 5545, METHOD:PUBLISH).

Nothing in it says when it was made: the same appointments are the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from lms.adapters.ical.event import PRODUCT, in_utc, lines, one_line
from lms.adapters.ical.vtimezone import to_vtimezone

# How often a calendar should come back, for those that ask.
REFRESH = timedelta(hours=1)


@dataclass(frozen=True)
class FeedEntry:
    """One appointment as its reader's calendar shows it; `uid` and `sequence` as in the invitations."""

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


def build_feed(entries: Sequence[FeedEntry], name: str, zone: ZoneInfo) -> bytes:
    """A calendar to subscribe to, in the wall time of the zone, which it explains."""
    calendar = _calendar()
    calendar.add("x-wr-calname", one_line(name))
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    if entries:
        years = [moment.astimezone(zone).year for one in entries for moment in (one.starts, one.ends)]
        calendar.add_component(to_vtimezone(zone, min(years), max(years)))
    for one in entries:
        calendar.add_component(_event(one, zone))
    return _serialise(calendar)


def build_event_file(entry: FeedEntry) -> bytes:
    """One appointment to put into a calendar, in UTC, so that no calendar has to know our zone."""
    calendar = _calendar()
    calendar.add_component(_event(entry, None))
    return _serialise(calendar)


def _calendar() -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    return calendar


def _event(entry: FeedEntry, zone: ZoneInfo | None) -> Event:
    event = Event()
    event.add("uid", one_line(entry.uid))
    event.add("sequence", entry.sequence)
    event.add("dtstamp", in_utc(entry.changed_at))
    event.add("last-modified", in_utc(entry.changed_at))
    for name, moment in (("dtstart", entry.starts), ("dtend", entry.ends)):
        event.add(name, in_utc(moment).astimezone(zone) if zone else in_utc(moment))
    event.add("summary", one_line(entry.summary))
    event.add("description", lines(entry.description))
    event.add("location", one_line(entry.location))
    event.add("url", one_line(entry.url))
    event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if entry.cancelled else "OPAQUE")
    event.add("class", "PRIVATE")  # shared calendars show "busy", not that she learns French here
    return event


def _serialise(calendar: Calendar) -> bytes:
    content: bytes = calendar.to_ical()
    return content
