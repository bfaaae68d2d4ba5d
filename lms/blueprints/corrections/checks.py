"""Marks of the attempt before: one press says whether what was marked is mended."""

# Read by the team alone.

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.domain.errors import Refused
from lms.domain.homework import attempts, comparison, correction
from lms.extensions import write
from lms.forms import seen_number
from lms.i18n.refusals import sentence
from lms.models import Role

bp = Blueprint("checks", __name__)

_ANSWERS = {"mended": True, "again": False, "open": None}


@bp.post("/corrections/<id>/checks")
@allow(Role.TEACHER)
def check(id: str) -> BaseResponse:
    """Record the answer to one mark, and go on to the next one."""
    answer, position = request.form.get("answer", ""), seen_number(request.form.get("position"))
    if answer not in _ANSWERS:
        abort(400)

    def in_transaction(session: Session) -> None:
        attempt = attempts.queued_attempt_for(session, me(), id)
        returns = seen_number(request.form.get("returns"))
        feedback = correction.open_feedback(session, attempt, me(), returns=returns, now=now())
        returned_id = request.form.get("returned", "")
        comparison.check_mark(session, attempt, feedback.id, returned_id, position, _ANSWERS[answer])

    try:
        write(in_transaction)
    except Refused as refusal:
        flash(str(sentence(refusal)), "warm")
    return redirect(url_for("corrections.desk", id=id, _anchor=f"check-{position}"), 303)
