"""One HTTP client for calendars and SMS: the address, the deadline and the size."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lms.adapters import http_client
from lms.adapters.http_client import Answer, AnswerTooBig, DeadlinePassed, NotPublic
from tests.support.calendars import CalendarServer
from tests.support.servers import free_port
from tests.support.sms_gateway import Gateway


def asked(address: str, server: CalendarServer | None = None, *, seconds: float = 10, **more: Any) -> Answer:
    context = ssl.create_default_context(cafile=str(server.ca_file)) if server else None
    return http_client.ask(
        "GET", address, deadline=time.monotonic() + seconds, headers={}, context=context, **more
    )


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Make every name lead to these addresses; the names that were looked up are returned."""
    names: list[str] = []

    def resolve(host: str, _port: int, _deadline: float) -> list[str]:
        names.append(host)
        return list(addresses)

    monkeypatch.setattr(http_client, "resolve", resolve)
    return names


def connects_to(monkeypatch: pytest.MonkeyPatch, port: int) -> list[tuple[str, float]]:
    """Record address and patience of each connection; all but 127.0.0.1 are dead."""
    tried: list[tuple[str, float]] = []
    plain = socket.socket

    def connect(where: tuple[str, int], patience: float) -> socket.socket:
        tried.append((where[0], patience))
        if where[0] != "127.0.0.1":
            raise ConnectionRefusedError
        sock = plain()
        sock.connect(("127.0.0.1", port))
        return sock

    monkeypatch.setattr(socket, "create_connection", connect)
    return tried


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_what_lies_on_the_public_internet_may_be_asked() -> None:
    public = ["142.250.179.142", "2a00:1450:400e:80c::200e", "::ffff:142.250.179.142", "64:ff9b::8efa:b38e"]
    assert [address for address in public if not http_client.is_public(address)] == []
    assert not http_client.is_public("fe80::1%eth0")
    assert not http_client.is_public("nonsense")


def test_one_private_address_of_a_name_is_one_too_many(
    calendars: CalendarServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = calendars.says("text")
    leads_to(monkeypatch, "142.250.179.142", "127.0.0.1")
    tried = connects_to(monkeypatch, calendars.port)
    with pytest.raises(NotPublic):
        asked(address, calendars, public_only=True)
    assert (tried, calendars.asked) == ([], [])
    assert asked(address, calendars).status == 200


def test_the_name_is_looked_up_once_and_its_certificate_demanded(
    calendars: CalendarServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    calendars.says("text", "/x?y=1")
    names = leads_to(monkeypatch, "127.0.0.1")
    answer = asked(f"https://localhost:{calendars.port}/x?y=1", calendars, max_bytes=10)
    assert (answer.status, answer.body, names) == (200, b"text", ["localhost"])
    with pytest.raises(ssl.SSLCertVerificationError):
        asked(f"https://other.invalid:{calendars.port}/x?y=1", calendars)
    with pytest.raises(ssl.SSLCertVerificationError):
        asked(calendars.address("/x?y=1"))  # of an authority that nobody trusts
    assert len(calendars.asked) == 1


def test_a_dead_address_leaves_time_for_the_next_one(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads_to(monkeypatch, "127.0.0.98", "127.0.0.99", "127.0.0.1")
    tried = connects_to(monkeypatch, int(gateway.url.split(":")[2].split("/")[0]))
    answer = http_client.ask("POST", gateway.url, deadline=time.monotonic() + 20, headers={}, body=b"{}")
    assert answer.status == 200
    assert [address for address, _ in tried] == ["127.0.0.98", "127.0.0.99", "127.0.0.1"]
    assert [patience <= http_client.CONNECT_SECONDS for _, patience in tried] == [True, True, False]


def test_a_name_leads_to_each_of_its_addresses_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(0, 0, 0, "", (address, 443)) for address in ("192.0.2.1", "192.0.2.1", "2001:db8::1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: rows)
    assert http_client.resolve("x.invalid", 443, time.monotonic() + 5) == ["192.0.2.1", "2001:db8::1"]


def test_a_name_without_address_says_so() -> None:
    with pytest.raises(socket.gaierror):
        asked("https://no-such-name.invalid/")


def test_a_name_that_nobody_answers_for_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: [over.wait(20)][:0])
    began = time.monotonic()
    with pytest.raises(DeadlinePassed):
        asked("https://calendar.invalid/", seconds=0.3)
    assert time.monotonic() - began < 3
    over.set()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_silence_ends_at_the_deadline(silent: int, scheme: str) -> None:
    began = time.monotonic()
    with pytest.raises(DeadlinePassed):
        asked(f"{scheme}://127.0.0.1:{silent}/", seconds=0.3)
    assert time.monotonic() - began < 3


def test_an_answer_without_length_that_is_cut_is_not_taken_for_whole(calendars: CalendarServer) -> None:
    address = calendars.says("x" * 100, drip=0.05)
    with pytest.raises(DeadlinePassed):
        asked(address, calendars, seconds=0.5, max_bytes=1000)


def test_a_body_is_read_up_to_its_limit_or_not_at_all(calendars: CalendarServer) -> None:
    address = calendars.says("x" * 100)
    assert asked(address, calendars, max_bytes=100).body == b"x" * 100
    with pytest.raises(AnswerTooBig):
        asked(address, calendars, max_bytes=99)
    assert asked(address, calendars).body == b""
    # Who only needs the number does not wait for words.
    slow = calendars.says("x" * 100, drip=0.2)
    assert asked(slow, calendars, seconds=2).status == 200
    refused = calendars.says("x" * 100, status=404)
    assert asked(refused, calendars, max_bytes=99).status == 404


def test_what_is_no_address_of_http_is_not_asked() -> None:
    for address in ("file:///etc/passwd", "https:///x", "ftp://localhost/", "localhost"):
        with pytest.raises(ValueError, match="not an address of HTTP"):
            asked(address)


def test_nobody_there_and_no_http_are_told_apart(calendars: CalendarServer) -> None:
    with pytest.raises(ConnectionRefusedError):
        asked(f"http://127.0.0.1:{free_port()}/")
    with pytest.raises((http.client.HTTPException, OSError)) as told:
        asked(f"http://127.0.0.1:{calendars.port}/")
    assert not isinstance(told.value, DeadlinePassed)
