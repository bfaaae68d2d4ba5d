"""Calendar feeds that people subscribe to, and external calendars that hide slots."""

from lms.blueprints.calendars import external, feed

bps = [feed.bp, external.bp]
