"""The response with a stored file: never cached, never executed by a browser."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wrappers import Response as BaseResponse
from werkzeug.wsgi import wrap_file

from lms.adapters.store import UnknownKey
from lms.current import store
from lms.domain.errors import Absent
from lms.domain.homework.files import Delivery

SANDBOX = "default-src 'none'; sandbox"


def deliver_file(found: Delivery) -> BaseResponse:
    """Send a stored file, or the part of it that a player asks for. Raises `Absent` when it is not there."""
    try:
        size = store().size(found.store_key)
        stream = store().open(found.store_key)
    except UnknownKey:
        raise Absent from None
    response = Response(wrap_file(request.environ, stream), direct_passthrough=True, mimetype=found.mime)
    response.content_length = size
    response.headers["Content-Disposition"] = _disposition(
        "inline" if found.ours else "attachment", found.name
    )
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["Cache-Control"] = "private, no-store"
    # A player requests ranges of a sound file.
    try:
        return response.make_conditional(request.environ, accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable:
        stream.close()
        raise


def _disposition(kind: str, name: str) -> str:
    """Return Content-Disposition (RFC 5987): the name in every script, and in ASCII for old programs."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
