"""A real SMTP server whose mail is read byte for byte, and what the tests of the mailer send to it."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from hypothesis import strategies as st

from lms.adapters.mail.headers import message_id
from lms.adapters.mail.message import Email
from lms.adapters.mail.smtp import SmtpMailer, Tls
from tests.support.narrow import of_type

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
SENDER = "bonjour@passerelle.test"
PASSWORD = "un-tres-long-secret"
HEADERS = ["Content-Type", "MIME-Version", "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"]

LETTER = Email(
    to="samira@exemple.test",
    to_name="Samira سميرة",
    from_name="Passerelle – français à distance",
    subject="Votre devoir est corrigé",
    text="Bonjour Samira,\n\nVotre devoir est corrigé.\n",
    html="<p lang='ar' dir='rtl'>تم تصحيح واجبك.</p>",
    message_id=message_id("homework:1", "passerelle.test"),
)
ICS = "BEGIN:VCALENDAR\r\nSUMMARY:Séance de français\r\nEND:VCALENDAR\r\n".encode()


@dataclass
class Inbox:
    """What arrived; and what to answer instead of taking it."""

    port: int = 0
    got: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, to: str, _options: Any) -> str:  # noqa: N802
        if "RCPT" not in self.answers:
            envelope.rcpt_tos.append(to)
        return self.answers.get("RCPT", "250 OK")

    async def handle_MAIL(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, sender: str, _options: Any
    ) -> str:
        envelope.mail_from = sender
        return self.answers.get("MAIL", "250 OK")

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if "DATA" not in self.answers:
            self.got.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return self.answers.get("DATA", "250 OK")

    def authenticate(
        self, _server: Any, session: Any, _envelope: Any, _mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    def only(self) -> Message:
        ((_, _, content),) = self.got
        return email.message_from_bytes(content)


class AnyPort(Controller):
    """Port 0 until the system has given one."""

    def _trigger_server(self) -> None:
        self.port = of_type(asyncio.Server, self.server).sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd is typed in part


@contextlib.contextmanager
def smtp_server(**options: Any) -> Iterator[Inbox]:
    inbox = Inbox()
    # Named: without a name the library looks its own up for every connection, and a name server may be slow.
    options.setdefault("server_hostname", "localhost")
    controller = AnyPort(inbox, hostname="127.0.0.1", port=0, authenticator=inbox.authenticate, **options)
    controller.start()
    try:
        inbox.port = controller.port
        yield inbox
    finally:
        controller.stop()


def mailer(
    port: int,
    tls: Tls = "none",
    *,
    host: str = "127.0.0.1",
    user: str | None = None,
    password: str | None = None,
    timeout: float = 5,
    ca_file: Path | None = None,
) -> SmtpMailer:
    return SmtpMailer(
        host=host,
        port=port,
        tls=tls,
        sender=SENDER,
        user=user,
        password=password,
        timeout=timeout,
        ca_file=ca_file,
        now=lambda: NOW,
    )


def shown(message: Message, name: str) -> str:
    return str(make_header(decode_header(message[name])))


def leaves(message: Message) -> list[tuple[str, str]]:
    return [
        (
            part.get_content_type(),
            of_type(bytes, part.get_payload(decode=True)).decode("utf-8").replace("\r\n", "\n"),
        )
        for part in message.walk()
        if not part.is_multipart()
    ]


NASTY = [
    "a\r\nBcc: x@evil.test",
    "a\nBcc: x@evil.test",
    "a\rBcc: x@evil.test",
    "a\u2028Bcc: x@evil.test",
    "a\x85Bcc: x@evil.test",
    "a\x0bBcc: x",
    "a\x00b",
    "=?utf-8?q?=0D=0ABcc:_x@evil.test?=",
    "=\u202e?utf-8?b?DQpCY2M6IHhAZXZpbC50ZXN0?=",
    "==?utf-8?q?=0A?=",
    '"',
    "<x@evil.test>",
    ", x@evil.test",
    "x@evil.test, y",
    "(",
    "\\",
    "\r\n\r\nbody",
    "é=?utf-8?q?=0A?=",
    "\ud800",
    "a" * 5000,
    "é" * 5000,
    "",
    " ",
]
PIECES = st.sampled_from(NASTY) | st.text(max_size=60) | st.characters()
NASTY_TEXT = st.lists(PIECES, max_size=4).map("".join)
