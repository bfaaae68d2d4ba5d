"""An address that somebody typed: it leads to the public internet, over TLS, or nowhere."""

from __future__ import annotations

import gzip
import time
import tracemalloc

import pytest

from lms.adapters.external_calendar import CalendarError
from lms.adapters.external_calendar.fetch import MOST_BYTES, AllowedHosts, Fetched, fetch
from tests.support.calendars import GOOGLE, CalendarServer


def fetched(server: CalendarServer, address: str, etag: str = "", seconds: float = 10) -> Fetched | None:
    doors = AllowedHosts(frozenset({server.door}), str(server.ca_file))
    return fetch(address, etag, doors, seconds=seconds)


def refusal(address: str, server: CalendarServer | None = None, seconds: float = 10) -> str:
    doors = AllowedHosts(frozenset({server.door}), str(server.ca_file)) if server else AllowedHosts()
    with pytest.raises(CalendarError) as caught:
        fetch(address, "", doors, seconds=seconds)
    return caught.value.code


INSIDE = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0.0.0.0",  # noqa: S104
    "10.0.0.8",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "localhost",
    "[::1]",
    "[::]",
    "[::7f00:1]",
    "[fe80::1]",
    "[fd00::1]",
    "[ff02::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::1]",
    "[2001:0:53aa:64c::1]",
    "[2001:db8::1]",
]


@pytest.mark.parametrize("host", INSIDE)
def test_what_lies_inside_a_house_is_never_asked(host: str) -> None:
    assert refusal(f"https://{host}/calendar.ics") == "calendar_private"


def test_another_port_than_that_of_https_only_where_the_house_allows_it(calendars: CalendarServer) -> None:
    address = calendars.says(GOOGLE)
    assert refusal(address) == "calendar_port"
    assert refusal(f"https://127.0.0.1:{calendars.port}/nadia.ics", calendars) == "calendar_port"
    assert calendars.asked == []
    found = fetched(calendars, address)
    assert found is not None
    assert found.body == GOOGLE.encode()


def test_without_tls_or_with_a_stranger_s_certificate_nothing_is_read(calendars: CalendarServer) -> None:
    address = calendars.says(GOOGLE)
    assert refusal(address.replace("https", "http"), calendars) == "calendar_not_https"
    with pytest.raises(CalendarError) as caught:
        fetch(address, "", AllowedHosts(frozenset({calendars.door})), seconds=10)
    assert caught.value.code == "calendar_unreachable"
    assert calendars.asked == []


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("https://127.0.0.1/", "calendar_private"),
        ("https://169.254.169.254/latest/meta-data", "calendar_private"),
        ("//10.0.0.1/x", "calendar_private"),
        ("http://example.org/", "calendar_not_https"),
        ("file:///etc/passwd", "calendar_not_https"),
        ("https://[/", "calendar_unreachable"),
        ("", "calendar_unreachable"),
    ],
)
def test_each_step_of_the_way_is_checked(calendars: CalendarServer, target: str, code: str) -> None:
    address = calendars.says("", status=302, headers={"Location": target})
    assert refusal(address, calendars) == code


def test_three_steps_are_followed_and_no_more(calendars: CalendarServer) -> None:
    for number in range(4):
        calendars.says("", f"/{number}", status=307, headers={"Location": f"/{number + 1}"})
    calendars.says(GOOGLE, "/4")
    found = fetched(calendars, calendars.address("/1"))
    assert found is not None
    assert found.body == GOOGLE.encode()
    assert refusal(calendars.address("/0"), calendars) == "calendar_unreachable"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "calendar_denied"),
        (403, "calendar_denied"),
        (404, "calendar_denied"),
        (410, "calendar_denied"),
        (304, "calendar_unreachable"),
        (429, "calendar_unreachable"),
        (500, "calendar_unreachable"),
        (503, "calendar_unreachable"),
    ],
)
def test_an_answer_that_is_no_calendar(calendars: CalendarServer, status: int, code: str) -> None:
    assert refusal(calendars.says("x", status=status), calendars) == code


def test_nobody_there_or_no_such_name_is_told() -> None:
    with pytest.raises(CalendarError) as caught:
        fetch("https://localhost:1/x.ics", "", AllowedHosts(frozenset({"localhost:1"})), seconds=10)
    assert caught.value.code == "calendar_unreachable"
    assert refusal("https://no-such-name.invalid/x.ics") == "calendar_unreachable"


def test_two_megabytes_are_the_most_packed_or_not(calendars: CalendarServer) -> None:
    packed = {"Content-Encoding": "gzip"}
    assert fetched(calendars, calendars.says(b"x" * MOST_BYTES)) == Fetched("", b"x" * MOST_BYTES)
    assert fetched(calendars, calendars.says(gzip.compress(b"x" * MOST_BYTES), headers=packed)) is not None
    assert refusal(calendars.says(b"x" * (MOST_BYTES + 1)), calendars) == "calendar_too_big"
    assert refusal(calendars.says(b"no gzip", headers=packed), calendars) == "calendar_broken"


def test_a_bomb_is_never_unpacked(calendars: CalendarServer) -> None:
    bomb = gzip.compress(bytes(100_000_000), 1)
    assert len(bomb) < MOST_BYTES
    address = calendars.says(bomb, headers={"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        assert refusal(address, calendars) == "calendar_too_big"
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 20_000_000


def test_a_page_of_any_length_that_says_no_is_a_no(calendars: CalendarServer) -> None:
    address = calendars.says(b"x" * (MOST_BYTES + 1), status=403)
    assert refusal(address, calendars) == "calendar_denied"


def test_all_steps_together_have_one_deadline(calendars: CalendarServer) -> None:
    # Half a second before each answer: no step alone is too slow.
    for number in range(3):
        calendars.says("", f"/{number}", status=307, headers={"Location": f"/{number + 1}"}, wait=0.5)
    calendars.says(GOOGLE, "/3", wait=0.5)
    assert refusal(calendars.address("/0"), calendars, seconds=1.2) == "calendar_too_slow"


def test_who_drips_is_left_in_time(calendars: CalendarServer) -> None:
    address, started = calendars.says(GOOGLE, drip=0.2), time.monotonic()
    assert refusal(address, calendars, seconds=1) == "calendar_too_slow"
    assert time.monotonic() - started < 3


def test_what_did_not_change_is_not_sent_again(calendars: CalendarServer) -> None:
    address = calendars.says(GOOGLE, headers={"ETag": '"v1"'})
    first = fetched(calendars, address)
    assert first is not None
    assert fetched(calendars, address, first.etag) is None
    assert fetched(calendars, address, '"v0"') == first
    for useless in ('"' + "x" * 300 + '"', '"\xe9"'):
        found = fetched(calendars, calendars.says(GOOGLE, headers={"ETag": useless}))
        assert found is not None
        assert found.etag == ""


def test_it_carries_nothing_of_ours(calendars: CalendarServer) -> None:
    calendars.says("", "/first", status=302, headers={"Location": "/second", "Set-Cookie": "a=b"})
    calendars.says(GOOGLE, "/second")
    fetched(calendars, calendars.address("/first"))
    for _path, headers in calendars.asked:
        assert set(headers) == {"Host", "Accept", "Accept-Encoding", "User-Agent"}
