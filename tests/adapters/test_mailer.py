"""Letters reach a real SMTP server; what this server got is read from the wire, byte for byte."""

from __future__ import annotations

import contextlib
import email
import email.policy
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lms.adapters.mailer import (
    FolderMailer,
    Letter,
    Postponed,
    SmtpMailer,
    Undeliverable,
    clean_address,
    clean_header,
    message_id,
)

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
SENDER = "bonjour@passerelle.test"
PASSWORD = "un-tres-long-secret"
HEADERS = ["Content-Type", "MIME-Version", "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"]

LETTER = Letter(
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

    async def handle_MAIL(
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
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextlib.contextmanager
def smtp_server(**options: Any) -> Iterator[Inbox]:
    inbox = Inbox()
    controller = AnyPort(inbox, hostname="127.0.0.1", port=0, authenticator=inbox.authenticate, **options)
    controller.start()
    try:
        inbox.port = controller.port
        yield inbox
    finally:
        controller.stop()


@pytest.fixture(scope="module")
def plain_server() -> Iterator[Inbox]:
    with smtp_server() as inbox:
        yield inbox


@pytest.fixture
def inbox(plain_server: Inbox) -> Inbox:
    plain_server.got.clear()
    plain_server.answers.clear()
    return plain_server


def mailer(port: int, tls: Any = "none", **options: Any) -> SmtpMailer:
    more = {"host": "127.0.0.1", "sender": SENDER, "timeout": 5, "now": lambda: NOW} | options
    return SmtpMailer(port=port, tls=tls, **more)


def shown(message: Message, name: str) -> str:
    return str(make_header(decode_header(message[name])))


def leaves(message: Message) -> list[tuple[str, str]]:
    return [
        (part.get_content_type(), part.get_payload(decode=True).decode("utf-8").replace("\r\n", "\n"))  # type: ignore[union-attr]
        for part in message.walk()
        if not part.is_multipart()
    ]


# -- what arrives ----------------------------------------------------------------------------------


def test_a_letter_arrives_once_at_one_person_with_our_headers_and_no_other(inbox: Inbox) -> None:
    mailer(inbox.port).send(LETTER)
    ((envelope_from, recipients, content),) = inbox.got
    assert (envelope_from, recipients) == (SENDER, ["samira@exemple.test"])
    message = email.message_from_bytes(content)
    assert message.keys() == HEADERS
    assert shown(message, "Subject") == "Votre devoir est corrigé"
    assert shown(message, "From") == f"Passerelle – français à distance <{SENDER}>"
    assert shown(message, "To") == "Samira سميرة <samira@exemple.test>"
    assert message["Date"] == "Mon, 23 Nov 2026 08:30:00 +0000"
    assert message["Message-ID"] == LETTER.message_id
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert leaves(message) == [("text/plain", LETTER.text), ("text/html", LETTER.html + "\n")]


def test_a_modern_reader_sees_the_same_names(inbox: Inbox) -> None:
    mailer(inbox.port).send(LETTER)
    message = email.message_from_bytes(inbox.got[0][2], policy=email.policy.default)
    (to,), (sender,) = message["To"].addresses, message["From"].addresses
    assert (to.display_name, to.addr_spec) == ("Samira سميرة", "samira@exemple.test")
    assert (sender.display_name, sender.addr_spec) == ("Passerelle – français à distance", SENDER)
    assert not any(part.defects for part in message.walk())


def test_an_invitation_comes_last_with_its_method_and_again_as_a_file(inbox: Inbox) -> None:
    mailer(inbox.port).send(replace(LETTER, calendar=ICS, calendar_method="REQUEST"))
    message = inbox.only()
    alternative, file = message.get_payload()  # type: ignore[misc]
    assert message.get_content_type() == "multipart/mixed"
    assert [part.get_content_type() for part in alternative.get_payload()] == [
        "text/plain", "text/html", "text/calendar",
    ]  # fmt: skip
    for part in (alternative.get_payload()[2], file):
        assert part.get_param("method") == "REQUEST"
        assert part.get_content_charset() == "utf-8"
        assert part.get_payload(decode=True) == ICS
    assert file.get_filename() == "invite.ics"
    assert file.get_content_disposition() == "attachment"


def test_every_line_on_the_wire_is_short_ascii(inbox: Inbox) -> None:
    long = "é" + "x" * 3000 + " مرحبا" * 500
    mailer(inbox.port).send(
        replace(LETTER, subject=long, to_name=long, text=long, html=f"<p>{'a' * 3000}</p>", calendar=long.encode(),
                calendar_method="CANCEL")
    )  # fmt: skip
    content = inbox.got[0][2]
    assert content.isascii()
    assert max(len(line) for line in content.split(b"\r\n")) <= 78
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert leaves(inbox.only())[:2] == [("text/plain", long + "\n"), ("text/html", f"<p>{'a' * 3000}</p>\n")]


def test_a_line_that_is_only_a_dot_does_not_end_the_letter(inbox: Inbox) -> None:
    text = "avant\n.\n..\nFrom moi\naprès \n"
    mailer(inbox.port).send(replace(LETTER, text=text))
    assert leaves(inbox.only())[0][1] == text


def test_an_answer_goes_to_the_teacher_when_her_address_is_sound(inbox: Inbox) -> None:
    mailer(inbox.port).send(replace(LETTER, reply_to="nadia@exemple.test"))
    assert inbox.only()["Reply-To"] == "nadia@exemple.test"


def test_a_faulty_answer_address_does_not_hold_the_letter_back(inbox: Inbox) -> None:
    mailer(inbox.port).send(replace(LETTER, reply_to="nadia@exemple.test\r\nBcc: x@y.test"))
    assert inbox.only().keys() == HEADERS


def test_a_domain_in_another_script_is_sent_in_its_ascii_form(inbox: Inbox) -> None:
    mailer(inbox.port).send(replace(LETTER, to="samira@école.test"))
    assert inbox.got[0][1] == ["samira@xn--cole-9oa.test"]


NASTY = [
    "a\r\nBcc: x@evil.test", "a\nBcc: x@evil.test", "a\rBcc: x@evil.test", "a\u2028Bcc: x@evil.test",
    "a\x85Bcc: x@evil.test", "a\x0bBcc: x", "a\x00b", "=?utf-8?q?=0D=0ABcc:_x@evil.test?=",
    "=\u202e?utf-8?b?DQpCY2M6IHhAZXZpbC50ZXN0?=", "==?utf-8?q?=0A?=", '"', "<x@evil.test>", ", x@evil.test",
    "x@evil.test, y", "(", "\\", "\r\n\r\nbody", "é=?utf-8?q?=0A?=", "\ud800", "a" * 5000, "é" * 5000, "", " ",
]  # fmt: skip
pieces = st.sampled_from(NASTY) | st.text(max_size=60) | st.characters()
nasty_text = st.lists(pieces, max_size=4).map("".join)
PARSERS = (email.policy.compat32, email.policy.default)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(subject=nasty_text, to_name=nasty_text, from_name=nasty_text, text=nasty_text, reply_to=nasty_text)
def test_whatever_the_words_no_header_and_no_recipient_is_added(
    inbox: Inbox, subject: str, to_name: str, from_name: str, text: str, reply_to: str
) -> None:
    inbox.got.clear()
    mailer(inbox.port).send(
        replace(LETTER, subject=subject, to_name=to_name, from_name=from_name, text=text, reply_to=reply_to)
    )
    ((_, recipients, content),) = inbox.got
    assert recipients == ["samira@exemple.test"]
    for policy in PARSERS:
        message = email.message_from_bytes(content, policy=policy)
        assert [name for name in message.keys() if name != "Reply-To"] == HEADERS  # noqa: SIM118
        # Taken apart and put together again, as a mailbox may do, it is still the same letter.
        again = email.message_from_bytes(message.as_bytes(policy=policy.clone(linesep="\r\n")))
        assert [name for name in again.keys() if name != "Reply-To"] == HEADERS  # noqa: SIM118
    modern = email.message_from_bytes(content, policy=email.policy.default)
    assert [one.addr_spec for one in modern["To"].addresses] == ["samira@exemple.test"]
    assert [one.addr_spec for one in modern["From"].addresses] == [SENDER]
    assert shown(email.message_from_bytes(content), "Subject") == clean_header(subject)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(pieces | st.just("@exemple.test"), max_size=4).map("".join))
def test_whatever_the_address_one_person_gets_the_letter_or_nobody(inbox: Inbox, address: str) -> None:
    inbox.got.clear()
    try:
        mailer(inbox.port).send(replace(LETTER, to=address))
    except Undeliverable:
        assert inbox.got == []
    else:
        ((_, recipients, _),) = inbox.got
        assert recipients == [clean_address(address)]
        assert inbox.only().keys() == HEADERS


@given(nasty_text)
def test_a_cleaned_text_is_one_line_without_controls_or_encoded_words(text: str) -> None:
    cleaned = clean_header(text)
    assert "=?" not in cleaned
    assert cleaned.splitlines() in ([], [cleaned])
    assert all(character >= " " and not "\x7f" <= character <= "\x9f" for character in cleaned)
    assert len(cleaned) <= 200
    cleaned.encode("utf-8")
    assert clean_header(cleaned) == cleaned


def test_cleaning_leaves_ordinary_words_of_every_script_as_they_are() -> None:
    for text in (
        "Demain, 14 h 30 : séance",
        "مرحبا بكم",
        "می‌خواهم",
        "Завтра о 9:00 👩🏽‍🏫",
        "Yarın görüşürüz",
    ):
        assert clean_header(text) == " ".join(text.split())


@pytest.mark.parametrize(
    "address",
    ["", "samira", "@exemple.test", "samira@", "a b@exemple.test", "a@b@c.test", "a@exemple..test", "é@exemple.test",
     "a@exemple.test\r\nRCPT TO:<x@y.test>", "a@-x.test", "<a@exemple.test>", "a@exemple.test, b@exemple.test",
     "=?utf-8?q?a?=@exemple.test", "a@" + "x" * 300, "a" * 65 + "@exemple.test", "a@[127.0.0.1]"],
)  # fmt: skip
def test_a_malformed_address_is_undeliverable_and_nobody_is_asked(address: str) -> None:
    with pytest.raises(Undeliverable):
        mailer(port=1).send(replace(LETTER, to=address))


def test_a_message_id_is_the_same_for_a_row_and_differs_between_rows() -> None:
    assert message_id("a:0", "passerelle.test") == message_id("a:0", "passerelle.test")
    assert message_id("a:0", "passerelle.test") != message_id("a:1", "passerelle.test")
    assert message_id("é\r\n:0", "::1").isascii()
    for host in ("::1", "", "École.test", "a\r\nb"):
        replace(LETTER, message_id=message_id("a", host))


def test_a_hand_made_message_id_or_a_lonely_method_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="message id"):
        replace(LETTER, message_id="<a@b>\r\nBcc: c")
    with pytest.raises(ValueError, match="go together"):
        replace(LETTER, calendar_method="REQUEST")


