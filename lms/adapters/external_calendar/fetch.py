"""Fetch an address that a person typed, without access to private networks.

Each redirect is checked: https, a public address, the certificate of its name. Only `check_address` runs
outside the child.
"""

from __future__ import annotations

import http.client
import ssl
import time
import zlib
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from lms.adapters import http_client
from lms.adapters.external_calendar import CalendarError
from lms.refusal_codes import RefusalCode

MOST_BYTES = 2_000_000
REDIRECTS = 3
LOOK_UP_SECONDS = 2.0  # while a person waits for the answer to a form
_PRIVATE_NAMES = ("local", "localhost", "internal", "intranet", "lan", "home", "corp", "home.arpa")
_MOVED = {301, 302, 303, 307, 308}
_SAFE_IN_ADDRESS = "%/:=&?~#+!$,;'@()*[]"


@dataclass(frozen=True)
class AllowedHosts:
    """Calendar servers of the organisation that are allowed in a private network, as name:port."""

    hosts: frozenset[str] = frozenset()
    ca_file: str | None = None


@dataclass(frozen=True)
class Fetched:
    """The bytes behind an address. `etag` is of the remote server."""

    etag: str
    body: bytes


def fetch(address: str, etag: str, allowed: AllowedHosts, *, seconds: float) -> Fetched | None:
    """Return the bytes behind the address; None when they are those of `etag`. Raises `CalendarError`."""
    context = ssl.create_default_context()
    if allowed.ca_file:
        context.load_verify_locations(allowed.ca_file)
    deadline = time.monotonic() + seconds
    try:
        for _step in range(REDIRECTS + 1):
            found = _ask(address, etag, allowed, context, deadline)
            if not isinstance(found, str):
                return found
            address = urljoin(address, quote(found, safe=_SAFE_IN_ADDRESS))
    except http_client.DeadlinePassed:
        raise CalendarError(RefusalCode.CALENDAR_TOO_SLOW) from None
    except http_client.NotPublic:
        raise CalendarError(RefusalCode.CALENDAR_PRIVATE) from None
    except http_client.AnswerTooBig:
        raise CalendarError(RefusalCode.CALENDAR_TOO_BIG) from None
    except (OSError, ValueError, http.client.HTTPException):
        raise CalendarError(RefusalCode.CALENDAR_UNREACHABLE) from None
    raise CalendarError(RefusalCode.CALENDAR_UNREACHABLE)


def check_address(address: str, allowed: AllowedHosts) -> None:
    """Refuse an address that is never fetched, when it is entered. Raises `CalendarError`.

    A name that nobody knows at this moment passes: the next reading says so.
    """
    parts = urlsplit(address)
    if _is_allowed(parts, allowed):
        return
    host = (parts.hostname or "").rstrip(".")
    try:
        found = http_client.resolve(host, 443, time.monotonic() + LOOK_UP_SECONDS)
    except (OSError, UnicodeError):
        is_public = "." in host and not host.endswith(tuple(f".{name}" for name in _PRIVATE_NAMES))
    else:
        is_public = all(http_client.is_public(each) for each in found)
    if not is_public:
        raise CalendarError(RefusalCode.CALENDAR_PRIVATE)


def _ask(
    address: str, etag: str, allowed: AllowedHosts, context: ssl.SSLContext, deadline: float
) -> Fetched | str | None:
    """Send one request; return the answer, or the address of a redirect."""
    parts = urlsplit(address)
    is_allowed = _is_allowed(parts, allowed)
    headers = {"Accept": "text/calendar", "Accept-Encoding": "gzip", "User-Agent": "Passerelle"}
    if etag:
        headers["If-None-Match"] = etag
    answer = http_client.ask(
        "GET",
        address,
        deadline=deadline,
        headers=headers,
        context=context,
        public_only=not is_allowed,
        max_bytes=MOST_BYTES,
    )
    return _check_answer(answer, asked_with=etag)


def _is_allowed(parts: SplitResult, allowed: AllowedHosts) -> bool:
    """Return whether the address is of one of the allowed servers. Raises `CalendarError`."""
    if parts.scheme != "https":
        raise CalendarError(RefusalCode.CALENDAR_NOT_HTTPS)
    port = parts.port or 443
    is_allowed = f"{parts.hostname}:{port}" in allowed.hosts
    if port != 443 and not is_allowed:
        raise CalendarError(RefusalCode.CALENDAR_PORT)
    return is_allowed


def _check_answer(answer: http_client.Answer, asked_with: str) -> Fetched | str | None:
    if answer.status in _MOVED:
        return answer.headers.get("Location") or ""
    if answer.status == 304 and asked_with:
        return None
    if answer.status in (401, 403, 404, 407, 410):
        raise CalendarError(RefusalCode.CALENDAR_DENIED)
    if answer.status != 200:
        raise CalendarError(RefusalCode.CALENDAR_UNREACHABLE)
    body, etag = answer.body, answer.headers.get("ETag") or ""
    if answer.headers.get("Content-Encoding", "identity").lower() in ("gzip", "x-gzip"):
        body = _decompress(body)
    return Fetched(etag if len(etag) <= 200 and etag.isascii() and etag.isprintable() else "", body)


def _decompress(body: bytes) -> bytes:
    try:
        unpacked = zlib.decompressobj(wbits=31).decompress(body, MOST_BYTES + 1)
    except zlib.error:
        raise CalendarError(RefusalCode.CALENDAR_BROKEN) from None
    if len(unpacked) > MOST_BYTES:
        raise CalendarError(RefusalCode.CALENDAR_TOO_BIG)
    return unpacked
