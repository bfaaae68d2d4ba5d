"""Where the team makes lessons: create, edit, order, publish."""

# Read by the team alone.

from __future__ import annotations

from typing import Literal

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.domain.errors import Refused
from lms.domain.lessons import authoring, queries
from lms.extensions import db, write
from lms.forms.lessons import MOST_CLIPS, EditLesson, NewLesson, values_of
from lms.models import Lesson
from lms.web.idempotency import run_once
from lms.web.pages import page

bp = Blueprint("lesson_authoring", __name__)

# Room for the caption files of several clips; each is capped for itself.
MOST_BYTES = 6 << 20


@bp.url_value_preprocessor
def _room_for_captions(endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Before anything reads the form, the shield against forged ones included."""
    if endpoint == "lesson_authoring.save":
        request.max_content_length = MOST_BYTES
        request.max_form_memory_size = 2 << 20


@bp.get("/lessons/new")
@allow("teacher", "coordinator")
def new() -> Response:
    form = _new_form()
    return page("lessons/new.html", form=form, section="lessons")


@bp.post("/lessons")
@allow("teacher", "coordinator")
def create() -> BaseResponse:
    form = _new_form()
    if not form.validate_on_submit():
        return page("lessons/new.html", 422, form=form, section="lessons")

    def in_transaction(session: Session) -> str:
        level = queries.level_for(session, me(), str(form.level.data))
        lesson = authoring.create_lesson(
            session,
            me(),
            level,
            title=form.title.data or "",
            goal=form.goal.data or "",
            clips=form.clips(),
            now=now(),
        )
        return url_for("lesson_authoring.edit", id=lesson.id)

    answer = run_once(form, in_transaction)
    flash(_("La leçon est gardée. Ajoutez la suite, puis publiez."), "success")
    return answer


def _new_form() -> NewLesson:
    form = NewLesson(data={"level": request.args.get("level")})
    form.offer(queries.levels_for(db.session(), me()))
    return form


@bp.get("/lessons/<id>/edit")
@allow("teacher", "coordinator")
def edit(id: str) -> Response:
    lesson = queries.lesson_for(db.session(), me(), id, whole=True)
    form = EditLesson(formdata=None, data=values_of(lesson, authoring.fingerprint(lesson)))
    return _desk(form, lesson)


@bp.post("/lessons/<id>")
@allow("teacher", "coordinator")
def save(id: str) -> BaseResponse:
    """Save everything on the page. Its other buttons, that move or remove a clip or publish, save as well."""
    lesson = queries.lesson_for(db.session(), me(), id, whole=True)
    form = EditLesson()
    what, number = _wanted(request.form.get("do", "save"), len(form.clips))
    if what == "remove" and number is not None:  # a clip that goes needs no right link any more
        form.clips.entries.pop(number)
    if not form.validate_on_submit():
        return _desk(form, lesson, 422)
    drafts = _moved(form.drafts(), what, number)
    drafts = [*drafts, *form.added()][:MOST_CLIPS]

    def in_transaction(session: Session) -> str:
        lesson = queries.lesson_for(session, me(), id, whole=True)
        authoring.update_lesson(
            session,
            me(),
            lesson,
            title=form.title.data or "",
            goal=form.goal.data or "",
            instructions=form.instructions.data or "",
            words=form.word_list(),
            clips=drafts,
            seen=form.seen.data or "",
            now=now(),
        )
        if what == "publish":
            authoring.publish_lesson(session, me(), lesson, now=now())
        return url_for("lesson_authoring.edit", id=id, _anchor="clips" if number is not None else None)

    try:
        answer = run_once(form, in_transaction)
    except Refused as refusal:
        form.refuse(refusal)
        saved = queries.lesson_for(db.session(), me(), id, whole=True)
        if refusal.code != "lesson_changed":
            return _desk(form, saved, 422)
        form.seen.data = authoring.fingerprint(saved)
        return _desk(form, saved, 409)
    if what == "publish":
        flash(_("La leçon est publiée. Les apprenants la voient."), "success")
    else:
        flash(_("C’est enregistré."), "success")
    if what == "publish" and any(not draft.transcript for draft in drafts):
        flash(_("Une vidéo n’a pas de texte. Ajoutez-le bientôt."), "warning")
    return answer


def _wanted(do: str, clips: int) -> tuple[str, int | None]:
    """Return the pressed button: save, publish, or up, down, remove with the number of a clip."""
    what, _colon, number = do.partition(":")
    if do in ("save", "publish"):
        return what, None
    if what in ("up", "down", "remove") and number in {str(n) for n in range(clips)}:
        return what, int(number)
    raise BadRequest


def _moved(drafts: list[authoring.ClipDraft], what: str, number: int | None) -> list[authoring.ClipDraft]:
    if number is None or what not in ("up", "down"):
        return drafts
    there = number + (1 if what == "down" else -1)
    if 0 <= there < len(drafts):
        drafts[number], drafts[there] = drafts[there], drafts[number]
    return drafts


def _typed_clips(form: EditLesson) -> list[dict[str, str]]:
    names = ("id", "address", "title", "minutes", "transcript")
    return [{name: entry.form[name].data or "" for name in names} for entry in form.clips]


def _desk(form: EditLesson, lesson: Lesson, answer: int = 200) -> Response:
    saved = values_of(lesson, "") if answer == 409 else None
    return page(
        "lessons/edit.html",
        answer,
        form=form,
        lesson=lesson,
        saved=saved,
        clips_differ=saved is not None and _typed_clips(form) != saved["clips"],
        assignments=queries.homework_of(db.session(), lesson),
        untold=sum(1 for clip in lesson.clips if not clip.transcript),
        section="lessons",
    )


@bp.post("/lessons/<id>/retraction")
@allow("teacher", "coordinator")
def unpublish(id: str) -> BaseResponse:
    write(lambda s: authoring.unpublish_lesson(s, me(), queries.lesson_for(s, me(), id), now=now()))
    flash(_("La leçon est un brouillon. Les apprenants ne la voient plus."), "success")
    return redirect(url_for("lesson_authoring.edit", id=id), 303)


@bp.post("/lessons/<id>/position")
@allow("teacher", "coordinator")
def move(id: str) -> BaseResponse:
    way: Literal["up", "down"] = "up" if request.form.get("way") == "up" else "down"
    if request.form.get("way") not in ("up", "down"):
        raise BadRequest
    write(lambda s: authoring.move_lesson(s, me(), queries.lesson_for(s, me(), id), way, now=now()))
    return redirect(url_for("lessons.index", _anchor=f"lesson-{id}"), 303)