# -- what does not arrive --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "answer", "outcome"),
    [
        ("RCPT", "550 5.1.1 no samira@exemple.test here", Undeliverable),
        ("RCPT", "451 4.7.1 greylisted", Postponed),
        ("RCPT", "530 5.7.0 authentication required", Postponed),
        ("RCPT", "421 closing", Postponed),
        ("RCPT", "999 what", Postponed),
        ("RCPT", "nonsense", Postponed),
        ("DATA", "554 5.6.0 Votre devoir est refused", Undeliverable),
        ("DATA", "452 4.3.1 full", Postponed),
        ("MAIL", "550 5.7.1 sender unknown", Postponed),
        ("MAIL", "421 busy", Postponed),
    ],
)
def test_a_refusal_for_good_is_told_from_one_for_now(
    inbox: Inbox, stage: str, answer: str, outcome: type[Exception]
) -> None:
    inbox.answers[stage] = answer
    with pytest.raises((Postponed, Undeliverable)) as refused:
        mailer(inbox.port).send(LETTER)
    assert type(refused.value) is outcome
    assert inbox.got == []
    told = "".join(traceback.format_exception(refused.value))
    assert "samira" not in told
    assert "devoir" not in told
    if answer[:3].isdigit():
        assert answer[:3] in str(refused.value)


