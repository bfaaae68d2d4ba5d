"""What a learner does with a lesson. Each of these may be pressed twice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms.models import Clip, ClipProgress, Lesson, LessonVisit, Person

MOST_SECONDS = 24 * 3600


def record_watched(session: Session, actor: Person, clip: Clip, *, now: datetime) -> None:
    """She says that she watched it (or the clip reached its end). The first time counts."""
    row = _progress_row(session, clip, actor, now=now)
    if row.watched_at is None:
        row.watched_at = now
    row.seen_at = now
    _visit_row(session, clip.lesson_id, actor, now=now)


def record_position(session: Session, actor: Person, clip: Clip, seconds: int, *, now: datetime) -> None:
    """Where in the video she is, to go on from there."""
    row = _progress_row(session, clip, actor, now=now)
    row.seconds = min(max(seconds, 0), MOST_SECONDS)
    row.seen_at = now
    _visit_row(session, clip.lesson_id, actor, now=now)


def record_visit(session: Session, actor: Person, lesson: Lesson, step: str, *, now: datetime) -> None:
    """She goes on to this step; the lesson opens there next time."""
    _visit_row(session, lesson.id, actor, now=now).step = step


def finish_lesson(session: Session, actor: Person, lesson: Lesson, *, now: datetime) -> None:
    """She reached the end of the lesson; next time it opens at its beginning.

    A lesson without clips keeps a later step: that is how it is known to be read.
    """
    any_clip = session.scalar(select(exists().where(Clip.lesson_id == lesson.id)))
    record_visit(session, actor, lesson, "watch" if any_clip else "words", now=now)


def give_video_consent(session: Session, actor: Person, *, now: datetime) -> None:
    """She accepts that YouTube receives data when she plays a clip. The first yes is kept."""
    found = session.get_one(Person, actor.id)
    if found.video_consent_at is None:
        found.video_consent_at = now


def _progress_row(session: Session, clip: Clip, person: Person, *, now: datetime) -> ClipProgress:
    key = (person.id, clip.id)
    row = session.get(ClipProgress, key)
    if row is None:
        row = ClipProgress(person_id=person.id, clip_id=clip.id, seconds=0, seen_at=now)
        if not _add(session, row):
            row = session.get_one(ClipProgress, key)
    return row


def _visit_row(session: Session, lesson_id: str, person: Person, *, now: datetime) -> LessonVisit:
    key = (person.id, lesson_id)
    row = session.get(LessonVisit, key)
    if row is None:
        row = LessonVisit(person_id=person.id, lesson_id=lesson_id, step="watch", seen_at=now)
        if not _add(session, row):
            row = session.get_one(LessonVisit, key)
    row.seen_at = now
    return row


def _add(session: Session, row: ClipProgress | LessonVisit) -> bool:
    """False when its twin was faster, which PostgreSQL allows."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True
