"""The text of each mail: French first, the person's language under it.

A writer gets the outbox row, looks at the thing again and answers None when the mail no longer
makes sense. Templates: `mail/<kind>.subject.txt`, `mail/<kind>.txt`, `mail/<kind>.html`. What is short
enough for a phone is written in `texts`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import force_locale
from markupsafe import Markup
from sqlalchemy.orm import Session

from config import Settings
from lms.adapters.mail.headers import clean_header, message_id
from lms.adapters.mail.message import Email
from lms.domain.people.contact import mail_address
from lms.i18n import languages
from lms.models import Organisation, OutboxItem

# What the words are made of.
Facts = dict[str, object]


class InFeed(Exception):
    """No mail: her calendar reads it by itself."""


@dataclass(frozen=True)
class Content:
    """Values of a message, and an invitation when there is one."""

    values: Facts
    calendar: bytes | None = None
    method: Literal["REQUEST", "CANCEL"] | None = None


MailRenderer = Callable[[Session, OutboxItem, Settings, datetime], Content | None]
# The same for a text on a phone, which carries words alone.
SmsRenderer = Callable[[Session, OutboxItem, Settings, datetime], Facts | None]


def compose(
    session: Session, item: OutboxItem, writer: MailRenderer, settings: Settings, now: datetime
) -> Email | None:
    """The letter for an outbox row, or None when it no longer makes sense: also to somebody who left.

    Raises InFeed when her calendar tells it.
    """
    person = item.person
    address = mail_address(person)
    content = writer(session, item, settings, now)
    if content is None or address is None or not person.is_active:
        return None
    service = session.get_one(Organisation, 1)
    values: dict[str, object] = {
        **content.values,
        "person": person,
        "service": service,
        "base_url": settings.base_url,
        "zone": settings.time_zone,
    }
    own = languages.shown_in(person.language)
    tongues = [languages.shown_in("fr")] + ([own] if own.code != "fr" else [])
    texts, pages = [], []
    for tongue in tongues:
        with force_locale(tongue.code):
            here = {**values, "lang": tongue.code, "dir": tongue.direction}
            texts.append(render(f"mail/{item.kind}.txt", here).strip())
            # Escaped by its own template: the frame must not do it again.
            pages.append((tongue, Markup(render(f"mail/{item.kind}.html", here))))  # noqa: S704
    with force_locale("fr"):
        subject = render(f"mail/{item.kind}.subject.txt", {**values, "lang": "fr"})
        text = render("mail/frame.txt", {**values, "texts": texts})
        html = render("mail/frame.html", {**values, "pages": pages, "subject": subject})
    return Email(
        to=address,
        to_name=person.name,
        from_name=service.name,
        reply_to=service.email or None,
        subject=clean_header(subject),
        text=text,
        html=html,
        message_id=message_id(item.dedupe, urlsplit(settings.base_url).hostname or "localhost"),
        calendar=content.calendar,
        calendar_method=content.method,
    )


def render(name: str, values: Facts) -> str:
    # Not flask.render_template: its context belongs to a request, and a letter has none.
    return current_app.jinja_env.get_template(name).render(values)