def test_a_server_that_is_away_postpones_the_letter() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(Postponed, match="refused the connection"):
        mailer(port).send(LETTER)


def test_an_unknown_server_name_postpones_the_letter() -> None:
    with pytest.raises(Postponed, match="name is not known"):
        mailer(25, host="mail.invalid").send(LETTER)


@contextlib.contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that says exactly what a test wants, to one client."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            client, _ = listener.accept()
            with client:
                talk(client)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        thread.join(10)
        assert not thread.is_alive()


def silence(client: socket.socket) -> None:
    while client.recv(1000):
        pass


def drip(client: socket.socket) -> None:
    """One byte now and then keeps a naive time limit waiting for ever."""
    while True:
        client.sendall(b"2")
        client.settimeout(0.1)
        with contextlib.suppress(TimeoutError):
            if not client.recv(1000):
                return


@pytest.mark.parametrize("talk", [silence, drip])
@pytest.mark.parametrize("tls", ["none", "tls", "starttls"])
def test_a_server_that_never_answers_is_left_at_the_time_limit(talk: Any, tls: str) -> None:
    with raw_server(talk) as port:
        began = time.monotonic()
        with pytest.raises(Postponed) as fault:
            mailer(port, tls, timeout=0.5).send(LETTER)
        assert time.monotonic() - began < 3
    assert "time limit" in str(fault.value) or (talk is drip and "TLS" in str(fault.value))


def dialogue(goodbye: bytes, got: list[bytes]) -> Callable[[socket.socket], None]:
    """Takes a letter, and then says goodbye in its own way."""

    def talk(client: socket.socket) -> None:
        with client.makefile("rwb", buffering=0) as wire:
            wire.write(b"220 here\r\n")
            for line in wire:
                if line.upper().startswith(b"DATA"):
                    wire.write(b"354 go\r\n")
                    while (line := wire.readline()) != b".\r\n":
                        got.append(line)
                if line.upper().startswith(b"QUIT"):
                    if goodbye == b"silence":
                        silence(client)
                    wire.write(goodbye)
                    return
                wire.write(b"250 ok\r\n")

    return talk


