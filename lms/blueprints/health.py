"""Health checks for a monitor: the process answers, and the instance can work."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from lms import limits
from lms.access import allow
from lms.adapters.work_folder import free_bytes
from lms.clock import now
from lms.current import settings, store
from lms.domain import outbox
from lms.domain.homework import preparation
from lms.extensions import db
from lms.web.body_limits import MEGABYTE

bp = Blueprint("health", __name__)


@bp.get("/healthz")
@allow("anyone")
def process() -> Response:
    return jsonify(ok=True)


@bp.get("/readyz")
@allow("anyone")
def ready() -> tuple[Response, int]:
    """Check database, queue age and disk; 503 when one of them fails. Shows no other details.

    `limits` false: Redis is away, and each process counts attempts for itself. People are served as before,
    so this alone is no reason to send them elsewhere.
    """
    checks = {"database": False, "queue": False, "disk": False}
    try:
        db.session.execute(text("SELECT 1"))
        mail = outbox.oldest_waiting(db.session(), now=now())
        file = preparation.oldest_waiting(db.session(), now=now())
        checks["database"] = True
        checks["queue"] = (mail is None or mail <= outbox.LATE) and (file is None or file <= preparation.LATE)
    except SQLAlchemyError:
        db.session.rollback()
    free = min(store().free_bytes(), free_bytes(settings().instance))
    checks["disk"] = free >= settings().free_space_mb * MEGABYTE
    is_ready = all(checks.values())
    return jsonify(ok=is_ready, limits=limits.are_shared(), **checks), 200 if is_ready else 503
