"""One letter to one person, and the bytes it becomes."""

from __future__ import annotations

import base64
import binascii
import contextlib
from dataclasses import dataclass, field
from datetime import datetime
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
    """No attempt will ever succeed: the address is wrong, or the letter was refused for good."""


@dataclass(frozen=True)
class Email:
    """Its sender is the service: its address is the mailer's, `from_name` the name it shows.

    The repr, which may reach a log, shows the message id only.
    """

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    message_id: str
    calendar: bytes | None = field(default=None, repr=False)
    calendar_method: Method | None = None
    reply_to: str | None = field(default=None, repr=False)
    to_name: str = field(default="", repr=False)
    from_name: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not MESSAGE_ID.fullmatch(self.message_id):
            raise ValueError("a message id is made by message_id()")
        if (self.calendar is None) != (self.calendar_method is None):
            raise ValueError("an invitation and its method go together")


class Mailer(Protocol):
    def send(self, letter: Email) -> None:
        """Return once the letter is accepted; raise Postponed or Undeliverable when it is not."""


class Message(flask_mail.Message):
    """Flask-Mail's message, with our headers and in our order: text, html, invitation with its method."""

    def __init__(self, letter: Email, sender: str, made_at: datetime) -> None:
        self.letter = letter
        self.made_at = made_at
        self.from_address = clean_address(sender)
        try:
            self.address = clean_address(letter.to)
        except ValueError:
            raise Undeliverable("the address is malformed") from None
        super().__init__(recipients=[self.address], sender=self.from_address)

    def _message(self) -> MIMEMultipart:
        letter = self.letter
        root = MIMEMultipart("alternative", policy=_WIRE)
        root.attach(_text_part(letter.text, "plain"))
        root.attach(_text_part(letter.html, "html"))
        if letter.calendar is not None and letter.calendar_method is not None:
            root.attach(_base64_part(letter.calendar, "calendar", method=letter.calendar_method))
            file = _base64_part(letter.calendar, "calendar", method=letter.calendar_method, name="invite.ics")
            file["Content-Disposition"] = 'attachment; filename="invite.ics"'
            alternative, root = root, MIMEMultipart("mixed", policy=_WIRE)
            root.attach(alternative)
            root.attach(file)
        root["From"] = address_header("From", letter.from_name, self.from_address)
        root["To"] = address_header("To", letter.to_name, self.address)
        root["Subject"] = text_header("Subject", letter.subject)
        root["Date"] = format_datetime(self.made_at)
        root["Message-ID"] = letter.message_id
        root["Auto-Submitted"] = "auto-generated"
        if letter.reply_to is not None:
            # Better a letter whose answer reaches the service than no letter.
            with contextlib.suppress(ValueError):
                root["Reply-To"] = clean_address(letter.reply_to)
        return root


def _text_part(text: str, subtype: str) -> MIMENonMultipart:
    """Short ASCII lines, so that nothing on the way has a reason to rewrite them."""
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