@pytest.mark.parametrize("goodbye", [b"", b"554 no\r\n", b"\xff\xfe", b"silence"])
def test_once_taken_a_letter_counts_as_sent_however_the_server_says_goodbye(goodbye: bytes) -> None:
    got: list[bytes] = []
    with raw_server(dialogue(goodbye, got)) as port:
        mailer(port, timeout=3).send(LETTER)
    assert any(line.startswith(b"Message-ID") for line in got)


# -- TLS -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def server_context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def tls_options(tls: str, context: ssl.SSLContext) -> dict[str, Any]:
    if tls == "tls":
        return {"ssl_context": context, "auth_require_tls": False}  # else it knows TLS by STARTTLS only
    return {"tls_context": context, "require_starttls": True, "auth_require_tls": True}


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_server_with_a_known_certificate_gets_login_and_letter_under_tls(
    tls: str, authority: trustme.CA, ca_file: Path
) -> None:
    with smtp_server(**tls_options(tls, server_context(authority)), auth_required=True) as inbox:
        mailer(inbox.port, tls, ca_file=ca_file, user="ecole", password=PASSWORD).send(LETTER)
        assert inbox.only()["Message-ID"] == LETTER.message_id
        assert inbox.logins == [(b"ecole", PASSWORD.encode())]


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_self_signed_server_gets_neither_letter_nor_password(tls: str, authority: trustme.CA) -> None:
    with smtp_server(**tls_options(tls, server_context(authority))) as inbox:
        with pytest.raises(Postponed, match="certificate is refused"):
            mailer(inbox.port, tls, user="ecole", password=PASSWORD).send(LETTER)
        assert (inbox.got, inbox.logins) == ([], [])


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_certificate_of_another_name_is_refused(tls: str, authority: trustme.CA, ca_file: Path) -> None:
    with smtp_server(**tls_options(tls, server_context(authority, "autre.test"))) as inbox:
        with pytest.raises(Postponed, match="certificate is refused"):
            mailer(inbox.port, tls, ca_file=ca_file).send(LETTER)
        assert inbox.got == []


def test_where_starttls_is_not_offered_nothing_is_sent_in_plain_text(inbox: Inbox, ca_file: Path) -> None:
    with pytest.raises(Postponed, match="STARTTLS"):
        mailer(inbox.port, "starttls", ca_file=ca_file, user="ecole", password=PASSWORD).send(LETTER)
    assert (inbox.got, inbox.logins) == ([], [])


def test_a_plain_server_where_tls_is_required_postpones(inbox: Inbox) -> None:
    with pytest.raises(Postponed, match="TLS"):
        mailer(inbox.port, "tls").send(LETTER)
    assert inbox.got == []


@pytest.mark.parametrize("password", ["faux-secret", "clé-secrète"])
def test_a_refused_login_postpones_and_tells_no_secret(
    password: str, authority: trustme.CA, ca_file: Path
) -> None:
    with smtp_server(**tls_options("starttls", server_context(authority))) as inbox:
        sender = mailer(inbox.port, "starttls", ca_file=ca_file, user="ecole", password=password)
        with pytest.raises(Postponed) as fault:
            sender.send(LETTER)
        assert inbox.got == []
    told = "".join(traceback.format_exception(fault.value)) + repr(sender.server) + repr(LETTER)
    assert password not in told
    assert "samira" not in told


def test_a_missing_authority_file_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        mailer(25, "tls", ca_file=tmp_path / "none.pem")


# -- the folder ------------------------------------------------------------------------------------


def test_without_a_server_a_letter_is_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    folder = tmp_path / "instance" / "mail"
    FolderMailer(folder, SENDER, lambda: NOW).send(LETTER)
    (file,) = folder.iterdir()
    assert file.name == LETTER.message_id.strip("<>") + ".eml"
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    message = email.message_from_bytes(file.read_bytes())
    assert message.keys() == HEADERS
    assert leaves(message)[0] == ("text/plain", LETTER.text)


def test_the_same_letter_again_is_the_same_file(tmp_path: Path) -> None:
    for _ in range(2):
        FolderMailer(tmp_path).send(LETTER)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_written_postpones(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file, not a folder")
    with pytest.raises(Postponed):
        FolderMailer(tmp_path / "mail").send(LETTER)


def test_a_malformed_address_is_undeliverable_in_the_folder_too(tmp_path: Path) -> None:
    with pytest.raises(Undeliverable):
        FolderMailer(tmp_path).send(replace(LETTER, to="samira"))
    assert list(tmp_path.iterdir()) == []
