"""Delivery of stored files: permission is checked each time; never cached, never executed by a browser."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wrappers import Response as BaseResponse
from werkzeug.wsgi import wrap_file

from lms.access import allow, me
from lms.adapters.store import UnknownKey
from lms.current import store
from lms.domain.errors import Absent
from lms.domain.homework import files, voices
from lms.domain.homework.files import Delivery
from lms.extensions import db
from lms.models import Role

bp = Blueprint("files", __name__)

SANDBOX = "default-src 'none'; sandbox"


@bp.get("/files/<id>")
@allow(Role.LEARNER, Role.TEACHER)
def deliver(id: str) -> BaseResponse:
    return _deliver(_find(id, played=False))


@bp.get("/files/<id>/played")
@allow(Role.LEARNER, Role.TEACHER)
def deliver_played(id: str) -> BaseResponse:
    """Send the copy of a voice that plays everywhere, or the voice itself while there is none."""
    return _deliver(_find(id, played=True))


def _find(id: str, *, played: bool) -> Delivery:
    """Return a file of an attempt, or the voice of a teacher. Raises `Absent`."""
    try:
        return files.delivery_for(db.session(), me(), id, played=played)
    except Absent:
        return voices.voice_for(db.session(), me(), id, played=played)


def _deliver(found: Delivery) -> BaseResponse:
    try:
        size = store().size(found.store_key)
        stream = store().open(found.store_key)
    except UnknownKey:
        raise Absent from None
    response = Response(wrap_file(request.environ, stream), direct_passthrough=True, mimetype=found.mime)
    response.content_length = size
    response.headers["Content-Disposition"] = disposition(
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


def disposition(kind: str, name: str) -> str:
    """Return Content-Disposition (RFC 5987): the name in every script, and in ASCII for old programs."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
