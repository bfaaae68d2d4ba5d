"""An SMTP server on loopback that records what it receives, and can refuse, delay or misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import functools
import socket
import ssl
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal, Self

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.servers import free_port

Tls = Literal["none", "starttls", "tls"]
Certificate = Literal["trusted", "self-signed", "other-name"]


@dataclass(frozen=True)
class Received:
    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    encrypted: bool
    user: str | None


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate == "self-signed":
        # The certificate of an authority is self-signed.
        stranger = trustme.CA()
        with (
            stranger.cert_pem.tempfile() as certificate_file,
            stranger.private_key_pem.tempfile() as key_file,
        ):
            context.load_cert_chain(certificate_file, key_file)
        return context
    name = "localhost" if certificate == "trusted" else "mail.example.org"
    authority().issue_cert(name).configure_cert(context)
    return context


class SmtpServer:
    """An SMTP server at `host`:`port` between start() and stop().

    `refuse` is the reply to each message, such as "451 4.3.0 Later" or "550 5.1.1 Nobody"; `refuse_for` has a
    reply for one recipient. Both may change while it runs. `answers=False` connects and says nothing.
    """

    host = "localhost"

    def __init__(
        self,
        *,
        tls: Tls = "none",
        certificate: Certificate = "trusted",
        login: tuple[str, str] | None = None,
        refuse: str | None = None,
        refuse_for: dict[str, str] | None = None,
        delay: float = 0,
        answers: bool = True,
    ) -> None:
        self.tls, self.certificate, self.login = tls, certificate, login
        self.refuse, self.refuse_for = refuse, refuse_for or {}
        self.delay, self.answers = delay, answers
        self.received: list[Received] = []
        self.attempts = 0
        self.port = 0
        # For LMS_MAIL_CA_FILE: makes the certificate "trusted" trusted; exists while the server runs.
        self.ca_file = Path()
        self._arrived = threading.Condition()
        self._stack = contextlib.ExitStack()

    # -- for tests

    @property
    def messages(self) -> list[EmailMessage]:
        return [each.message for each in self.received]

    def wait_for(self, count: int, limit: float = 20) -> list[EmailMessage]:
        """Wait for at least `count` messages and return them; fail with their number after the limit."""
        with self._arrived:
            came = self._arrived.wait_for(lambda: len(self.received) >= count, limit)
        assert came, f"{len(self.received)} of {count} messages came in {limit} s"
        return self.messages

    def wait_for_attempts(self, count: int, limit: float = 20) -> None:
        """Wait for at least `count` attempts, refused ones included."""
        with self._arrived:
            came = self._arrived.wait_for(lambda: self.attempts >= count, limit)
        assert came, f"{self.attempts} of {count} tries came in {limit} s"

    def start(self) -> Self:
        self.ca_file = Path(self._stack.enter_context(authority().cert_pem.tempfile()))
        if self.answers:
            self._start_answering()
        else:
            # The system accepts connections; nothing ever answers.
            silent = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            self.port = silent.getsockname()[1]
        return self

    def stop(self) -> None:
        self._stack.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start_answering(self) -> None:
        context = server_context(self.certificate) if self.tls != "none" else None
        options: dict[str, Any] = {"server_hostname": "localhost"}
        if self.tls == "tls":
            options["ssl_context"] = context
        elif self.tls == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        if self.login:
            # handle_MAIL requires the login: the option of the library works with STARTTLS only.
            options |= {"authenticator": self._check_login, "auth_require_tls": False}
        controller = self._controller(options)
        self._stack.callback(controller.stop)
        self.port = controller.port

    def _controller(self, options: dict[str, Any], tries: int = 3) -> Controller:
        controller = Controller(self, hostname="127.0.0.1", port=free_port(), **options)
        try:
            controller.start()
        except OSError:
            # Another process has taken the port in the meantime.
            if tries == 1:
                raise
            return self._controller(options, tries - 1)
        return controller

    # -- for aiosmtpd

    def _check_login(
        self, server: SMTP, session: Session, envelope: Envelope, how: str, data: object
    ) -> AuthResult:
        expected = self.login
        given = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else None
        return AuthResult(success=given == expected, handled=False, auth_data=given and given[0])

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if reply := self.refuse_for.get(address):
            self._count()
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.delay)
        if self.refuse:
            self._count()
            return self.refuse
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        message = email.message_from_bytes(raw.replace(b"\r\n", b"\n"), policy=email.policy.default)
        encrypted = server.transport is not None and server.transport.get_extra_info("ssl_object") is not None
        received = Received(
            envelope.mail_from or "", tuple(envelope.rcpt_tos), message, encrypted, session.auth_data
        )
        self._count(received)
        return "250 OK"

    def _count(self, received: Received | None = None) -> None:
        with self._arrived:
            self.attempts += 1
            if received:
                self.received.append(received)
            self._arrived.notify_all()
