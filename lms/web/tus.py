"""The headers of tus 1.0.0, the protocol in which files come piece by piece (https://tus.io).

With the extensions creation, termination, expiration and checksum.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO, NoReturn

from flask import Response, abort, request
from werkzeug.exceptions import PreconditionFailed, UnsupportedMediaType
from werkzeug.http import http_date

from lms.current import settings
from lms.domain.errors import Refused
from lms.refusal_codes import RefusalCode

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,expiration,checksum"
ALGORITHMS = ("sha1", "sha256")
PIECE = "application/offset+octet-stream"
# More digits than any file has, and no more: the length of a header must not cost time.
_MOST_DIGITS = 15
_IN_MEMORY = 500 * 1024
_CHUNK = 64 * 1024


def answer(status: int, /, **headers: str | int) -> Response:
    """Return an answer without a body; `upload_offset=3` is the header `Upload-Offset: 3`."""
    response = Response(status=status)
    for name, value in headers.items():
        response.headers[name.replace("_", "-").title()] = str(value)
    return response


def require_version() -> None:
    """Answer 412 to a client of another version of the protocol, or of none: as a form of another site."""
    if request.headers.get("Tus-Resumable") != VERSION:
        refusal = answer(412, tus_version=VERSION)
        raise PreconditionFailed(response=refusal)


def require_piece() -> None:
    """Answer 415 to a body that is no piece of a file."""
    if request.mimetype != PIECE:
        raise UnsupportedMediaType(response=answer(415))


def number(name: str) -> int:
    """Return the number in a header; anything else is answered with 400."""
    raw = request.headers.get(name, "")
    if not (raw.isascii() and raw.isdigit() and len(raw) <= _MOST_DIGITS):
        _malformed()
    return int(raw)


def metadata() -> dict[str, str]:
    """Return the texts of `Upload-Metadata` by their names; a malformed header is answered with 400."""
    found: dict[str, str] = {}
    for pair in filter(None, map(str.strip, request.headers.get("Upload-Metadata", "").split(","))):
        name, _, encoded = pair.partition(" ")
        try:
            value = b64decode(encoded.strip(), validate=True).decode()
        except (BadBase64, UnicodeError):
            _malformed()
        if name in found or "\0" in value:  # no database column takes NUL
            _malformed()
        found[name] = value
    return found


def written_metadata(values: Mapping[str, str]) -> str:
    """Return texts as the header `Upload-Metadata` says them."""
    return ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in values.items())


def written_moment(moment: datetime) -> str:
    """Return a moment as the header `Upload-Expires` says it."""
    return http_date(moment)


@contextmanager
def received_piece() -> Iterator[tuple[IO[bytes], int]]:
    """Receive the body of the request, as slowly as it comes, and check it; yield it and its size.

    An unknown or malformed checksum is answered with 400. Refusals: `upload_damaged`.
    """
    expected = _checksum()
    with SpooledTemporaryFile(_IN_MEMORY, dir=str(settings().temp)) as body:
        digest = hashlib.new(expected[0], usedforsecurity=False) if expected else None
        while chunk := request.stream.read(_CHUNK):
            body.write(chunk)
            if digest is not None:
                digest.update(chunk)
        if digest is not None and expected is not None and digest.digest() != expected[1]:
            raise Refused(RefusalCode.UPLOAD_DAMAGED)
        size = body.tell()
        body.seek(0)
        yield body, size


def _checksum() -> tuple[str, bytes] | None:
    raw = request.headers.get("Upload-Checksum")
    if raw is None:
        return None
    algorithm, _, encoded = raw.partition(" ")
    try:
        digest = b64decode(encoded, validate=True)
    except (BadBase64, ValueError):
        _malformed()
    if algorithm not in ALGORITHMS:
        _malformed()
    return algorithm, digest


def _malformed() -> NoReturn:
    abort(answer(400))
