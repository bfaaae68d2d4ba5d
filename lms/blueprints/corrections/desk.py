"""À corriger: the queue of submissions, and the page on which a teacher corrects one."""

# Read by the team alone.

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, jsonify, make_response, redirect, request, url_for
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.blueprints.corrections.correction_page import build_correction_page
from lms.clock import now
from lms.domain.errors import Refused
from lms.domain.homework import attempts, correction, queue
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.queue import QueueState
from lms.extensions import db
from lms.forms.correction import FeedbackForm, chosen_bands
from lms.models import Attempt, Criterion, Role
from lms.refusal_codes import RefusalCode
from lms.web.idempotency import run_once
from lms.web.pages import by_script, page
from lms.web.paging import asked_state

bp = Blueprint("corrections", __name__)

STATES_FOR_COORDINATOR: dict[QueueState | None, LazyString] = {
    None: _l("Toutes les copies"),
    QueueState.NEW: _l("Premiers envois"),
    QueueState.FOLLOW_UP: _l("Suites"),
}
STATES = {**STATES_FOR_COORDINATOR, QueueState.DRAFT: _l("Mes brouillons")}


@bp.get("/corrections")
@allow(Role.TEACHER, Role.COORDINATOR)
def index() -> BaseResponse:
    """List what waits. A coordinator who does not teach sees whose work waits and opens the person."""
    session, level, state = db.session(), _level(), asked_state(QueueState)
    counts = queue.counts_by_level(session, me(), state)
    found = queue.queue_page(session, me(), level, state, before=_id("before"), after=_id("after"))
    shown: dict[str, Any] = {"level": level, "state": state}
    return page(
        "corrections/index.html",
        copies=found.attempts,
        begin=found.begin,
        previous=found.before and url_for("corrections.index", before=found.before, **shown),
        following=found.after and url_for("corrections.index", after=found.after, **shown),
        counts=counts,
        states=STATES if me().is_teacher else STATES_FOR_COORDINATOR,
        **shown,
    )


@bp.get("/corrections/<id>")
@allow(Role.TEACHER)
def desk(id: str) -> BaseResponse:
    attempt = attempts.queued_attempt_for(db.session(), me(), id)
    feedback = attempt.feedback
    form = FeedbackForm(formdata=None)
    bands: dict[str, int] = {}
    if feedback is not None:
        form.comment.data, form.next_step.data = feedback.comment, feedback.next_step
        form.version.data = str(feedback.version)
        bands = {score.criterion_id: score.band for score in feedback.scores}
    return _desk(200, attempt, form, bands)


@bp.post("/corrections/<id>")
@allow(Role.TEACHER)
def save(id: str) -> BaseResponse:
    """Save the feedback draft."""

    def in_transaction(session: Session, copy: Attempt, draft: FeedbackDraft, version: int) -> str:
        correction.save_feedback(session, copy, me(), draft, version, now=now())
        return url_for("corrections.desk", id=id, level=_level())

    return _answer(id, in_transaction, lambda _name: _("Le brouillon est enregistré."))


@bp.post("/corrections/<id>/return")
@allow(Role.TEACHER)
def return_feedback(id: str) -> BaseResponse:
    """Return the feedback and go on to the next attempt."""
    return _return(id, redo=False)


@bp.post("/corrections/<id>/redo")
@allow(Role.TEACHER)
def request_redo(id: str) -> BaseResponse:
    """Return the feedback with the request to do it again, and go on to the next attempt."""
    return _return(id, redo=True)


@bp.get("/corrections/<id>/return")
@bp.get("/corrections/<id>/redo")
@allow(Role.TEACHER)
def reload(id: str) -> BaseResponse:
    """Redirect to the page: a refused form was shown at the address of its button."""
    attempts.queued_attempt_for(db.session(), me(), id)
    return redirect(url_for("corrections.desk", id=id, level=_level()), 303)


def _return(id: str, *, redo: bool) -> BaseResponse:
    def in_transaction(session: Session, copy: Attempt, draft: FeedbackDraft, version: int) -> str:
        correction.return_feedback(session, copy, me(), draft, version, redo=redo, now=now())
        level = _level()
        following = queue.next_in_queue(session, copy, level)
        if following is None:
            return url_for("corrections.index", level=level)
        return url_for("corrections.desk", id=following, level=level)

    return _answer(id, in_transaction, lambda name: _("La copie de %(name)s est rendue.", name=name))


def _answer(
    id: str, then: Callable[[Session, Attempt, FeedbackDraft, int], str], sentence_for: Callable[[str], str]
) -> BaseResponse:
    """Check the form of any of the three buttons; `then` writes and returns the next address.

    `sentence_for`: returns the sentence for the teacher from the name of the learner.
    """
    attempt = attempts.queued_attempt_for(db.session(), me(), id)
    form = FeedbackForm()
    bands = chosen_bands(request.form, _criteria(attempt))
    if not form.validate():
        return _refused(422, attempt, form, bands)
    written, name = form.answer(bands), attempt.submission.learner.name

    def in_transaction(session: Session) -> str:
        return then(session, attempts.queued_attempt_for(session, me(), id), written, form.seen_version)

    try:
        response = run_once(form, in_transaction)
    except Refused as refusal:
        form.refuse(refusal)
        lost_race = refusal.code in (RefusalCode.COPY_CHANGED, RefusalCode.ALREADY_RETURNED)
        attempt = attempts.queued_attempt_for(db.session(), me(), id)
        return _refused(409 if lost_race else 422, attempt, form, bands)
    if by_script():
        return _kept(id)
    flash(sentence_for(name), "success")
    return response


def _level() -> str | None:
    """Return the level of the queue from the address; None for all, or for a value that is no id."""
    return _id("level")


def _id(name: str) -> str | None:
    """Return an id from the address; None without one, or for a value that is none."""
    value = request.args.get(name, "")
    return value if len(value) == 14 and value.isascii() and value.isalnum() else None


def _kept(id: str) -> BaseResponse:
    feedback = attempts.queued_attempt_for(db.session(), me(), id).feedback
    return jsonify(
        version=feedback.version if feedback else 0,
        request_id=secrets.token_urlsafe(16),
        said=_("Brouillon enregistré."),
    )


def _refused(status: int, attempt: Attempt, form: FeedbackForm, bands: dict[str, int]) -> BaseResponse:
    """Show the page again with the typed values, and the feedback that a colleague saved in the meantime."""
    if by_script():
        sentences = [*form.form_errors, *(error for field in form for error in field.errors)]
        return make_response(jsonify(said=" ".join(str(each) for each in sentences)), status)
    form.request_id.data = secrets.token_urlsafe(16)
    clash = attempt.feedback if status == 409 else None
    if clash is not None:
        form.version.data = str(clash.version)  # saving again replaces the other text on purpose
    return _desk(status, attempt, form, bands, clash=clash is not None)


def _desk(
    status: int, attempt: Attempt, form: FeedbackForm, bands: dict[str, int], *, clash: bool = False
) -> BaseResponse:
    shown = build_correction_page(
        db.session(), me(), attempt, form, bands, level_id=_level(), has_clash=clash
    )
    return page("corrections/desk.html", status, shown=shown)


def _criteria(attempt: Attempt) -> list[Criterion]:
    return list(correction.criteria(db.session(), attempt.submission.assignment.lesson.level_id))
