"""E-mail of Monday morning to a teacher."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from config import Settings
from lms.domain.homework import digest
from lms.i18n.alert_reasons import REASONS
from lms.links import absolute_url
from lms.models import OutboxItem
from lms.notifications import Content, MailRenderer


def teacher_digest(session: Session, item: OutboxItem, settings: Settings, now: datetime) -> Content | None:
    """Return what waits; None when nothing does any more, or the teacher wants no such mail."""
    found = digest.read_digest(session, has_inbox=settings.has_inbox, now=now)
    if found.is_empty or not item.person.is_teacher or not item.person.weekly_digest:
        return None
    return Content(
        {
            "digest": found,
            "days": (now - found.oldest.sent_at).days if found.oldest else 0,
            "reasons": REASONS,
            "link": absolute_url(settings, "corrections.index"),
            "tray": absolute_url(settings, "mail.index") if found.mails else "",
            "me": absolute_url(settings, "me.show"),
        }
    )


MAIL_RENDERERS: dict[str, MailRenderer] = {digest.KIND: teacher_digest}
