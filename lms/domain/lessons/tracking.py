"""Record what a learner does with a lesson. Every function may run twice for one press of a button."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms.models import Clip, ClipProgress, Lesson, LessonVisit, Person

MOST_SECONDS = 24 * 3600


def record_watched(session: Session, actor: Person, clip: Clip, *, now: datetime) -> None:
    """Record that the learner watched a clip; the first time is kept."""
    row = _progress_row(session, clip, actor, now=now)
    if row.watched_at is None:
        row.watched_at = now
    row.seen_at = now
    _visit_row(session, clip.lesson_id, actor, now=now)


def record_position(session: Session, actor: Person, clip: Clip, seconds: int, *, now: datetime) -> None:
    """Record the position in the video, in seconds, to resume there."""
    row = _progress_row(session, clip, actor, now=now)
    row.seconds = min(max(seconds, 0), MOST_SECONDS)
    row.seen_at = now
    _visit_row(session, clip.lesson_id, actor, now=now)


def record_visit(session: Session, actor: Person, lesson: Lesson, step: str, *, now: datetime) -> None:
    """Record that the learner went on to this step; the lesson opens there next time."""
    _visit_row(session, lesson.id, actor, now=now).step = step


def finish_lesson(session: Session, actor: Person, lesson: Lesson, *, now: datetime) -> None:
    """Record that the learner reached the end of the lesson; next time it opens at its beginning.

    A lesson without clips keeps a later step, because that marks it as read.
    """
    any_clip = session.scalar(select(exists().where(Clip.lesson_id == lesson.id)))
    record_visit(session, actor, lesson, "watch" if any_clip else "words", now=now)


def give_video_consent(session: Session, actor: Person, *, now: datetime) -> None:
    """Record the consent that YouTube receives data when the person plays a clip; the first time is kept."""
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
    """Add the row; return False when a simultaneous request has added it, which PostgreSQL allows."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True
