"""E-mail to a teacher whose external calendar has failed for a day."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from config import Settings
from lms.links import absolute_url
from lms.models import ExternalCalendar, OutboxItem
from lms.notifications import Content, MailRenderer


def calendar_failing(session: Session, item: OutboxItem, settings: Settings, now: datetime) -> Content | None:
    """Return which calendar fails and since when; None when it works again or was removed."""
    calendar = session.get(ExternalCalendar, item.about_id)
    if calendar is None or calendar.teacher_id != item.person_id or calendar.failing_since is None:
        return None
    return Content(
        {
            # Only the host: the address itself is often a secret.
            "host": urlsplit(calendar.address).hostname or "",
            "since": calendar.failing_since,
            "link": absolute_url(settings, "external_calendars.index"),
        }
    )


MAIL_RENDERERS: dict[str, MailRenderer] = {"calendar_failing": calendar_failing}
