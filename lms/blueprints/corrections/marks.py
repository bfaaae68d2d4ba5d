"""Marks of a teacher on a copy, and how its pages are turned; with the script of the page, or without."""

# Read by the team alone.

from __future__ import annotations

import secrets
from collections.abc import Callable

from flask import Blueprint, flash, jsonify, make_response, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.blueprints.corrections.desk import show_desk
from lms.clock import now
from lms.domain.errors import Refused
from lms.domain.homework import attempts, correction, marks, renditions
from lms.domain.homework.marks import MarkContent
from lms.extensions import db, write
from lms.forms import seen_number
from lms.forms.marks import MarkForm
from lms.i18n.refusals import sentence
from lms.models import Attempt, Mark, Role
from lms.refusal_codes import RefusalCode
from lms.web.pages import by_script
from lms.web.paging import asked_turns

bp = Blueprint("marks", __name__)


@bp.get("/corrections/<id>/marks")
@allow(Role.TEACHER)
def new(id: str) -> BaseResponse:
    """Show the page of the copy with the form of a mark."""
    attempt = attempts.queued_attempt_for(db.session(), me(), id)
    form = MarkForm(formdata=None)
    form.returns.data = _returns_of(attempt)
    return show_desk(200, attempt, mark_form=form)


@bp.get("/corrections/<id>/marks/<mark_id>")
@allow(Role.TEACHER)
def reload(id: str, mark_id: str) -> BaseResponse:
    """Redirect to the page: a refused form was shown at the address of its button."""
    attempts.queued_attempt_for(db.session(), me(), id)
    return redirect(url_for("corrections.desk", id=id, _anchor="marks"), 303)


@bp.post("/corrections/<id>/marks")
@allow(Role.TEACHER)
def add(id: str) -> BaseResponse:
    """Add a mark. The key of the form is that of the mark, so that the same request twice makes one."""
    form = MarkForm()

    def in_transaction(session: Session, attempt: Attempt) -> Mark:
        content = _content(form, attempt)
        feedback = correction.open_feedback(session, attempt, me(), returns=form.seen_returns, now=now())
        key = form.request_id.data or ""
        return marks.add_mark(session, attempt, feedback.id, me(), key, content, now=now())

    return _answer(id, in_transaction, _("La marque est ajoutée."), form)


@bp.post("/corrections/<id>/marks/<mark_id>")
@allow(Role.TEACHER)
def change(id: str, mark_id: str) -> BaseResponse:
    """Change a mark; refused when a colleague has changed it since."""
    form = MarkForm()

    def in_transaction(session: Session, attempt: Attempt) -> Mark:
        mark, content = marks.mark_for(session, attempt, mark_id), _content(form, attempt)
        correction.open_feedback(session, attempt, me(), returns=form.seen_returns, now=now())
        marks.change_mark(session, attempt, mark, content, _sent_number("version"))
        return mark

    return _answer(id, in_transaction, _("La marque est changée."), form, mark_id)


@bp.post("/corrections/<id>/marks/<mark_id>/remove")
@allow(Role.TEACHER)
def remove(id: str, mark_id: str) -> BaseResponse:
    """Remove a mark; it can be restored."""

    def in_transaction(session: Session, attempt: Attempt) -> Mark:
        mark = marks.mark_for(session, attempt, mark_id)
        correction.open_feedback(session, attempt, me(), returns=_sent_number("returns"), now=now())
        marks.remove_mark(session, mark, now=now())
        return mark

    return _answer(id, in_transaction, _("La marque est supprimée."))


@bp.post("/corrections/<id>/marks/<mark_id>/restore")
@allow(Role.TEACHER)
def restore(id: str, mark_id: str) -> BaseResponse:
    """Restore a removed mark."""

    def in_transaction(session: Session, attempt: Attempt) -> Mark:
        mark = marks.mark_for(session, attempt, mark_id)
        correction.open_feedback(session, attempt, me(), returns=_sent_number("returns"), now=now())
        marks.restore_mark(session, mark)
        return mark

    return _answer(id, in_transaction, _("La marque est là de nouveau."))


@bp.post("/corrections/<id>/pages/<rendition_id>/turn")
@allow(Role.TEACHER)
def turn(id: str, rendition_id: str) -> BaseResponse:
    """Show a page turned from now on, for everybody."""
    turns = asked_turns()

    def in_transaction(session: Session) -> None:
        attempt = attempts.queued_attempt_for(session, me(), id)
        renditions.turn_page(session, attempt, rendition_id, turns)

    write(in_transaction)
    if by_script():
        return jsonify(turns=turns)
    return redirect(url_for("corrections.desk", id=id, _anchor="copy"), 303)


def _returns_of(attempt: Attempt) -> str:
    return str(attempt.feedback.returns if attempt.feedback else 0)


def _sent_number(name: str) -> int:
    """Return a number of the form: `returns`, or the `version` of the mark; -1 for anything else."""
    return seen_number(request.form.get(name))


def _content(form: MarkForm, attempt: Attempt) -> MarkContent:
    """Return the mark of a valid form. Refusals: `mark_malformed`."""
    if not form.validate():
        raise Refused(RefusalCode.MARK_MALFORMED)
    return form.content(attempt.text)


def _answer(
    id: str,
    action: Callable[[Session, Attempt], Mark],
    said: str,
    form: MarkForm | None = None,
    mark_id: str | None = None,
) -> BaseResponse:
    """Run the action in one transaction and answer with the mark, or go back to the page.

    `form`: shown again, with what was typed, when the action is refused. `mark_id`: the mark that is changed;
    a script whose version of it is old gets the mark as it is now.
    """

    def in_transaction(session: Session) -> dict[str, object]:
        # Described before others can change it: its version is the one that this request has made.
        return marks.describe_mark(action(session, attempts.queued_attempt_for(session, me(), id)))

    try:
        described = write(in_transaction)
    except Refused as refusal:
        return _refused(id, refusal, form, mark_id)
    if by_script():
        return jsonify(described)
    flash(said, "success")
    return redirect(url_for("corrections.desk", id=id, _anchor="marks"), 303)


def _refused(id: str, refusal: Refused, form: MarkForm | None, mark_id: str | None) -> BaseResponse:
    lost_race = refusal.code in (RefusalCode.FIELD_CHANGED, RefusalCode.ALREADY_RETURNED)
    status = 409 if lost_race else 422
    if by_script():
        is_old = mark_id is not None and refusal.code == RefusalCode.FIELD_CHANGED
        stored = db.session().get(Mark, mark_id) if is_old else None
        told = {"mark": marks.describe_mark(stored)} if stored else {}
        return make_response(jsonify(said=str(sentence(refusal)), **told), status)
    if form is None:
        flash(str(sentence(refusal)), "warm")
        return redirect(url_for("corrections.desk", id=id, _anchor="marks"), 303)
    attempt = attempts.queued_attempt_for(db.session(), me(), id)
    form.refuse(refusal)
    form.request_id.data = secrets.token_urlsafe(16)
    form.returns.data = _returns_of(attempt)
    return show_desk(status, attempt, mark_form=form)
