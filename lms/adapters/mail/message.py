"""An e-mail to one person, and its MIME message."""

from __future__ import annotations

import base64
import binascii
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import compat32
from email.utils import format_datetime
from typing import Literal, Protocol

import flask_mail

from lms.adapters.mail.headers import MESSAGE_ID, address_header, clean_address, text_header

Method = Literal["REQUEST", "CANCEL"]

_WIRE = compat32.clone(linesep="\r\n")


class Postponed(Exception):
    """Not sent now, but a later attempt may succeed. The text names no person and no secret."""


class Undeliverable(Exception):
    """No attempt will ever succeed: the address is wrong, or the message was refused for good."""


@dataclass(frozen=True)
class InlinePicture:
    """A JPEG picture inside the HTML of an e-mail, shown there by `cid:<name>`; `page`: what is on it."""

    name: str
    content: bytes = field(repr=False)
    width: int
    height: int
    page: int


@dataclass(frozen=True)
class Email:
    """An e-mail from the organisation to one person: the mailer adds the sender's address.

    `from_name` is the sender's name; `bounces_to` the address to which it goes back when it cannot be
    delivered, None for the sender's. The repr, which may reach a log, shows the message id only.
    """

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    message_id: str
    calendar: bytes | None = field(default=None, repr=False)
    calendar_method: Method | None = None
    reply_to: str | None = field(default=None, repr=False)
    bounces_to: str | None = field(default=None, repr=False)
    to_name: str = field(default="", repr=False)
    from_name: str = field(default="", repr=False)
    pictures: tuple[InlinePicture, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not MESSAGE_ID.fullmatch(self.message_id):
            raise ValueError("a message id is made by message_id()")
        if (self.calendar is None) != (self.calendar_method is None):
            raise ValueError("an invitation and its method go together")


class Mailer(Protocol):
    """Anything that sends e-mails: SMTP or a folder."""

    def send(self, email: Email, /) -> None:
        """Return once the e-mail is accepted; raise `Postponed` or `Undeliverable` when it is not."""


class Message(flask_mail.Message):
    """Flask-Mail's message with our headers, and our order of parts: text, HTML and pictures, invitation.

    Raises `Undeliverable` when the address is malformed.
    """

    def __init__(self, email: Email, sender: str, sent_at: datetime) -> None:
        self.email = email
        self.sent_at = sent_at
        self.from_address = clean_address(sender)
        try:
            self.address = clean_address(email.to)
        except ValueError:
            raise Undeliverable("the address is malformed") from None
        super().__init__(recipients=[self.address], sender=self.from_address)

    def _message(self) -> MIMEMultipart:
        email = self.email
        root = MIMEMultipart("alternative", policy=_WIRE)
        root.attach(_text_part(email.text, "plain"))
        root.attach(_html_part(email))
        if email.calendar is not None and email.calendar_method is not None:
            root.attach(_base64_part(email.calendar, "calendar", method=email.calendar_method))
            file = _base64_part(email.calendar, "calendar", method=email.calendar_method, name="invite.ics")
            file["Content-Disposition"] = 'attachment; filename="invite.ics"'
            alternative, root = root, MIMEMultipart("mixed", policy=_WIRE)
            root.attach(alternative)
            root.attach(file)
        root["From"] = address_header("From", email.from_name, self.from_address)
        root["To"] = address_header("To", email.to_name, self.address)
        root["Subject"] = text_header("Subject", email.subject)
        root["Date"] = format_datetime(self.sent_at)
        root["Message-ID"] = email.message_id
        root["Auto-Submitted"] = "auto-generated"
        if email.reply_to is not None:
            # A malformed reply address must not stop the e-mail: replies then go to the sender's address.
            with contextlib.suppress(ValueError):
                root["Reply-To"] = clean_address(email.reply_to)
        return root


def size_of(email: Email) -> int:
    """Return the bytes of the whole message, with a sender and a date like those of a mailer."""
    return len(Message(email, f"sender@{'x' * 40}.example", datetime.fromtimestamp(0, UTC)).as_bytes())


def _html_part(email: Email) -> MIMEBase:
    """Return the HTML, with its pictures beside it where it has some."""
    html = _text_part(email.html, "html")
    if not email.pictures:
        return html
    related = MIMEMultipart("related", policy=_WIRE, type="text/html")
    related.attach(html)
    for picture in email.pictures:
        part = MIMENonMultipart("image", "jpeg", policy=_WIRE, name=f"{picture.name}.jpg")
        part["Content-Transfer-Encoding"] = "base64"
        part["Content-ID"] = f"<{picture.name}>"
        part["Content-Disposition"] = f'inline; filename="{picture.name}.jpg"'
        part.set_payload(base64.encodebytes(picture.content).decode("ascii"))
        related.attach(part)
    return related


def _text_part(text: str, subtype: str) -> MIMENonMultipart:
    """Return a part of short ASCII lines, which no mail server has a reason to rewrite."""
    content = "".join(f"{line}\n" for line in text.splitlines()).encode("utf-8", "replace")
    if sum(byte > 126 for byte in content) * 6 > len(content):
        return _base64_part(content.replace(b"\n", b"\r\n"), subtype)
    part = MIMENonMultipart("text", subtype, policy=_WIRE, charset="utf-8")
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(binascii.b2a_qp(content, istext=True).decode("ascii"))
    return part


def _base64_part(content: bytes, subtype: str, **parameters: str) -> MIMENonMultipart:
    part = MIMENonMultipart("text", subtype, policy=_WIRE, charset="utf-8", **parameters)
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(base64.encodebytes(content).decode("ascii"))
    return part
