"""Editor of lessons, for the team: create, edit, order, publish."""

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
from lms.domain.lessons import authoring, queries, team_queries
from lms.extensions import db, write
from lms.forms.lessons import MOST_CLIPS, EditLesson, NewLesson, values_of
from lms.models import Lesson, Role
from lms.refusal_codes import RefusalCode
from lms.web.body_limits import takes_bodies
from lms.web.idempotency import run_once
from lms.web.pages import page

bp = Blueprint("lesson_authoring", __name__)

# Enough for the caption files of several clips; each has a limit of its own.
MOST_BYTES = 6 << 20
# The views behind the buttons of the editor.
editor_button = takes_bodies(lambda _settings: MOST_BYTES, text=2 << 20)


@bp.get("/lessons/new")
@allow(Role.TEACHER, Role.COORDINATOR)
def new() -> Response:
    form = _new_form()
    return page("lessons/new.html", form=form, section="lessons")


@bp.post("/lessons")
@allow(Role.TEACHER, Role.COORDINATOR)
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
    flash(_("La leçon est enregistrée. Ajoutez la suite, puis publiez."), "success")
    return answer


def _new_form() -> NewLesson:
    form = NewLesson(data={"level": request.args.get("level")})
    form.offer(queries.levels_for(db.session(), me()))
    return form


@bp.get("/lessons/<id>/edit")
@allow(Role.TEACHER, Role.COORDINATOR)
def edit(id: str) -> Response:
    lesson = queries.lesson_for(db.session(), me(), id, whole=True)
    form = EditLesson(formdata=None, data=values_of(lesson, authoring.fingerprint(lesson)))
    return _desk(form, lesson)


@bp.post("/lessons/<id>")
@allow(Role.TEACHER, Role.COORDINATOR)
@editor_button
def save(id: str) -> BaseResponse:
    """Save everything on the page."""
    return _save(id)


@bp.post("/lessons/<id>/publication")
@allow(Role.TEACHER, Role.COORDINATOR)
@editor_button
def publish(id: str) -> BaseResponse:
    """Save everything on the page and publish the lesson."""
    return _save(id, publishing=True)


@bp.post("/lessons/<id>/clips/<clip_id>/removal")
@allow(Role.TEACHER, Role.COORDINATOR)
@editor_button
def remove_clip(id: str, clip_id: str) -> BaseResponse:
    """Save everything on the page but this clip."""
    return _save(id, clip_id, steps=0)


@bp.post("/lessons/<id>/clips/<clip_id>/ascent")
@allow(Role.TEACHER, Role.COORDINATOR)
@editor_button
def move_clip_up(id: str, clip_id: str) -> BaseResponse:
    """Save everything on the page, this clip one place up."""
    return _save(id, clip_id, steps=-1)


@bp.post("/lessons/<id>/clips/<clip_id>/descent")
@allow(Role.TEACHER, Role.COORDINATOR)
@editor_button
def move_clip_down(id: str, clip_id: str) -> BaseResponse:
    """Save everything on the page, this clip one place down."""
    return _save(id, clip_id, steps=1)


@bp.get("/lessons/<id>/publication")
@bp.get("/lessons/<id>/clips/<clip_id>/removal")
@bp.get("/lessons/<id>/clips/<clip_id>/ascent")
@bp.get("/lessons/<id>/clips/<clip_id>/descent")
@allow(Role.TEACHER, Role.COORDINATOR)
def reload(id: str, clip_id: str = "") -> BaseResponse:
    """Redirect to the editor: a refused form was shown at the address of its button."""
    queries.lesson_for(db.session(), me(), id)
    return redirect(url_for("lesson_authoring.edit", id=id), 303)


def _save(
    id: str, clip_id: str | None = None, *, steps: int | None = None, publishing: bool = False
) -> BaseResponse:
    """Save the form for any button of the page; `steps` moves the clip `clip_id`, None removes it."""
    lesson = queries.lesson_for(db.session(), me(), id, whole=True)
    form = EditLesson()
    number = None if clip_id is None else _place(form, clip_id)
    if number is not None and steps == 0:  # a clip that is removed needs no valid link
        form.clips.entries.pop(number)
    if not form.validate_on_submit():
        return _desk(form, lesson, 422)
    drafts = form.drafts()
    if number is not None and steps:
        drafts = _moved(drafts, number, steps)
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
        if publishing:
            authoring.publish_lesson(session, me(), lesson, now=now())
        return url_for("lesson_authoring.edit", id=id, _anchor="clips" if number is not None else None)

    try:
        answer = run_once(form, in_transaction)
    except Refused as refusal:
        form.refuse(refusal)
        saved = queries.lesson_for(db.session(), me(), id, whole=True)
        if refusal.code != RefusalCode.LESSON_CHANGED:
            return _desk(form, saved, 422)
        form.seen.data = authoring.fingerprint(saved)
        return _desk(form, saved, 409)
    if publishing:
        flash(_("La leçon est publiée. Les apprenants la voient."), "success")
    else:
        flash(_("C’est enregistré."), "success")
    if publishing and any(not draft.transcript for draft in drafts):
        flash(_("Une vidéo n’a pas de texte. Ajoutez-le bientôt."), "warning")
    return answer


def _place(form: EditLesson, clip_id: str) -> int:
    """Return the place of a clip on the page."""
    for place, entry in enumerate(form.clips):
        if entry.form["id"].data == clip_id:
            return place
    raise BadRequest


def _moved(drafts: list[authoring.ClipDraft], number: int, steps: int) -> list[authoring.ClipDraft]:
    target = number + steps
    if 0 <= target < len(drafts):
        drafts[number], drafts[target] = drafts[target], drafts[number]
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
        assignments=queries.homework_of(db.session(), lesson.id),
        done_by=team_queries.count_done_by(db.session(), lesson),
        untold=sum(1 for clip in lesson.clips if not clip.transcript),
        section="lessons",
    )


@bp.post("/lessons/<id>/retraction")
@allow(Role.TEACHER, Role.COORDINATOR)
def unpublish(id: str) -> BaseResponse:
    write(lambda s: authoring.unpublish_lesson(s, me(), queries.lesson_for(s, me(), id), now=now()))
    flash(_("La leçon est un brouillon. Les apprenants ne la voient plus."), "success")
    return redirect(url_for("lesson_authoring.edit", id=id), 303)


@bp.post("/lessons/<id>/position")
@allow(Role.TEACHER, Role.COORDINATOR)
def move(id: str) -> BaseResponse:
    direction: Literal["up", "down"] = "up" if request.form.get("way") == "up" else "down"
    if request.form.get("way") not in ("up", "down"):
        raise BadRequest
    write(lambda s: authoring.move_lesson(s, me(), queries.lesson_for(s, me(), id), direction, now=now()))
    return redirect(url_for("lessons.index", lesson=id, _anchor=f"lesson-{id}"), 303)
