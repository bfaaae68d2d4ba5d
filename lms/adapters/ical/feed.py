"""Appointments as a calendar file without invitations (RFC 5545, METHOD:PUBLISH).

It has no time of creation: the same appointments give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from lms.adapters.ical.event import CalendarEvent, build_calendar, build_event, one_line, serialise
from lms.adapters.ical.vtimezone import to_vtimezone

# How often a calendar should read the feed; not every calendar program uses it.
REFRESH = timedelta(hours=1)


def build_feed(events: Sequence[CalendarEvent], name: str, zone: ZoneInfo) -> bytes:
    """Return a calendar to subscribe to, in local time of the zone, with the definition of the zone."""
    calendar = build_calendar("PUBLISH")
    calendar.add("x-wr-calname", one_line(name))
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    if events:
        years = [moment.astimezone(zone).year for event in events for moment in (event.starts, event.ends)]
        calendar.add_component(to_vtimezone(zone, min(years), max(years)))
    for event in events:
        calendar.add_component(build_event(event, zone))
    return serialise(calendar)


def build_event_file(event: CalendarEvent) -> bytes:
    """Return one appointment to put into a calendar, in UTC, so that no calendar has to know our zone."""
    calendar = build_calendar("PUBLISH")
    calendar.add_component(build_event(event))
    return serialise(calendar)
