"""Requests through none, one or two proxies, on a real socket, with entries that a client forged."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.live_server import LiveServer
from tests.support.pages import filled, parse

# Blueprint `auth` allows so many failed logins of an account from one address in a minute.
TRIES = 8


@pytest.fixture(params=[0, 1, 2])
def server(request: pytest.FixtureRequest, tmp_path: Path, template: Path) -> Iterator[LiveServer]:
    hops = str(request.param)
    with LiveServer(
        tmp_path, template, LMS_PROXY_HOPS=hops, LMS_TRUSTED_HOSTS="Cours.example.be,127.0.0.1"
    ) as served:
        yield served


def hops(server: LiveServer) -> int:
    return server.settings.proxy_hops


def ask(server: LiveServer, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", "/login", headers=sent)
        return connection.getresponse().status
    finally:
        connection.close()


def forwarded(server: LiveServer, host: str, *, forged: str = "evil.example") -> int:
    """Ask as the proxies of the server do: each appends an entry to what it received."""
    entries = [forged, *[host, "inner.example"][: hops(server)]]
    return ask(server, X_Forwarded_Host=", ".join(entries))


def test_the_host_is_what_the_outermost_proxy_received(server: LiveServer) -> None:
    """Without a proxy nobody reads the header: the host is our own."""
    assert forwarded(server, "cours.example.be") == 200
    assert forwarded(server, "evil.example", forged="cours.example.be") == (400 if hops(server) else 200)


def test_a_host_is_the_same_in_capitals(server: LiveServer) -> None:
    assert forwarded(server, "COURS.Example.BE") == 200
    if not hops(server):
        assert ask(server, Host="COURS.Example.BE") == 200
        assert ask(server, Host="evil.example") == 400


def log_in_wrongly(server: LiveServer, forwarded_for: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("GET", "/login")
        shown = connection.getresponse()
        html = shown.read().decode()
        (form,) = [form for form in parse(html).all("form") if form.get("action") in (None, "", "/login")]
        values = {**filled(form), "email": "nadia@example.be", "password": "wrong, and long enough"}
        headers = {
            "Cookie": (shown.getheader("Set-Cookie") or "").split(";")[0],
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Forwarded-For": forwarded_for,
        }
        connection.request("POST", "/login", urlencode(values), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_attempts_are_counted_by_the_address_that_the_outermost_proxy_saw(server: LiveServer) -> None:
    """A client that forges another entry each time is still one client."""
    inner = ["192.0.2.9"] * (hops(server) - 1)

    def attempt(number: int, address: str) -> int:
        seen = [address, *inner] if hops(server) else []
        return log_in_wrongly(server, ", ".join([f"198.51.100.{number}", *seen]))

    assert {attempt(number, "203.0.113.1") for number in range(TRIES)} == {422}
    assert attempt(TRIES, "203.0.113.1") == 429
    assert attempt(TRIES + 1, "203.0.113.2") == (422 if hops(server) else 429)
