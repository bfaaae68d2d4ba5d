"""E-mail with the link with which a member of the team chooses a password."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from config import Settings
from lms.links import absolute_url
from lms.models import OutboxItem, PasswordLink
from lms.notifications import Content, MailRenderer


def password_link(session: Session, item: OutboxItem, settings: Settings, now: datetime) -> Content | None:
    """Return the password link; None when it is used or expired, or the person deactivated."""
    link = session.get(PasswordLink, item.about_id)
    if link is None or link.used_at is not None or link.expires_at <= now or item.secret is None:
        return None
    if not item.person.is_active:
        return None
    return Content(
        {
            "link": absolute_url(settings, "auth.choose_password", token=item.secret),
            "expires_at": link.expires_at,
            "is_new": item.person.password_hash is None,
        }
    )


MAIL_RENDERERS: dict[str, MailRenderer] = {"password_link": password_link}
