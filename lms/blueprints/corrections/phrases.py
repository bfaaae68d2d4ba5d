"""The comment bank: the phrases under the comment of a copy, and their own pages."""

# Read by the team alone.

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.blueprints.corrections.correction_page import CorrectionPage
from lms.clock import now
from lms.domain.errors import Absent
from lms.domain.homework import phrases
from lms.domain.homework.phrases import OfferedPhrase
from lms.extensions import db, write
from lms.forms import tidy
from lms.forms.correction import FeedbackForm
from lms.forms.phrases import PhraseForm
from lms.models import Phrase, Role
from lms.web.idempotency import run_once
from lms.web.pages import page
from lms.web.paging import pager_links

bp = Blueprint("phrases", __name__)


def offered_phrases(shown: CorrectionPage) -> list[OfferedPhrase]:
    """Return the phrases for the comment of a copy; none while nobody writes one."""
    if shown.panel is None:
        return []
    assignment, feedback = shown.attempt.submission.assignment, shown.attempt.feedback
    return phrases.offer(
        db.session(), assignment.lesson.level_id, assignment.id, feedback.id if feedback else None
    )


def add_chosen_phrase(form: FeedbackForm) -> None:
    """Put the phrase whose button was pressed behind the comment: without script it saves the draft so."""
    if phrase_id := request.form.get("phrase"):
        try:
            text = phrases.phrase_for(db.session(), me(), phrase_id).text
        except Absent:
            return
        form.comment.data = f"{form.comment.data} {text}" if form.comment.data else text


@bp.get("/phrases")
@allow(Role.TEACHER)
def index() -> BaseResponse:
    """List the phrases; with `hidden` in the address those that are not offered."""
    text, hidden = _asked_text(), "hidden" in request.args
    cut, rows, total = phrases.list_phrases(db.session(), text, request.args.get("after"), hidden=hidden)
    return page(
        "phrases/index.html",
        rows=rows,
        text=text,
        hidden=hidden,
        begin=cut.begin,
        total=total,
        **pager_links(cut, "phrases.index", q=text or None, hidden="1" if hidden else None),
    )


@bp.get("/phrases/<id>")
@allow(Role.TEACHER)
def edit(id: str) -> BaseResponse:
    phrase = phrases.phrase_for(db.session(), me(), id)
    form = PhraseForm(formdata=None)
    form.text.data = phrase.text
    return _edit_page(200, phrase, form)


@bp.post("/phrases/<id>")
@allow(Role.TEACHER)
def save(id: str) -> BaseResponse:
    """Change the text of a phrase; one whose level has the new text already is merged with that."""
    form = PhraseForm()
    phrase = phrases.phrase_for(db.session(), me(), id)
    if not form.validate():
        return _edit_page(422, phrase, form)

    def in_transaction(session: Session) -> str:
        kept = phrases.change_text(session, phrases.phrase_for(session, me(), id), form.text.data or "")
        flash(
            _("La phrase est enregistrée.") if kept.id == id else _("Les deux phrases sont réunies."),
            "success",
        )
        return url_for("phrases.index")

    return run_once(form, in_transaction)


@bp.post("/phrases/<id>/hide")
@allow(Role.TEACHER)
def hide(id: str) -> BaseResponse:
    write(lambda s: phrases.set_hidden(s, phrases.phrase_for(s, me(), id), hidden=True, now=now()))
    flash(_("La phrase n’est plus proposée."), "success")
    return redirect(url_for("phrases.index"), 303)


@bp.post("/phrases/<id>/show")
@allow(Role.TEACHER)
def show(id: str) -> BaseResponse:
    write(lambda s: phrases.set_hidden(s, phrases.phrase_for(s, me(), id), hidden=False, now=now()))
    flash(_("La phrase est de nouveau proposée."), "success")
    return redirect(url_for("phrases.index", hidden=1), 303)


@bp.post("/phrases/<id>/merge")
@allow(Role.TEACHER)
def merge(id: str) -> BaseResponse:
    """Merge the phrase `from` of the form into this one."""

    def in_transaction(session: Session) -> None:
        merged = phrases.phrase_for(session, me(), request.form.get("from", ""))
        phrases.merge(session, merged, into=phrases.phrase_for(session, me(), id))

    if not request.form.get("from"):
        abort(400)
    write(in_transaction)
    flash(_("Les deux phrases sont réunies."), "success")
    return redirect(url_for("phrases.edit", id=id), 303)


def _edit_page(status: int, phrase: Phrase, form: PhraseForm) -> BaseResponse:
    session, text = db.session(), _asked_text()
    return page(
        "phrases/edit.html",
        status,
        phrase=phrase,
        form=form,
        text=text,
        others=phrases.list_others(session, phrase, text),
    )


def _asked_text() -> str:
    return (tidy(request.args.get("q")) or "")[:80]
