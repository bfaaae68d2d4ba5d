"""Lessons for learners: levels, the steps of a lesson, clips watched. The team sees a preview."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flask import Blueprint, Response, flash, jsonify, redirect, request, url_for
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me, own_path
from lms.adapters import markdown, youtube
from lms.clock import now
from lms.domain.errors import Absent
from lms.domain.homework import error_profile
from lms.domain.lessons import queries, team_queries, tracking
from lms.domain.lessons.progress import LessonState
from lms.domain.lessons.team_queries import Publication
from lms.extensions import db, write
from lms.models import Role
from lms.web.pages import by_script, page
from lms.web.paging import asked_state, pager_links

bp = Blueprint("lessons", __name__)

STATES: dict[Publication | None, LazyString] = {
    None: _l("Toutes les leçons"),
    Publication.PUBLISHED: _l("Publiées"),
    Publication.DRAFT: _l("Brouillons"),
}

MEGABYTES_A_SECOND = 4.5 / 60  # 0.6 Mbit/s, the rate of YouTube for a small screen


@dataclass(frozen=True)
class Shown:
    """A clip as the page shows it."""

    id: str
    title: str
    own_title: str  # empty where the page already shows the same title as that of the lesson
    minutes: int | None
    megabytes: int | None
    transcript: str
    watched: bool
    resume: int
    watch_address: str
    frame_address: str


def shown(state: queries.ClipState, title: str) -> Shown:
    clip = state.clip
    seconds = clip.seconds
    return Shown(
        id=clip.id,
        title=clip.title or title,
        own_title=clip.title,
        minutes=max(1, round(seconds / 60)) if seconds else None,
        megabytes=max(1, math.ceil(seconds * MEGABYTES_A_SECOND)) if seconds else None,
        transcript=clip.transcript,
        watched=state.watched,
        resume=state.resume,
        watch_address=youtube.watch_address(clip.youtube_id, state.resume),
        frame_address=youtube.frame_address(
            clip.youtube_id, state.resume, clip.ends, request.host_url.rstrip("/")
        ),
    )


@bp.get("/lessons")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR)
def index() -> Response:
    session = db.session()
    if queries.is_author(me()):
        return _team_list()
    levels = queries.levels_for(session, me())
    lessons = queries.lessons_of(session, me())
    finished = {
        level_id: sum(lesson.state == LessonState.DONE for lesson in listed)
        for level_id, listed in lessons.items()
    }
    return page("lessons/index.html", levels=levels, lessons=lessons, finished=finished, section="lessons")


def _team_list() -> Response:
    """Show the lessons of one level; `lesson` in the address is on the page that is shown."""
    asked = request.args
    publication = asked_state(Publication)
    shown = team_queries.lesson_page(
        db.session(),
        asked.get("level"),
        asked.get("after"),
        publication=publication,
        showing=asked.get("lesson"),
    )
    level_id = shown.level.id if shown.level else None
    return page(
        "lessons/desk.html",
        shown=shown,
        state=publication,
        states=STATES,
        errors=error_profile.errors_of_levels(db.session(), now=now()).get(level_id or "", [])
        if me().is_teacher
        else [],
        **pager_links(shown.cut, "lessons.index", level=level_id, state=publication),
        section="lessons",
    )


@bp.get("/lessons/<id>")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR)
def show(id: str) -> BaseResponse:
    """Redirect a learner to the step that was visited last, the team to the editor."""
    opened = queries.open_lesson(db.session(), me(), id)
    if opened.preview:
        return redirect(url_for("lesson_authoring.edit", id=id), 303)
    return redirect(url_for(f"lessons.{opened.left_at}", id=id), 303)


@bp.get("/lessons/<id>/watch")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR)
def watch(id: str) -> Response:
    opened = queries.open_lesson(db.session(), me(), id)
    clips = [
        shown(state, opened.lesson.title) for state in queries.clips_of(db.session(), me(), opened.lesson.id)
    ]
    return page(
        "lessons/watch.html",
        opened=opened,
        step="watch",
        clips=clips,
        instructions=markdown.to_html(opened.lesson.instructions),
        all_watched=all(clip.watched for clip in clips),
        section="lessons",
    )


@bp.get("/lessons/<id>/words")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR)
def words(id: str) -> Response:
    opened = _with_step(id, "words")
    found = [
        queries.split_picture(word.text) for word in queries.vocabulary_of(db.session(), opened.lesson.id)
    ]
    return page("lessons/words.html", opened=opened, step="words", words=found, section="lessons")


@bp.get("/lessons/<id>/homework")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR)
def homework(id: str) -> Response:
    opened = _with_step(id, "homework")
    found = queries.homework_of(db.session(), opened.lesson.id)
    return page("lessons/homework.html", opened=opened, step="homework", assignments=found, section="lessons")


def _with_step(id: str, step: str) -> queries.LessonView:
    opened = queries.open_lesson(db.session(), me(), id)
    if step not in opened.steps:
        raise Absent
    return opened


@bp.post("/lessons/<id>/visits")
@allow(Role.LEARNER)
def go_on(id: str) -> BaseResponse:
    """Go on from a step: to the next one ("Continuer") or to the end ("Terminer")."""
    opened = queries.open_lesson(db.session(), me(), id)
    step = request.form.get("step", "")
    if step not in (*opened.steps, "end"):
        raise BadRequest
    if step == "end":
        write(lambda s: tracking.finish_lesson(s, me(), queries.lesson_for(s, me(), id), now=now()))
        return _redirect_after_end(id)
    write(lambda s: tracking.record_visit(s, me(), queries.lesson_for(s, me(), id), step, now=now()))
    return redirect(url_for(f"lessons.{step}", id=id), 303)


def _redirect_after_end(id: str) -> BaseResponse:
    """Redirect after the last step: to the list of lessons, or to the clip that was not watched."""
    opened = queries.open_lesson(db.session(), me(), id)
    if opened.state == "done":
        flash(_("Bravo, la leçon est faite. La planche est allumée."), "success")
        return redirect(url_for("lessons.index"), 303)
    flash(_("Regardez encore la vidéo pour allumer la planche."), "success")
    return redirect(url_for("lessons.watch", id=id), 303)


@bp.post("/clips/<id>/watched")
@allow(Role.LEARNER)
def watched(id: str) -> BaseResponse:
    """Mark the clip as watched; pressing the button again changes nothing."""

    def in_transaction(session: Session) -> str:
        clip = queries.clip_for(session, me(), id)
        tracking.record_watched(session, me(), clip, now=now())
        return clip.lesson_id

    lesson_id = write(in_transaction)
    if by_script():
        return jsonify(watched=True)
    opened = queries.open_lesson(db.session(), me(), lesson_id)
    waiting = [s for s in queries.clips_of(db.session(), me(), opened.lesson.id) if not s.watched]
    if waiting:
        return redirect(url_for("lessons.watch", id=lesson_id, _anchor=f"clip-{waiting[0].clip.id}"), 303)
    following = opened.after("watch")
    if following is None:
        write(lambda s: tracking.finish_lesson(s, me(), queries.lesson_for(s, me(), lesson_id), now=now()))
        return _redirect_after_end(lesson_id)
    write(
        lambda s: tracking.record_visit(s, me(), queries.lesson_for(s, me(), lesson_id), following, now=now())
    )
    flash(_("Bravo, la planche est allumée."), "success")
    return redirect(url_for(f"lessons.{following}", id=lesson_id), 303)


@bp.post("/clips/<id>/progress")
@allow(Role.LEARNER)
def progress(id: str) -> BaseResponse:
    """Record how far the clip has played; a script of the page reports it."""
    sent = request.get_json(silent=True) if request.is_json else request.form
    reported = sent.get("seconds") if isinstance(sent, dict) else None
    try:
        seconds = int(float(reported))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise BadRequest from None
    write(lambda s: tracking.record_position(s, me(), queries.clip_for(s, me(), id), seconds, now=now()))
    return Response(status=204)


@bp.post("/consents/video")
@allow("someone")
def agree_to_video() -> BaseResponse:
    """Record the consent to YouTube ("D’accord, regarder"), which a person withdraws on the page *Moi*."""
    write(lambda s: tracking.give_video_consent(s, me(), now=now()))
    return redirect(own_path(request.form.get("next")) or url_for("lessons.index"), 303)
