"""The learner's homework: the list, and the page on which a draft becomes a submission."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flask import Blueprint, Response, jsonify, make_response, redirect, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.adapters.uploads import UploadResult, verify
from lms.clock import now
from lms.current import settings, store
from lms.domain.errors import Refused
from lms.domain.homework import attempts, files, renditions, worklist
from lms.domain.homework.files import MAX_FILES, RemovedFile
from lms.domain.homework.worklist import AssignmentFacts
from lms.event_log import log_event
from lms.extensions import csrf, db
from lms.forms.homework import AttemptForm
from lms.i18n.refusals import sentence
from lms.inbox_addresses import reply_address
from lms.models import Attempt, HomeworkState, Role
from lms.refusal_codes import RefusalCode
from lms.web.body_limits import MEGABYTE, takes_bodies
from lms.web.idempotency import idempotency_key, run_once
from lms.web.pages import by_script, page
from lms.web.paging import asked_turns
from lms.web.reception import delete_received, delete_removed, learner_room, receive_files
from lms.web.upload_slots import later

bp = Blueprint("homework", __name__)


@bp.get("/homework")
@allow(Role.LEARNER)
def index() -> BaseResponse:
    return page("homework/index.html", works=worklist.list_homework(db.session(), me(), now=now()))


@bp.get("/assignments/<id>")
@allow(Role.LEARNER)
def work(id: str) -> BaseResponse:
    found = worklist.learner_assignment_for(db.session(), me(), id, now=now())
    draft = attempts.draft_of(db.session(), me(), id)
    if found.state != HomeworkState.TODO and draft is None and found.submission_id:
        return redirect(url_for("submissions.show", id=found.submission_id), 303)
    return _work_page(200, found, draft, _stored(draft))


def _stored(draft: Attempt | None) -> AttemptForm:
    """Return the form with the text and the version of the stored draft, whatever the request brought."""
    if draft is None:
        return AttemptForm(formdata=None)
    return AttemptForm(formdata=None, text=draft.text, version=str(draft.version))


@dataclass
class _Outcome:
    """Result of the transaction of a form; a new object for each attempt of the transaction.

    `ran` stays False when the form was sent before.
    """

    ran: bool = False
    used: set[str] = field(default_factory=set)
    removed: RemovedFile = field(default_factory=RemovedFile)
    refused: list[tuple[str, Refused]] = field(default_factory=list)
    refusal: Refused | None = None


@bp.post("/assignments/<id>")
@allow(Role.LEARNER)
def add(id: str) -> BaseResponse:
    """Save the text and the added files in the draft."""
    return _keep(id, lambda *_kept: None)


@bp.post("/assignments/<id>/submission")
@allow(Role.LEARNER)
def send(id: str) -> BaseResponse:
    """Save the text and the added files, and send the draft."""

    def in_transaction(session: Session, draft: Attempt, task: AssignmentFacts, outcome: _Outcome) -> None:
        try:
            attempts.send_attempt(session, draft, task, now=now())
        except Refused as refusal:
            outcome.refusal = refusal

    return _keep(id, in_transaction, sending=True)


@bp.post("/assignments/<id>/joining")
@allow(Role.LEARNER)
def join(id: str) -> BaseResponse:
    """Save the text behind the one that was stored from another page."""
    return _keep(id, lambda *_kept: None, write_text=attempts.join_text)


@bp.post("/assignments/<id>/files/<file_id>/removal")
@allow(Role.LEARNER)
def remove(id: str, file_id: str) -> BaseResponse:
    """Remove a file from the draft."""

    def in_transaction(session: Session, draft: Attempt, _task: AssignmentFacts, outcome: _Outcome) -> None:
        outcome.removed = files.remove_file(session, draft, file_id)

    return _keep(id, in_transaction)


@bp.post("/assignments/<id>/files/<file_id>/ascent")
@allow(Role.LEARNER)
def move_up(id: str, file_id: str) -> BaseResponse:
    """Move a file of the draft one place up."""
    return _keep(id, lambda session, draft, *_kept: files.move_file(session, draft, file_id, -1))


@bp.post("/assignments/<id>/files/<file_id>/descent")
@allow(Role.LEARNER)
def move_down(id: str, file_id: str) -> BaseResponse:
    """Move a file of the draft one place down."""
    return _keep(id, lambda session, draft, *_kept: files.move_file(session, draft, file_id, 1))


@bp.post("/assignments/<id>/pages/<page_id>/turn")
@allow(Role.LEARNER)
def turn(id: str, page_id: str) -> BaseResponse:
    """Show a page of the draft turned from now on, for everybody."""

    def in_transaction(session: Session, draft: Attempt, *_kept: object) -> None:
        renditions.turn_page(session, draft, page_id, asked_turns())

    return _keep(id, in_transaction)


@bp.get("/assignments/<id>/submission")
@bp.get("/assignments/<id>/joining")
@bp.get("/assignments/<id>/files/<file_id>/removal")
@bp.get("/assignments/<id>/files/<file_id>/ascent")
@bp.get("/assignments/<id>/files/<file_id>/descent")
@bp.get("/assignments/<id>/pages/<page_id>/turn")
@allow(Role.LEARNER)
def reload(id: str, **_parts: str) -> BaseResponse:
    """Lead back to the work page: a refused form was shown at the address of its button."""
    worklist.learner_assignment_for(db.session(), me(), id, now=now())
    return redirect(url_for("homework.work", id=id), 303)


# `_keep` calls csrf.protect() itself: before the form is read, access must be checked and the larger body of
# this page allowed.
for view in (add, send, join, remove, move_up, move_down, turn):
    csrf.exempt(view)
    takes_bodies(lambda limits: (limits.upload_mb * MAX_FILES + 1) * MEGABYTE)(view)


def _keep(
    id: str,
    then: Callable[[Session, Attempt, AssignmentFacts, _Outcome], None],
    *,
    sending: bool = False,
    write_text: Callable[[Session, Attempt, str, int], None] = attempts.write_text,
) -> BaseResponse:
    """Save text and files for any button of the page; `then` does its action in the same transaction."""
    found = worklist.learner_assignment_for(db.session(), me(), id, now=now())
    try:
        csrf.protect()
        form = AttemptForm()
    except RequestEntityTooLarge:
        return _too_large(found)
    form.validate()
    key = idempotency_key(form)  # before the objects of the files are detached
    lost = _lost(found) if sending else []
    try:
        received, refused = receive_files()
    except Refused as refusal:
        form.refuse(refusal)
        return later(_again(503, id, form))
    refused = lost + refused
    outcome = _Outcome()

    def in_transaction(session: Session) -> str:
        nonlocal outcome
        outcome = _Outcome(ran=True)
        draft, assignment = attempts.open_work(session, me(), id, now=now())
        try:
            if not form.text.errors:
                write_text(session, draft, form.text.data or "", form.seen_version)
        except Refused as refusal:
            outcome.refusal = refusal  # the files are kept all the same
        _receive(session, draft, received, outcome)
        if not sending or not (refused or form.errors or outcome.refused or outcome.refusal):
            then(session, draft, assignment, outcome)
        if draft.sent_at:
            return url_for("submissions.show", id=draft.submission_id)
        return url_for("homework.work", id=id, _anchor="mine" if outcome.used else None)

    try:
        answer = run_once(form, in_transaction, key=key)
    except Refused as refusal:
        delete_received(received.keys)
        form.refuse(refusal, kinds=found.assignment.kinds)
        return _again(409, id, form)
    except BaseException:
        delete_received(received.keys)
        raise
    # A form sent twice kept its files the first time.
    delete_received([key for key in received.keys if key not in outcome.used])
    delete_removed(outcome.removed)
    refused += outcome.refused
    if not outcome.ran and write_text is attempts.write_text and _is_overtaken(id, form):
        outcome.refusal = Refused(RefusalCode.DRAFT_CHANGED)
    if not refused and not form.errors and outcome.refusal is None:
        return _kept(id) if by_script() else answer
    if outcome.refusal is not None:
        form.refuse(outcome.refusal, kinds=found.assignment.kinds)
    is_clash = outcome.refusal is not None and outcome.refusal.code == RefusalCode.DRAFT_CHANGED
    if any(refusal.code == RefusalCode.STORE_FULL for _, refusal in refused):
        return _again(507, id, form, refused, is_clash=is_clash)
    return _again(409 if is_clash else 422, id, form, refused, is_clash=is_clash)


def _is_overtaken(id: str, form: AttemptForm) -> bool:
    """Return whether another text is stored than the one of this form, which was sent before."""
    draft = attempts.draft_of(db.session(), me(), id)
    return draft is not None and bool(form.text.data) and form.text.data != draft.text


def _receive(session: Session, draft: Attempt, received: UploadResult, outcome: _Outcome) -> None:
    room = learner_room() if received.files else 0
    for new in received.files:
        try:
            files.receive_file(session, draft, new, room=room, now=now())
        except Refused as refusal:
            outcome.refused.append((new.shown_name, refusal))
        else:
            room -= new.size
            outcome.used.add(new.received_key)


def _lost(found: worklist.LearnerAssignment) -> list[tuple[str, Refused]]:
    """Return the files of the draft that cannot be read back from the store: they must not be sent."""
    return [
        (attachment.shown_name, Refused(RefusalCode.FILE_LOST))
        for attachment in (files.files_of_attempt(db.session(), found.draft_id) if found.draft_id else [])
        if attachment.store_key and not verify(store(), attachment.store_key, attachment.sha256)
    ]


def _kept(id: str) -> BaseResponse:
    draft = attempts.draft_of(db.session(), me(), id)
    return jsonify(
        version=draft.version if draft else 0,
        request_id=secrets.token_urlsafe(16),
        said=_("Votre texte est enregistré."),
    )


def _too_large(found: worklist.LearnerAssignment) -> BaseResponse:
    """Show the draft as it is stored: the body of the request was too large and never read."""
    draft = attempts.draft_of(db.session(), me(), found.assignment.id)
    form = _stored(draft)
    form.refuse(Refused(RefusalCode.FORM_TOO_BIG))
    return _work_page(413, found, draft, form)


def _again(
    status: int,
    id: str,
    form: AttemptForm,
    refused: Sequence[tuple[str, Refused]] = (),
    *,
    is_clash: bool = False,
) -> Response:
    """Show the page again with the typed text and the current draft; after a clash with both texts."""
    for _name, refusal in refused:
        log_event("refused", code=refusal.code)
    form.request_id.data = secrets.token_urlsafe(16)  # the old idempotency key is used up
    found = worklist.learner_assignment_for(db.session(), me(), id, now=now())
    draft = attempts.draft_of(db.session(), me(), id)
    if draft is not None and (is_clash or draft.text == form.text.data):
        # After a clash both texts are shown: saving again replaces the other text on purpose.
        form.version.data = str(draft.version)
    return _work_page(status, found, draft, form, refused, other=draft.text if draft and is_clash else "")


def _work_page(
    status: int,
    found: worklist.LearnerAssignment,
    draft: Attempt | None,
    form: AttemptForm,
    refused: Sequence[tuple[str, Refused]] = (),
    other: str = "",
) -> Response:
    """Show the page. `other`: the text that another page has stored."""
    if by_script():
        sentences = [*form.form_errors, *form.text.errors]
        said = {"said": " ".join(str(each) for each in sentences)}
        return make_response(jsonify({**said, "other": other} if other else said), status)
    bad = [(name, sentence(refusal, found.assignment.kinds)) for name, refusal in refused]
    return page(
        "homework/work.html",
        status,
        work=found,
        draft=draft,
        form=form,
        refused=bad,
        other=other,
        mail_to=reply_address(settings(), me(), found.assignment.id) if found.may_write else None,
    )
