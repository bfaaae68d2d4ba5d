"""Marks of a teacher on a copy, and how its pages are turned; with the script of the page, or without."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from flask import Blueprint, abort, flash, jsonify, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.domain.errors import Refused
from lms.domain.homework import attempts, correction, marks, renditions
from lms.domain.homework.marks import MarkContent
from lms.extensions import write
from lms.forms.marks import MarkForm
from lms.i18n.refusals import sentence
from lms.models import Attempt, Mark, Role
from lms.refusal_codes import RefusalCode
from lms.web.pages import by_script

bp = Blueprint("marks", __name__)


@bp.post("/corrections/<id>/marks")
@allow(Role.TEACHER)
def add(id: str) -> BaseResponse:
    """Add a mark. The key of the form is that of the mark, so that the same request twice makes one."""
    form = MarkForm()

    def in_transaction(session: Session, attempt: Attempt) -> Mark:
        content = _content(form, attempt)
        feedback = correction.open_feedback(session, attempt, me(), returns=form.seen_version, now=now())
        key = form.request_id.data or ""
        return marks.add_mark(session, attempt, feedback.id, me(), key, content, now=now())

    return _answer(id, in_transaction, _("La marque est ajoutée."))


@bp.post("/corrections/<id>/marks/<mark_id>")
@allow(Role.TEACHER)
def change(id: str, mark_id: str) -> BaseResponse:
    """Change a mark; refused when a colleague has changed it since."""
    form = MarkForm()

    def in_transaction(session: Session, attempt: Attempt) -> Mark:
        mark, content = marks.mark_for(session, attempt, mark_id), _content(form, attempt)
        correction.open_feedback(session, attempt, me(), returns=form.seen_version, now=now())
        marks.change_mark(session, attempt, mark, content, form.mark_version.data or 0)
        return mark

    return _answer(id, in_transaction, _("La marque est changée."))


@bp.post("/corrections/<id>/marks/<mark_id>/remove")
@allow(Role.TEACHER)
def remove(id: str, mark_id: str) -> BaseResponse:
    """Remove a mark; it can be restored."""

    def in_transaction(session: Session, attempt: Attempt) -> Mark:
        mark = marks.mark_for(session, attempt, mark_id)
        correction.open_feedback(session, attempt, me(), returns=_returns(), now=now())
        marks.remove_mark(session, mark, now=now())
        return mark

    return _answer(id, in_transaction, _("La marque est supprimée."))


@bp.post("/corrections/<id>/marks/<mark_id>/restore")
@allow(Role.TEACHER)
def restore(id: str, mark_id: str) -> BaseResponse:
    """Restore a removed mark."""

    def in_transaction(session: Session, attempt: Attempt) -> Mark:
        mark = marks.mark_for(session, attempt, mark_id)
        correction.open_feedback(session, attempt, me(), returns=_returns(), now=now())
        marks.restore_mark(session, mark)
        return mark

    return _answer(id, in_transaction, _("La marque est là de nouveau."))


@bp.post("/corrections/<id>/pages/<rendition_id>/turn")
@allow(Role.TEACHER)
def turn(id: str, rendition_id: str) -> BaseResponse:
    """Show a page turned from now on, for everybody."""
    asked = request.form.get("turns", "")
    if asked not in {"0", "1", "2", "3"}:
        abort(400)

    def in_transaction(session: Session) -> None:
        attempt = attempts.queued_attempt_for(session, me(), id)
        renditions.turn_page(session, attempt, rendition_id, int(asked))

    write(in_transaction)
    if by_script():
        return jsonify(turns=int(asked))
    return redirect(url_for("corrections.desk", id=id, _anchor="copy"), 303)


def _content(form: MarkForm, attempt: Attempt) -> MarkContent:
    """Return the mark of a valid form. Refusals: `mark_malformed`."""
    if not form.validate():
        raise Refused(RefusalCode.MARK_MALFORMED)
    return form.content(attempt.text)


def _returns() -> int:
    """Return how often the feedback had been returned when the page was shown; -1 for anything else."""
    sent = request.form.get("version", "")
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else -1


def _answer(id: str, action: Callable[[Session, Attempt], Mark], said: str) -> BaseResponse:
    """Run the action in one transaction and answer with the mark, or go back to the page."""

    def in_transaction(session: Session) -> Mark:
        return action(session, attempts.queued_attempt_for(session, me(), id))

    try:
        mark = write(in_transaction)
    except Refused as refusal:
        lost_race = refusal.code in (RefusalCode.FIELD_CHANGED, RefusalCode.ALREADY_RETURNED)
        if by_script():
            answer = jsonify(said=str(sentence(refusal)))
            answer.status_code = 409 if lost_race else 422
            return answer
        flash(str(sentence(refusal)), "warm")
    else:
        if by_script():
            return jsonify(_shown(mark))
        flash(said, "success")
    return redirect(url_for("corrections.desk", id=id, _anchor="marks"), 303)


def _shown(mark: Mark) -> dict[str, object]:
    """Return what the script of the page needs of a mark."""
    return {
        "id": mark.id,
        "key": mark.client_key,
        "version": mark.version,
        "removed": mark.removed_at is not None,
        **asdict(marks.content_of(mark)),
    }
