"""Delivery of stored files: permission is checked each time; never cached, never executed by a browser."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.domain.errors import Absent
from lms.domain.homework import files, voices
from lms.domain.homework.files import Delivery
from lms.extensions import db
from lms.models import Role
from lms.web.delivery import deliver_file

bp = Blueprint("files", __name__)


@bp.get("/files/<id>")
@allow(Role.LEARNER, Role.TEACHER)
def deliver(id: str) -> BaseResponse:
    return deliver_file(_find(id, played=False))


@bp.get("/files/<id>/played")
@allow(Role.LEARNER, Role.TEACHER)
def deliver_played(id: str) -> BaseResponse:
    """Send the copy of a voice that plays everywhere, or the voice itself while there is none."""
    return deliver_file(_find(id, played=True))


def _find(id: str, *, played: bool) -> Delivery:
    """Return a file of an attempt, or the voice of a teacher. Raises `Absent`."""
    try:
        return files.delivery_for(db.session(), me(), id, played=played)
    except Absent:
        return voices.voice_for(db.session(), me(), id, played=played, now=now())
