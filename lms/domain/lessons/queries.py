"""Lessons, clips and vocabulary that a person may see. Everything else raises `Absent`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BindParameter,
    String,
    and_,
    bindparam,
    exists,
    or_,
    select,
)
from sqlalchemy.orm import Session, joinedload, selectinload

from lms.domain.errors import Absent
from lms.domain.lessons.progress import (
    ME,
    OWN_LEVEL,
    LessonState,
    is_begun,
    is_done,
    is_visible_to,
    lesson_state,
    on_level_of,
    person_key,
)
from lms.extensions import read_rows
from lms.models import (
    Assignment,
    Clip,
    ClipProgress,
    Lesson,
    LessonVisit,
    Level,
    OpenedLevel,
    Person,
    Role,
    VocabItem,
)

STEPS = ("watch", "words", "homework")
_WRITERS = frozenset({Role.TEACHER, Role.COORDINATOR})
ORDER = (Lesson.position, Lesson.created_at, Lesson.id)
# Pictures at the end of a word: emoji, flags, arrows, with their joiners, tones and selectors.
_PICTURE = re.compile(
    "([\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff]"
    "[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff\ufe0f\u200d\u20e3 ]*)$"
)


@dataclass(frozen=True)
class LessonFacts:
    """Columns of a lesson that the pages of a learner show."""

    id: str
    title: str
    goal: str
    instructions: str  # in Markdown


@dataclass(frozen=True)
class LessonView:
    """A lesson with its steps, and how far one person is in it."""

    lesson: LessonFacts
    steps: tuple[str, ...]
    left_at: str  # the step to continue with
    state: LessonState
    has_clips: bool
    preview: bool  # a teacher or coordinator looks at it: no progress is recorded

    def after(self, step: str) -> str | None:
        """Return the step after this one; None at the end."""
        position = self.steps.index(step)
        return self.steps[position + 1] if position + 1 < len(self.steps) else None

    def before(self, step: str) -> str | None:
        """Return the step before this one; None at the beginning."""
        position = self.steps.index(step)
        return self.steps[position - 1] if position else None


@dataclass(frozen=True)
class ClipState:
    """A clip, and how far one person is in it."""

    clip: Clip
    watched: bool
    resume: int  # the second of the video at which to continue


@dataclass(frozen=True)
class ListedLesson:
    """A lesson in the list of a learner."""

    id: str
    title: str
    goal: str
    state: LessonState


def is_author(actor: Person) -> bool:
    """Return whether the person may write lessons: a teacher or coordinator."""
    return bool(actor.roles & _WRITERS)


def levels_for(session: Session, actor: Person) -> list[Level]:
    """Return all levels for an author; for a learner the own level first, then the opened ones."""
    if is_author(actor):
        return list(session.scalars(select(Level).order_by(Level.position)))
    found = session.scalars(_OWN_LEVELS, person_key(actor))
    return sorted(found, key=lambda level: level.id != actor.level_id)


def level_for(session: Session, actor: Person, level_id: str) -> Level:
    """Return a level that the person may see. Raises `Absent` otherwise."""
    for level in levels_for(session, actor):
        if level.id == level_id:
            return level
    raise Absent


def lesson_for(session: Session, actor: Person, lesson_id: str, *, whole: bool = False) -> Lesson:
    """Return a lesson with its level; with `whole` also clips and words.

    Raises `Absent` when the person may not see it: learners see the published lessons of their levels.
    """
    query = select(Lesson).where(Lesson.id == lesson_id).options(joinedload(Lesson.level))
    if whole:
        query = query.options(selectinload(Lesson.clips), selectinload(Lesson.words))
    if not is_author(actor):
        query = query.where(Lesson.published_at.is_not(None), is_visible_to(actor))
    lesson = session.scalars(query).first()
    if lesson is None:
        raise Absent
    return lesson


def open_lesson(session: Session, actor: Person, lesson_id: str) -> LessonView:
    """Return a lesson with its steps and the step to continue with, in one statement.

    Raises `Absent` as `lesson_for` does.
    """
    preview = is_author(actor)
    query = _OPEN_AS_AUTHOR if preview else _OPEN_AS_LEARNER
    rows = read_rows(session, query, {**person_key(actor), "lesson": lesson_id})
    if not rows:
        raise Absent
    lesson_id, title, goal, instructions, clips, words, homework, left_at, done = rows[0]
    present = {"watch": True, "words": words, "homework": homework}
    steps = tuple(step for step in STEPS if present[step])
    return LessonView(
        lesson=LessonFacts(lesson_id, title, goal, instructions),
        steps=steps,
        left_at=left_at if left_at in steps and not preview else "watch",
        state=lesson_state(done=done, begun=left_at is not None),
        has_clips=clips,
        preview=preview,
    )


def lessons_of(session: Session, learner: Person) -> dict[str, list[ListedLesson]]:
    """Return the published lessons of the learner's levels in their order by level id, in one statement."""
    found: dict[str, list[ListedLesson]] = {}
    for lesson_id, level_id, title, goal, done, begun in read_rows(session, _LISTED, person_key(learner)):
        listed = ListedLesson(lesson_id, title, goal, lesson_state(done=done, begun=begun))
        found.setdefault(level_id, []).append(listed)
    return found


