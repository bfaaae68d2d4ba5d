"""One HTTP request with one deadline for everything: name resolution, connection, TLS and the whole answer.

No redirects, proxies or cookies. The name is resolved once, and the connection goes to the address that was
checked, so that a second resolution cannot return another address (DNS rebinding).
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urlsplit

CONNECT_SECONDS = 4.0  # then the next address of the name is tried
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")
# Networks whose addresses embed another address; which one is not always certain.
_WRAPPED = (ipaddress.ip_network("2001::/32"), ipaddress.ip_network("2002::/16"))


class DeadlinePassed(TimeoutError):
    """The exchange was not over at its deadline."""


class NotPublic(Exception):
    """The name resolves to an address of a private network."""


class AnswerTooBig(Exception):
    """The answer is longer than `max_bytes`."""


@dataclass(frozen=True)
class Answer:
    """The answer of a server. `body` is empty when it was not read."""

    status: int
    headers: Message
    body: bytes


def ask(
    method: str,
    address: str,
    *,
    deadline: float,
    headers: Mapping[str, str],
    body: bytes | None = None,
    context: ssl.SSLContext | None = None,
    public_only: bool = False,
    max_bytes: int | None = None,
) -> Answer:
    """Send one request and return the answer; a body is read with `max_bytes`, and only of an answer 200.

    `deadline` is a moment of `time.monotonic`, `context` decides which certificates are trusted. With
    `public_only` no address of the name may be private. Raises `DeadlinePassed`, `NotPublic`,
    `AnswerTooBig`, `OSError` for the connection, `HTTPException` for an answer that is not HTTP and
    `ValueError` for an address that is not one of HTTP.
    """
    parts = urlsplit(address)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("not an address of HTTP")
    host, port = parts.hostname, parts.port or _PORTS[parts.scheme]
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    tls = (context or ssl.create_default_context()) if parts.scheme == "https" else None
    kind = http.client.HTTPConnection if tls is None else http.client.HTTPSConnection
    try:
        addresses = resolve(host, port, deadline)
        if public_only and not all(is_public(each) for each in addresses):
            raise NotPublic
        with (
            contextlib.closing(kind(host, port)) as connection,
            _open(addresses, host, port, deadline, tls) as sock,
            _cut_at(deadline, sock),
        ):
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            connection.sock = sock
            connection.request(method, path, body, dict(headers))
            with connection.getresponse() as answer:
                return Answer(answer.status, answer.headers, _read(answer, max_bytes, deadline))
    except ssl.SSLCertVerificationError:
        raise
    except (OSError, http.client.HTTPException):
        if time.monotonic() >= deadline:
            raise DeadlinePassed from None
        raise


def resolve(host: str, port: int, deadline: float) -> list[str]:
    """Return the addresses of a name. Raises `DeadlinePassed`, or `socket.gaierror` when it has none."""
    found: list[list[str] | Exception] = []

    def look_up() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.append(list(dict.fromkeys(str(row[4][0]) for row in rows)))
        except Exception as fault:  # noqa: BLE001 raised again in the calling thread
            found.append(fault)

    # The resolver of the system has no deadline: its thread is abandoned.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    if not found:
        raise DeadlinePassed
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def is_public(text: str) -> bool:
    """Return whether an address is on the public internet, also when it is embedded in another one."""
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


def _open(
    addresses: list[str], host: str, port: int, deadline: float, tls: ssl.SSLContext | None
) -> socket.socket:
    """Connect to the first address that answers; the last one has all the time that is left."""
    fault: OSError = DeadlinePassed()
    for number, address in enumerate(addresses, start=1):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        patience = left if number == len(addresses) else min(CONNECT_SECONDS, left)
        try:
            plain = socket.create_connection((address, port), patience)
        except OSError as this:
            fault = this
            continue
        plain.settimeout(left)
        if tls is None:
            return plain
        try:
            # The handshake starts after `_cut_at` has begun to watch the deadline.
            return tls.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        except BaseException:
            plain.close()
            raise
    raise fault


def _read(answer: http.client.HTTPResponse, max_bytes: int | None, deadline: float) -> bytes:
    if max_bytes is None or answer.status != 200:
        return b""
    body = answer.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise AnswerTooBig
    # A connection that is cut looks like the end of an answer that did not state its length.
    if time.monotonic() >= deadline:
        raise DeadlinePassed
    return body


@contextlib.contextmanager
def _cut_at(deadline: float, sock: socket.socket) -> Iterator[None]:
    """Cut the connection at the deadline, also of a server that sends a byte now and then."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)  # below TLS, which another thread is using

    watch = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
        watch.join()
