"""À corriger: the queue of submissions, and the page on which a teacher corrects one."""

# Read by the team alone.

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Blueprint, abort, flash, jsonify, make_response, redirect, request, url_for
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.blueprints.corrections import copy_list
from lms.blueprints.corrections.correction_page import TypedFeedback, build_correction_page
from lms.blueprints.corrections.phrases import add_chosen_phrase, offered_phrases
from lms.blueprints.corrections.return_options import return_options
from lms.clock import now
from lms.current import settings
from lms.domain.errors import Refused
from lms.domain.homework import attempts, comparison, correction, inbox_tray, marks, queue, returns
from lms.domain.homework.answer_levels import SOFT
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.queue import QueuePlace, QueueState
from lms.domain.homework.returns import UndoableReturn
from lms.extensions import db, write
from lms.forms.correction import SHOWN, FeedbackForm, chosen_bands, shown_stamps
from lms.forms.marks import MarkForm
from lms.i18n.mark_codes import CODES
from lms.i18n.mark_tools import SHORT_WORDS, TOOLS
from lms.models import Attempt, Role
from lms.web.idempotency import run_once
from lms.web.pages import by_script, page
from lms.web.paging import asked_state

bp = Blueprint("corrections", __name__)
bp.url_defaults(copy_list.carry_list)


@dataclass(frozen=True)
class SentFeedback:
    """A valid form, with what its page had shown.

    `shown`: the stamps of the values; `returns`: how often the feedback had been returned.
    """

    draft: FeedbackDraft
    shown: Mapping[str, str]
    returns: int
    shows_answers: bool
    is_confirmed: bool


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
    session, level = db.session(), _level()
    return page(
        "corrections/index.html",
        found=copy_list.build_list(session, level, before=_id("before"), after=_id("after")),
        names=copy_list.NAMES,
        states=STATES if me().is_teacher else STATES_FOR_COORDINATOR,
        undoable=_undoable(session),
        mails_waiting=inbox_tray.count_waiting(session) if settings().has_inbox else 0,
        level=level,
        state=asked_state(QueueState),
    )


@bp.get("/corrections/<id>")
@allow(Role.TEACHER)
def desk(id: str) -> BaseResponse:
    """Show an attempt; with `complete` in the address, returned feedback can be written on."""
    attempt = attempts.queued_attempt_for(db.session(), me(), id)
    return show_desk(200, attempt, completing="complete" in request.args)


@bp.post("/corrections/<id>")
@allow(Role.TEACHER)
def save(id: str) -> BaseResponse:
    """Save the feedback draft."""

    def in_transaction(session: Session, copy: Attempt, sent: SentFeedback) -> str:
        correction.save_feedback(session, copy, me(), sent.draft, sent.shown, returns=sent.returns, now=now())
        return url_for("corrections.desk", id=id, level=_level())

    return _answer(id, in_transaction, _("Le brouillon est enregistré."))


@bp.post("/corrections/<id>/viewer")
@allow(Role.TEACHER)
def record_viewer(id: str) -> BaseResponse:
    """Record that the page is open; return the sentence about a colleague who has it open too."""

    def in_transaction(session: Session) -> QueuePlace:
        attempt = session.get(Attempt, id)
        if attempt is None or attempt.queued_at is None:
            abort(404)
        place = queue.find_place(session, me(), attempt, now=now())
        queue.record_viewer(session, me(), attempt, now=now())
        return place

    place = write(in_transaction, brief=True)
    return jsonify(said=_("%(name)s regarde aussi", name=place.viewer) if place.viewer else "")


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
    def in_transaction(session: Session, copy: Attempt, sent: SentFeedback) -> str:
        level, moment = _level(), now()
        following = copy_list.find_place(session, copy, level, now=moment).following
        correction.return_feedback(
            session,
            copy,
            me(),
            sent.draft,
            sent.shown,
            returns=sent.returns,
            voice_id=request.form.get("voice", ""),
            redo=redo,
            shows_answers=sent.shows_answers,
            is_confirmed=sent.is_confirmed,
            now=moment,
        )
        if following is None:
            return url_for("corrections.index", level=level)
        return url_for("corrections.desk", id=following, level=level, returned=1)

    return _answer(id, in_transaction)


