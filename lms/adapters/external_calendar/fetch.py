"""Fetch an address that a person typed, without letting it lead us into anybody's house.

Runs in the child only. Each step of the way is checked: https, a public address, the certificate of its name.
The connection goes to the very address that was checked, so that a name cannot change its mind in between.
"""

from __future__ import annotations

import http.client
import ipaddress
import signal
import socket
import ssl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from lms.adapters.external_calendar import CalendarError

MOST_BYTES = 2_000_000
REDIRECTS = 3
CONNECT_SECONDS = 4.0  # then the next address of the name has its turn
_MOVED = {301, 302, 303, 307, 308}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")
# Ways to wrap one kind of address in another: what is inside does not show for certain.
_WRAPPED = (ipaddress.ip_network("2001::/32"), ipaddress.ip_network("2002::/16"))
_SAFE_IN_ADDRESS = "%/:=&?~#+!$,;'@()*[]"


@dataclass(frozen=True)
class AllowedHosts:
    """Calendar servers of one's own that may be asked although they are private: name:port."""

    hosts: frozenset[str] = frozenset()
    ca_file: str | None = None


@dataclass(frozen=True)
class Fetched:
    etag: str
    body: bytes


class PinnedConnection(http.client.HTTPSConnection):
    """Goes to an address that was checked, and speaks to the name whose address it is.

    The standard library's own class knows no proxy unless told, keeps no cookie and follows nothing.
    """

    def __init__(self, host: str, port: int, pinned: list[str], context: ssl.SSLContext) -> None:
        super().__init__(host, port, context=context)
        self._pinned = pinned
        self._tls = context

    def connect(self) -> None:
        self.sock = self._tls.wrap_socket(self._reached(), server_hostname=self.host)

    def _reached(self) -> socket.socket:
        refused = OSError("no address")
        for address in self._pinned:
            try:
                reached = socket.create_connection((address, self.port), timeout=CONNECT_SECONDS)
            except OSError as error:
                refused = error
            else:
                reached.settimeout(None)  # from here on the alarm measures
                return reached
        raise refused


def is_public(text: str) -> bool:
    """Return whether an address lies on the public internet, also when it is wrapped in another one."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # with a scope, such as fe80::1%eth0
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(str(address.ipv4_mapped))
        if address in _NAT64:
            return is_public(str(ipaddress.IPv4Address(address.packed[-4:])))
        if address not in _UNICAST or any(address in net for net in _WRAPPED):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def fetch(address: str, etag: str, doors: AllowedHosts, *, seconds: float) -> Fetched | None:
    """The bytes behind the address; None when they are those of `etag`. Raises Unreadable."""
    context = ssl.create_default_context()
    if doors.ca_file:
        context.load_verify_locations(doors.ca_file)
    with _alarm(seconds):
        try:
            for _step in range(REDIRECTS + 1):
                found = _ask(urlsplit(address), etag, doors, context)
                if not isinstance(found, str):
                    return found
                address = urljoin(address, quote(found, safe=_SAFE_IN_ADDRESS))
        except (OSError, ValueError, http.client.HTTPException):
            raise CalendarError("calendar_unreachable") from None
    raise CalendarError("calendar_unreachable")


def _ask(parts: SplitResult, etag: str, doors: AllowedHosts, context: ssl.SSLContext) -> Fetched | str | None:
    """One request: the answer, or the address to which it sends us on."""
    if parts.scheme != "https":
        raise CalendarError("calendar_not_https")
    host, port = parts.hostname or "", parts.port or 443
    connection = PinnedConnection(host, port, _check_addresses(host, port, doors), context)
    headers = {"Accept": "text/calendar", "Accept-Encoding": "gzip", "User-Agent": "Passerelle"}
    if etag:
        headers["If-None-Match"] = etag
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as answer:
            return _check_answer(answer, asked_with=etag)
    finally:
        connection.close()


def _check_addresses(host: str, port: int, doors: AllowedHosts) -> list[str]:
    """Every address of the name. One of them inside a house is one too many."""
    known = f"{host}:{port}" in doors.hosts
    if port != 443 and not known:
        raise CalendarError("calendar_port")
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
    if not known and not all(is_public(address) for address in addresses):
        raise CalendarError("calendar_private")
    return addresses


def _check_answer(answer: http.client.HTTPResponse, asked_with: str) -> Fetched | str | None:
    if answer.status in _MOVED:
        return answer.headers.get("Location") or ""
    if answer.status == 304 and asked_with:
        return None
    if answer.status in (401, 403, 404, 407, 410):
        raise CalendarError("calendar_denied")
    if answer.status != 200:
        raise CalendarError("calendar_unreachable")
    body = answer.read(MOST_BYTES + 1)
    etag = answer.headers.get("ETag") or ""
    if answer.headers.get("Content-Encoding", "identity").lower() in ("gzip", "x-gzip"):
        body = _decompress(body)
    if len(body) > MOST_BYTES:
        raise CalendarError("calendar_too_big")
    return Fetched(etag if len(etag) <= 200 and etag.isascii() and etag.isprintable() else "", body)


def _decompress(body: bytes) -> bytes:
    if len(body) > MOST_BYTES:
        raise CalendarError("calendar_too_big")
    opener = zlib.decompressobj(wbits=31)
    try:
        return opener.decompress(body, MOST_BYTES + 1)
    except zlib.error:
        raise CalendarError("calendar_broken") from None


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Waiting for a name, a connection and every drip of the answer: all of it together."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise CalendarError("calendar_too_slow")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
