"""Submissions of a learner and the returned feedback."""

from __future__ import annotations

import secrets

from flask import Blueprint, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.domain.errors import Absent, Refused
from lms.domain.homework import attempts, files, returns, worklist
from lms.domain.homework.inbox_answers import receipt_number
from lms.extensions import csrf, db, write
from lms.forms.homework import ReplacementForm
from lms.i18n.refusals import sentence
from lms.models import Rendition, Role
from lms.refusal_codes import RefusalCode
from lms.web.body_limits import MEGABYTE, takes_bodies
from lms.web.corrected_copy import corrected_copy
from lms.web.idempotency import idempotency_key, run_once
from lms.web.pages import page
from lms.web.reception import delete_received, learner_room, receive_files
from lms.web.upload_slots import later

bp = Blueprint("submissions", __name__)


@bp.get("/submissions/<id>")
@allow(Role.LEARNER)
def show(id: str) -> BaseResponse:
    """Show a submission: what was sent, and the feedback once it is returned."""
    session = db.session()
    submission = attempts.submission_for(session, me(), id, now=now())
    work = worklist.learner_assignment_for(session, me(), submission.assignment_id, now=now())
    sent = [attempt for attempt in submission.attempts if attempt.sent_at]
    if not sent:
        return redirect(url_for("homework.work", id=submission.assignment_id), 303)
    last = sent[-1]
    copy = None
    if last.last_returned is not None:
        copy = corrected_copy(last, last.last_returned, _page_address, may_try_again=work.may_write)
    return page(
        "homework/submission.html",
        copy=copy,
        submission=submission,
        work=work,
        last=last,
        earlier=sent[-2::-1],
        number=receipt_number(last.id),
    )


@bp.post("/submissions/<id>/reading")
@allow(Role.LEARNER)
def read(id: str) -> BaseResponse:
    """Record whether the learner has understood the feedback; opening the page alone changes nothing."""
    returned = request.form.get("returned", "")
    understood = {"yes": True, "no": False}.get(request.form.get("understood", ""))
    if understood is None:
        write(lambda s: attempts.mark_feedback_seen(s, me(), id, now=now()))
    else:
        write(lambda s: returns.record_understanding(s, me(), returned, understood, now=now()))
    return redirect(url_for("submissions.show", id=id), 303)


def _page_address(made: Rendition) -> str:
    return url_for("files.deliver", id=made.id)


@bp.post("/submissions/<id>/attempts")
@allow(Role.LEARNER)
def start_again(id: str) -> BaseResponse:
    def in_transaction(session: Session) -> str:
        assignment_id = attempts.mark_feedback_seen(session, me(), id, now=now())
        attempts.open_draft(session, me(), assignment_id, now=now())
        return assignment_id

    return redirect(url_for("homework.work", id=write(in_transaction)), 303)


@bp.get("/submissions/<id>/files/<file_id>/replacement")
@allow(Role.LEARNER)
def choose_replacement(id: str, file_id: str) -> BaseResponse:
    """Show the form for a file in the place of one that was refused after it was sent."""
    return _replacement_page(200, id, file_id, ReplacementForm(formdata=None))


@bp.post("/submissions/<id>/files/<file_id>/replacement")
@allow(Role.LEARNER)
@takes_bodies(lambda limits: (limits.upload_mb + 1) * MEGABYTE)
def replace(id: str, file_id: str) -> BaseResponse:
    """Put a file in the place of one that was refused after it was sent."""
    try:
        csrf.protect()
        form = ReplacementForm()
    except RequestEntityTooLarge:
        too_big = Refused(RefusalCode.FORM_TOO_BIG)
        return _replacement_page(413, id, file_id, ReplacementForm(formdata=None), too_big)
    form.validate()
    key = idempotency_key(form)  # before the objects of the files are detached
    try:
        received, refused = receive_files()
    except Refused as refusal:
        return later(_replacement_page(503, id, file_id, form, refusal))
    if not received.files:
        reason = refused[0][1] if refused else Refused(RefusalCode.NOTHING_TO_SEND)
        return _replacement_page(422, id, file_id, form, reason)
    new, used = received.files[0], False

    def in_transaction(session: Session) -> str:
        nonlocal used
        files.replace_file(session, me(), id, file_id, new, room=learner_room(), now=now())
        used = True
        return url_for("submissions.show", id=id)

    try:
        answer = run_once(form, in_transaction, key=key)
    except (Refused, Absent) as refusal:
        delete_received(received.keys)
        return _replacement_page(409, id, file_id, form, refusal if isinstance(refusal, Refused) else None)
    except BaseException:
        delete_received(received.keys)
        raise
    delete_received(received.keys[1:] if used else received.keys)
    return answer


# Checked in the view by csrf.protect(), once the larger body of this one page is allowed.
csrf.exempt(replace)


def _replacement_page(
    status: int, id: str, file_id: str, form: ReplacementForm, refusal: Refused | None = None
) -> BaseResponse:
    session = db.session()
    submission = attempts.submission_for(session, me(), id, now=now())
    assignment = submission.assignment
    try:
        file = files.refused_file_for(session, me(), id, file_id)
    except Absent:  # replaced already, or answered without it
        return redirect(url_for("submissions.show", id=id), 303)
    form.request_id.data = secrets.token_urlsafe(16)
    return page(
        "homework/replacement.html",
        status,
        submission=submission,
        assignment=assignment,
        file=file,
        form=form,
        reason=sentence(refusal, assignment.kinds) if refusal else "",
    )
