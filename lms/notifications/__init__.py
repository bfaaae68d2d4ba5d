"""Rendering of e-mails: French first, the person's language under it.

A renderer gets the outbox row, loads the object again and returns None when the message no longer makes
sense. Templates: `mail/<kind>.subject.txt`, `mail/<kind>.txt`, and `mail/<kind>.html`, which extends
`mail/frame.html`. SMS are rendered in `sms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from flask import current_app
from flask_babel import force_locale
from sqlalchemy.orm import Session

from config import Settings
from lms.adapters.mail.headers import clean_header, message_id
from lms.adapters.mail.message import Email, InlinePicture, size_of
from lms.domain.outbox import is_addressed
from lms.domain.people.contact import mail_address
from lms.i18n import languages
from lms.i18n.languages import Language
from lms.inbox_addresses import bounce_address
from lms.models import Organisation, OutboxItem

# A whole message with its pictures: what a phone with little data still loads.
MOST_BYTES = 150_000
# Values of the templates of a message.
Facts = dict[str, object]


class InFeed(Exception):
    """No e-mail is sent: the person's calendar reads the change from its feed."""


@dataclass(frozen=True)
class Content:
    """Values of a message, and an invitation when there is one.

    `to`: another address than the person's. `reply_to`: the address of our mailbox for answers; None for that
    of the organisation.
    """

    values: Facts
    calendar: bytes | None = None
    method: Literal["REQUEST", "CANCEL"] | None = None
    to: str | None = None
    reply_to: str | None = None


MailRenderer = Callable[[Session, OutboxItem, Settings, datetime], Content | None]
# The same for an SMS, which has no invitation.
SmsRenderer = Callable[[Session, OutboxItem, Settings, datetime], Facts | None]


def render_email(
    session: Session,
    item: OutboxItem,
    renderer: MailRenderer,
    settings: Settings,
    now: datetime,
    pictures: Sequence[InlinePicture] = (),
) -> Email | None:
    """Return the e-mail for an outbox row, with as many of the pictures as fit into `MOST_BYTES`.

    None when it no longer makes sense, when the person left or has no address. Raises `InFeed` when
    a calendar feed shows the change.
    """
    person = item.person
    content = renderer(session, item, settings, now)
    address = content and (content.to or mail_address(person))
    if content is None or not address or not is_addressed(item):
        return None
    organisation = session.get_one(Organisation, 1)
    values: dict[str, object] = {
        **content.values,
        "person": person,
        "service": organisation,
        "zone": settings.time_zone,
        "takes_answers": content.reply_to is not None,
    }
    email = _render(item, content, address, organisation, values, settings, pictures)
    while email.pictures and size_of(email) > MOST_BYTES:
        email = _render(item, content, address, organisation, values, settings, email.pictures[:-1])
    return email


def _render(
    item: OutboxItem,
    content: Content,
    address: str,
    organisation: Organisation,
    values: Facts,
    settings: Settings,
    pictures: Sequence[InlinePicture],
) -> Email:
    person, values = item.person, {**values, "pictures": pictures}
    own = languages.shown_in(person.language)
    second = own if own != languages.SOURCE else None
    shown = [languages.SOURCE, second] if second else [languages.SOURCE]
    texts = [
        render_template(f"mail/{item.kind}.txt", {**values, "lang": language.code}).strip()
        for language in switch_languages(shown)
    ]
    with force_locale("fr"):
        subject = render_template(f"mail/{item.kind}.subject.txt", {**values, "lang": "fr"})
        text = render_template("mail/frame.txt", {**values, "texts": texts})
        html = render_template(
            f"mail/{item.kind}.html",
            {**values, "subject": subject, "languages": switch_languages(shown), "second_language": second},
        )
    return Email(
        to=address,
        to_name=person.name,
        from_name=organisation.name,
        reply_to=content.reply_to or organisation.email or None,
        bounces_to=bounce_address(settings, item.id),
        subject=clean_header(subject),
        text=text,
        html=html,
        message_id=message_id(item.dedupe, urlsplit(settings.base_url).hostname or "localhost"),
        calendar=content.calendar,
        calendar_method=content.method,
        pictures=tuple(pictures),
    )


def switch_languages(shown: Iterable[Language]) -> Iterator[Language]:
    """Yield each language, and render in it until the next one is asked for."""
    for language in shown:
        with force_locale(language.code):
            yield language


def render_template(name: str, values: Facts) -> str:
    """Return a rendered template."""
    # Not flask.render_template: its context belongs to a request, and a message has none.
    return current_app.jinja_env.get_template(name).render(values)