def _answer(id: str, then: Callable[[Session, Attempt, SentFeedback], str], done: str = "") -> BaseResponse:
    """Check the form of any of the three buttons; `then` writes and returns the next address.

    `done`: the sentence for the teacher; empty where the next page says it.
    """
    attempt = attempts.queued_attempt_for(db.session(), me(), id)
    form = FeedbackForm()
    add_chosen_phrase(form)
    rubric = correction.load_rubric(db.session(), attempt.submission.assignment.lesson.level_id)
    bands, shown = chosen_bands(request.form, rubric), shown_stamps(request.form)
    if not form.validate():
        return _refused(422, attempt, TypedFeedback(form, bands, shown))
    sent = SentFeedback(
        form.answer(bands), shown, form.seen_version, form.shows_answers.data, form.is_confirmed.data == "1"
    )

    def in_transaction(session: Session) -> str:
        return then(session, attempts.queued_attempt_for(session, me(), id), sent)

    try:
        response = run_once(form, in_transaction)
    except Refused as refusal:
        if refusal.code in SOFT:
            form.is_confirmed.data = "1"  # asked once
        else:
            form.refuse(refusal)
        typed = TypedFeedback(form, bands, shown, refusal.code)
        attempt = attempts.queued_attempt_for(db.session(), me(), id)
        return _refused(409 if typed.lost_race else 422, attempt, typed)
    if by_script():
        return _kept(id, sent)
    if done:
        flash(done, "success")
    return response


def _level() -> str | None:
    """Return the level of the queue from the address; None for all, or for a value that is no id."""
    return _id("level")


def _id(name: str) -> str | None:
    """Return an id from the address; None without one, or for a value that is none."""
    value = request.args.get(name, "")
    return value if len(value) == 14 and value.isascii() and value.isalnum() else None


def _kept(id: str, sent: SentFeedback) -> BaseResponse:
    """Return what the page needs to go on: the stamps of what is stored, and what a colleague has changed."""
    attempt = attempts.queued_attempt_for(db.session(), me(), id)
    feedback, level_id = attempt.feedback, attempt.submission.assignment.lesson.level_id
    rubric = correction.load_rubric(db.session(), level_id, feedback.id if feedback else None)
    stored = correction.stored_draft(feedback, rubric)
    written, values, stamps = sent.draft.values(), stored.values(), stored.stamps()
    names = ("comment", "next_step", *(row.field for row in rubric))
    return jsonify(
        version=feedback.returns if feedback else 0,
        request_id=secrets.token_urlsafe(16),
        said=_("Brouillon enregistré."),
        changed={
            name: values.get(name, "") for name in names if values.get(name, "") != written.get(name, "")
        },
        **{f"{SHOWN}{name}": stamps.get(name, "") for name in names},
    )


def _refused(status: int, attempt: Attempt, typed: TypedFeedback) -> BaseResponse:
    """Show the page again with the typed values, and what a colleague has written in the meantime."""
    if by_script():
        form = typed.form
        sentences = [*form.form_errors, *(error for field in form for error in field.errors)]
        return make_response(jsonify(said=" ".join(str(each) for each in sentences)), status)
    return show_desk(status, attempt, typed=typed)


def show_desk(
    status: int,
    attempt: Attempt,
    *,
    typed: TypedFeedback | None = None,
    mark_form: MarkForm | None = None,
    completing: bool = False,
) -> BaseResponse:
    """Show the page of an attempt; `typed` and `mark_form`: forms that were refused."""
    shown = build_correction_page(
        db.session(),
        me(),
        attempt,
        level_id=_level(),
        place=copy_list.find_place(db.session(), attempt, _level(), now=now()),
        typed=typed,
        mark_form=mark_form,
        completing=completing,
        now=now(),
    )
    # The copy before alone, so that several notices do not cover the next one. The list shows them all.
    undoable = _undoable(db.session())[:1] if "returned" in request.args else []
    options = return_options(db.session(), shown, typed, now=now())
    return page(
        "corrections/desk.html",
        status,
        shown=shown,
        codes=CODES,
        short=SHORT_WORDS,
        tools=TOOLS,
        made=[marks.describe_mark(mark) for mark in shown.marks],
        offered=offered_phrases(shown),
        comparison=comparison.compare_attempts(db.session(), attempt),
        undoable=undoable,
        options=options,
    )


def _undoable(session: Session) -> list[UndoableReturn]:
    return returns.list_undoable(session, me(), now=now()) if me().is_teacher else []