def clip_for(session: Session, actor: Person, clip_id: str) -> Clip:
    """Return a clip of a lesson that the person may see. Raises `Absent` otherwise."""
    query = select(Clip).join(Lesson, Lesson.id == Clip.lesson_id).where(Clip.id == clip_id)
    if not is_author(actor):
        query = query.where(Lesson.published_at.is_not(None), is_visible_to(actor))
    clip = session.scalars(query).first()
    if clip is None:
        raise Absent
    return clip


def clips_of(session: Session, actor: Person, lesson_id: str) -> list[ClipState]:
    """Return the clips of the lesson in their order, each with how far the person is."""
    rows = session.execute(_CLIPS, {"me": actor.id, "lesson": lesson_id})
    return [_clip_state(clip, progress) for clip, progress in rows]


def _clip_state(clip: Clip, progress: ClipProgress | None) -> ClipState:
    if progress is None:
        return ClipState(clip, watched=False, resume=clip.starts)
    watched = progress.watched_at is not None
    within = progress.seconds > clip.starts and (clip.ends is None or progress.seconds < clip.ends - 3)
    return ClipState(clip, watched, progress.seconds if within and not watched else clip.starts)


def vocabulary_of(session: Session, lesson_id: str) -> Sequence[VocabItem]:
    """Return the vocabulary of the lesson in its order."""
    return session.scalars(
        select(VocabItem).where(VocabItem.lesson_id == lesson_id).order_by(VocabItem.position, VocabItem.id)
    ).all()


def homework_of(session: Session, lesson_id: str) -> Sequence[Assignment]:
    """Return the assignments of the lesson that are not withdrawn."""
    return session.scalars(
        select(Assignment)
        .where(Assignment.lesson_id == lesson_id, Assignment.withdrawn_at.is_(None))
        .order_by(Assignment.created_at, Assignment.id)
    ).all()


def split_picture(word: str) -> tuple[str, str]:
    """Split a vocabulary item from the emoji at its end: "le bus 🚌" gives ("le bus", "🚌").

    The second is empty when there is none.
    """
    found = _PICTURE.search(word)
    if found is None or not word[: found.start()].strip():
        return word, ""
    return word[: found.start()].strip(), found.group(1).strip()


# Built once, because every visit of the lessons or of a lesson runs them.
_LESSON: BindParameter[str] = bindparam("lesson", type_=String)
_OPEN_AS_AUTHOR = (
    select(
        Lesson.id,
        Lesson.title,
        Lesson.goal,
        Lesson.instructions,
        exists().where(Clip.lesson_id == Lesson.id).correlate(Lesson),
        exists().where(VocabItem.lesson_id == Lesson.id).correlate(Lesson),
        exists()
        .where(Assignment.lesson_id == Lesson.id, Assignment.withdrawn_at.is_(None))
        .correlate(Lesson),
        LessonVisit.step,
        is_done(ME),
    )
    .outerjoin(LessonVisit, and_(LessonVisit.lesson_id == Lesson.id, LessonVisit.person_id == ME))
    .where(Lesson.id == _LESSON)
)
_OPEN_AS_LEARNER = _OPEN_AS_AUTHOR.where(Lesson.published_at.is_not(None), on_level_of(ME, OWN_LEVEL))
_OWN_LEVELS = (
    select(Level)
    .where(
        or_(
            Level.id == OWN_LEVEL,
            exists().where(OpenedLevel.person_id == ME, OpenedLevel.level_id == Level.id),
        )
    )
    .order_by(Level.position)
)
_LISTED = (
    select(Lesson.id, Lesson.level_id, Lesson.title, Lesson.goal, is_done(ME), is_begun(ME))
    .where(Lesson.published_at.is_not(None), on_level_of(ME, OWN_LEVEL))
    .order_by(*ORDER)
)
_CLIPS = (
    select(Clip, ClipProgress)
    .outerjoin(ClipProgress, and_(ClipProgress.clip_id == Clip.id, ClipProgress.person_id == ME))
    .where(Clip.lesson_id == _LESSON)
    .order_by(Clip.position, Clip.id)
)
