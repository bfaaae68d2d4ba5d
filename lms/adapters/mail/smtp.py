"""Sending e-mails through an SMTP server.

Flask-Mail checks no certificate and has no time limit, so its connection is replaced. Errors raised here
name the stage and the server's code, never a password, an address or the text of the server.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

import flask_mail

from lms import clock
from lms.adapters.mail.headers import clean_address
from lms.adapters.mail.message import Email, Message, Postponed, Undeliverable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

Tls = Literal["none", "starttls", "tls"]

GOODBYE = 2.0  # seconds: the message is already accepted, so a slow QUIT is cut short
# The server wants another login or TLS: our settings are wrong, not the address.
_OUR_FAULT = frozenset({530, 534, 535, 538})
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (smtplib.SMTPNotSupportedError, "the mail server does not offer what is required (STARTTLS, login)"),
    (UnicodeError, "the mail settings hold characters that SMTP cannot carry"),
    (TimeoutError, "the mail server did not answer within the time limit"),
    (ssl.SSLError, "the mail server did not agree on TLS"),
    (ConnectionRefusedError, "the mail server refused the connection"),
    (socket.gaierror, "the mail server's name is not known"),
    (Exception, "the connection to the mail server was lost"),
)


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    tls: Tls
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    timeout: float  # seconds for the whole dialogue
    local_hostname: str
    context: ssl.SSLContext = field(repr=False)


class SmtpMailer:
    def __init__(
        self,
        *,
        host: str,
        port: int,
        tls: Tls,
        sender: str,
        user: str | None = None,
        password: str | None = None,
        timeout: float = 20,
        ca_file: Path | None = None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        """Trust `ca_file` besides the authorities of the system. Raises OSError for a faulty file."""
        context = ssl.create_default_context()
        if ca_file is not None:
            context.load_verify_locations(ca_file)
        domain = clean_address(sender).rpartition("@")[2]
        self.server = Server(host, port, tls, user, password, timeout, domain, context)
        self.sender = sender
        self.now = now
        self._mail = CheckedMail(self.server)

    def send(self, email: Email) -> None:
        message = Message(email, self.sender, self.now())
        began = time.monotonic()
        try:
            self._mail.send(message)
        except (smtplib.SMTPException, OSError, UnicodeError) as fault:
            late = time.monotonic() - began >= self.server.timeout
            # Without the cause: a traceback in a log must not contain the text of the server.
            raise _outcome(fault, late) from None


def _outcome(fault: Exception, late: bool) -> Postponed | Undeliverable:
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(fault.recipients.values()))
        return _refusal("recipient", code, words)
    if isinstance(fault, smtplib.SMTPDataError):
        return _refusal("message", fault.smtp_code, fault.smtp_error)
    if isinstance(fault, smtplib.SMTPResponseException):
        stage = "login" if isinstance(fault, smtplib.SMTPAuthenticationError) else "dialogue"
        return Postponed(f"the mail server refused our {stage} ({_codes(fault.smtp_code, fault.smtp_error)})")
    if isinstance(fault, ssl.SSLCertVerificationError):
        return Postponed(f"the mail server's certificate is refused: {fault.verify_message}")
    if late:
        return Postponed("the mail server did not answer within the time limit")
    return Postponed(next(reason for kind, reason in _REASONS if isinstance(fault, kind)))


def _refusal(stage: str, code: int, words: bytes | str) -> Postponed | Undeliverable:
    text = f"the mail server refused the {stage} ({_codes(code, words)})"
    return Undeliverable(text) if 500 <= code <= 599 and code not in _OUR_FAULT else Postponed(text)


def _codes(code: int, words: bytes | str) -> str:
    """Return the codes of a reply, such as `550 5.1.1`, without its text, which may quote the message."""
    line = words.decode("ascii", "replace") if isinstance(words, bytes) else words
    enhanced = re.match(r"[245]\.\d{1,3}\.\d{1,3}\b", line)
    return f"{code} {enhanced[0]}" if enhanced else str(code)


class CheckedMail(flask_mail.Mail):
    """Flask-Mail with our connection; it needs no application and never prints the SMTP dialogue."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server_settings = server
        # Otherwise `testing` would drop the mail, and `debug` print the password.
        self.state = self.init_mail({"MAIL_SERVER": server.host, "MAIL_PORT": server.port})

    def connect(self) -> flask_mail.Connection:
        return CheckedConnection(self, self.server_settings)


class CheckedConnection(flask_mail.Connection):
    def __init__(self, mail: flask_mail.Mail, server: Server) -> None:
        super().__init__(mail)
        self.server = server
        self.session: Session | None = None

    def configure_host(self) -> smtplib.SMTP:
        self.session = Session(self.server)
        return self.session

    def send(self, message: flask_mail.Message, envelope_from: str | tuple[str, str] | None = None) -> None:
        if self.session is None or not isinstance(message, Message):
            raise TypeError("only our own messages, on an open connection")
        returns_to = message.email.bounces_to or message.from_address
        self.session.sendmail(returns_to, [message.address], message.as_bytes())

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self.session is None:
            return
        if exc_type is None:
            # The message is accepted: a failing QUIT must not make it sent again.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                self.session.limit(GOODBYE)
                self.session.quit()
        self.session.close()


class Session(smtplib.SMTP):
    """An SMTP dialogue with one time limit for all of it."""

    def __init__(self, server: Server) -> None:
        self._deadline = time.monotonic() + server.timeout
        self._server = server
        self.sock = None
        self.file = None
        try:
            super().__init__(server.host, server.port, server.local_hostname, timeout=server.timeout)
            if server.tls == "starttls":
                # Raises when the server does not offer it: there is no fallback to plain text.
                self.starttls(context=server.context)
            if server.user and server.password:
                self.login(server.user, server.password)
        except BaseException:
            self.close()
            raise

    def limit(self, seconds: float) -> None:
        self._deadline = min(self._deadline, time.monotonic() + seconds)

    def time_left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("time limit")
        return left

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = self._connect(host, port)
        if self._server.tls != "tls":
            return plain
        try:
            return self._server.context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    def _connect(self, host: str, port: int) -> socket.socket:
        """Connect as `create_connection` does, but with one time limit for all addresses of the host."""
        fault: OSError | None = None
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                return socket.create_connection((str(address[0]), port), self.time_left())
            except OSError as this:
                fault = this
        raise fault or OSError("no address")

    def starttls(self, *args: object, context: ssl.SSLContext | None = None) -> tuple[int, bytes]:
        if self.sock is not None:
            self.sock.settimeout(self.time_left())
        return super().starttls(context=context)

    def send(self, s: ReadableBuffer | str) -> None:
        if self.sock is not None:
            self.sock.settimeout(self.time_left())
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None:
            self.file = Lines(self)
        return super().getreply()


class Lines:
    """Reads the server's lines under the session's deadline, also from a server that sends byte by byte."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._buffer = b""

    def readline(self, limit: int) -> bytes:
        sock = self._session.sock
        while sock is not None and b"\n" not in self._buffer and len(self._buffer) < limit:
            sock.settimeout(self._session.time_left())
            chunk = sock.recv(4096)
            if not chunk:
                break
            self._buffer += chunk
        end = min(self._buffer.find(b"\n") + 1 or len(self._buffer), limit)
        line, self._buffer = self._buffer[:end], self._buffer[end:]
        return line

    def close(self) -> None:
        self._buffer = b""
