"""Submissions of a learner and the returned feedback."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.domain.homework import attempts, worklist
from lms.extensions import db, write
from lms.models import Role
from lms.web.pages import page

bp = Blueprint("submissions", __name__)


@bp.get("/submissions/<id>")
@allow(Role.LEARNER)
def show(id: str) -> BaseResponse:
    """Show a submission: what was sent, and the feedback once it is returned."""
    session = db.session()
    submission = attempts.submission_for(session, me(), id)
    work = worklist.learner_assignment_for(session, me(), submission.assignment_id)
    sent = [attempt for attempt in submission.attempts if attempt.sent_at]
    if not sent:
        return redirect(url_for("homework.work", id=submission.assignment_id), 303)
    return page(
        "homework/submission.html", submission=submission, work=work, last=sent[-1], earlier=sent[-2::-1]
    )


@bp.post("/submissions/<id>/reading")
@allow(Role.LEARNER)
def read(id: str) -> BaseResponse:
    """Record that the learner has read the feedback; opening the page alone changes nothing."""
    write(lambda s: attempts.mark_feedback_seen(s, me(), id, now=now()))
    return redirect(url_for("submissions.show", id=id), 303)


@bp.post("/submissions/<id>/attempts")
@allow(Role.LEARNER)
def start_again(id: str) -> BaseResponse:
    def in_transaction(session: Session) -> str:
        assignment_id = attempts.mark_feedback_seen(session, me(), id, now=now())
        attempts.open_draft(session, me(), assignment_id, now=now())
        return assignment_id

    return redirect(url_for("homework.work", id=write(in_transaction)), 303)
