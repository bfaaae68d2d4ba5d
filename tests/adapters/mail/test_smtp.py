"""Real servers that refuse, fall silent, or are not who they say."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypedDict

import pytest
import trustme

from lms.adapters.mail.message import Postponed, Undeliverable
from lms.adapters.mail.smtp import Tls
from tests.adapters.mail.raw_server import LETTER, PASSWORD, Inbox, mailer, smtp_server


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
    """One byte now and then keeps a naive time limit waiting: here ten seconds."""
    for _ in range(100):
        client.sendall(b"2")
        client.settimeout(0.1)
        with contextlib.suppress(TimeoutError):
            if not client.recv(1000):
                return


@pytest.mark.parametrize("talk", [silence, drip])
@pytest.mark.parametrize("tls", ["none", "tls", "starttls"])
def test_a_server_that_never_answers_is_left_at_the_time_limit(talk: Any, tls: Tls) -> None:
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


def tls_options(tls: Tls, context: ssl.SSLContext) -> dict[str, Any]:
    if tls == "tls":
        return {"ssl_context": context, "auth_require_tls": False}  # else it knows TLS by STARTTLS only
    return {"tls_context": context, "require_starttls": True, "auth_require_tls": True}


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_server_with_a_known_certificate_gets_login_and_letter_under_tls(
    tls: Tls, authority: trustme.CA, ca_file: Path
) -> None:
    with smtp_server(**tls_options(tls, server_context(authority)), auth_required=True) as inbox:
        mailer(inbox.port, tls, ca_file=ca_file, user="ecole", password=PASSWORD).send(LETTER)
        assert inbox.only()["Message-ID"] == LETTER.message_id
        assert inbox.logins == [(b"ecole", PASSWORD.encode())]


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_self_signed_server_gets_neither_letter_nor_password(tls: Tls, authority: trustme.CA) -> None:
    with smtp_server(**tls_options(tls, server_context(authority))) as inbox:
        with pytest.raises(Postponed, match="certificate is refused"):
            mailer(inbox.port, tls, user="ecole", password=PASSWORD).send(LETTER)
        assert (inbox.got, inbox.logins) == ([], [])


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_certificate_of_another_name_is_refused(tls: Tls, authority: trustme.CA, ca_file: Path) -> None:
    with smtp_server(**tls_options(tls, server_context(authority, "autre.test"))) as inbox:
        with pytest.raises(Postponed, match="certificate is refused"):
            mailer(inbox.port, tls, ca_file=ca_file).send(LETTER)
        assert inbox.got == []


class Login(TypedDict, total=False):
    user: str
    password: str


@pytest.mark.parametrize("login", [{}, {"user": "ecole", "password": PASSWORD}])
def test_where_starttls_is_not_offered_nothing_is_sent_in_plain_text(login: Login, ca_file: Path) -> None:
    with smtp_server(auth_require_tls=False) as inbox:
        mailer(inbox.port, "none", **login).send(LETTER)  # it would take both in plain text
        inbox.got.clear()
        inbox.logins.clear()
        with pytest.raises(Postponed, match="STARTTLS"):
            mailer(inbox.port, "starttls", ca_file=ca_file, **login).send(LETTER)
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
