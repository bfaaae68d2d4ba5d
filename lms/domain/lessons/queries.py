"""Finding lessons through the person: what she may not see does not exist for her."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, exists, func, literal, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from lms.domain.errors import Absent
from lms.domain.lessons.progress import State, is_begun, is_done, is_visible_to, lesson_state
from lms.models import (
    Assignment,
    Clip,
    ClipProgress,
    Lesson,
    LessonVisit,
    Level,
    OpenedLevel,
    Person,
    VocabItem,
)

STEPS = ("watch", "words", "homework")
_WRITERS = frozenset({"teacher", "coordinator"})
_ORDER = (Lesson.position, Lesson.made_at, Lesson.id)
# Pictures at the end of a word: emoji, flags, arrows, with their joiners, tones and selectors.
_PICTURE = re.compile(
    "([\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff]"
    "[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff\ufe0f\u200d\u20e3 ]*)$"
)


@dataclass(frozen=True)
class LessonView:
    """A lesson as this person meets it."""

    lesson: Lesson
    steps: tuple[str, ...]
    left_at: str  # the step to go on from
    state: State
    has_clips: bool
    preview: bool  # a member of the team looks at it: nothing is kept

    def after(self, step: str) -> str | None:
        here = self.steps.index(step)
        return self.steps[here + 1] if here + 1 < len(self.steps) else None

    def before(self, step: str) -> str | None:
        here = self.steps.index(step)
        return self.steps[here - 1] if here else None


@dataclass(frozen=True)
class ClipState:
    clip: Clip
    watched: bool
    resume: int  # the second of the video at which to go on


@dataclass(frozen=True)
class LessonSummary:
    """A lesson in the list of the team."""

    lesson: Lesson
    clips: int
    untold: int  # clips without a transcript
    assignments: int
    watchers: int


def is_author(actor: Person) -> bool:
    """Return whether the person may write lessons."""
    return bool(actor.roles & _WRITERS)


def levels_for(session: Session, actor: Person) -> list[Level]:
    """All of them for the team; a learner's own first, then those opened for her."""
    if is_author(actor):
        return list(session.scalars(select(Level).order_by(Level.position)))
    opened = exists().where(OpenedLevel.person_id == actor.id, OpenedLevel.level_id == Level.id)
    found = session.scalars(
        select(Level).where(or_(Level.id == actor.level_id, opened)).order_by(Level.position)
    )
    return sorted(found, key=lambda level: level.id != actor.level_id)


def level_for(session: Session, actor: Person, level_id: str) -> Level:
    """Return a level that the person may see. Raises Absent otherwise."""
    for level in levels_for(session, actor):
        if level.id == level_id:
            return level
    raise Absent


def lesson_for(session: Session, actor: Person, lesson_id: str, *, whole: bool = False) -> Lesson:
    """The lesson with its level; `whole` with clips and words. Learners find what is published for them."""
    question = select(Lesson).where(Lesson.id == lesson_id).options(joinedload(Lesson.level))
    if whole:
        question = question.options(selectinload(Lesson.clips), selectinload(Lesson.words))
    if not is_author(actor):
        question = question.where(Lesson.published_at.is_not(None), is_visible_to(actor))
    lesson = session.scalars(question).first()
    if lesson is None:
        raise Absent
    return lesson


def open_lesson(session: Session, actor: Person, lesson_id: str) -> LessonView:
    """The lesson with its steps and the one at which she left, in one statement."""
    team = is_author(actor)
    question = (
        select(
            Lesson,
            exists().where(Clip.lesson_id == Lesson.id).correlate(Lesson),
            exists().where(VocabItem.lesson_id == Lesson.id).correlate(Lesson),
            exists()
            .where(Assignment.lesson_id == Lesson.id, Assignment.withdrawn_at.is_(None))
            .correlate(Lesson),
            LessonVisit.step,
            is_done(actor.id),
        )
        .join(Lesson.level)
        .outerjoin(LessonVisit, and_(LessonVisit.lesson_id == Lesson.id, LessonVisit.person_id == actor.id))
        .where(Lesson.id == lesson_id)
        .options(contains_eager(Lesson.level))
    )
    if not team:
        question = question.where(Lesson.published_at.is_not(None), is_visible_to(actor))
    row = session.execute(question).first()
    if row is None:
        raise Absent
    lesson, clips, words, homework, left_at, done = row
    present = {"watch": True, "words": words, "homework": homework}
    steps = tuple(step for step in STEPS if present[step])
    return LessonView(
        lesson=lesson,
        steps=steps,
        left_at=left_at if left_at in steps and not team else "watch",
        state=lesson_state(done=done, begun=left_at is not None),
        has_clips=clips,
        preview=team,
    )


def lessons_of(
    session: Session, actor: Person, level_ids: Iterable[str]
) -> dict[str, list[tuple[Lesson, State]]]:
    """Level id -> its published lessons in their order, each with how far this person is. One statement."""
    ids = list(level_ids)
    found: dict[str, list[tuple[Lesson, State]]] = {level_id: [] for level_id in ids}
    rows = session.execute(
        select(Lesson, is_done(actor.id), is_begun(actor.id))
        .where(Lesson.level_id.in_(ids), Lesson.published_at.is_not(None))
        .order_by(*_ORDER)
    )
    for lesson, done, begun in rows:
        found[lesson.level_id].append((lesson, lesson_state(done=done, begun=begun)))
    return found


def lesson_summaries(session: Session) -> dict[str, list[LessonSummary]]:
    """Level id -> its lessons with what the team wants to know at a glance. One statement."""
    clips = (
        select(
            Clip.lesson_id,
            func.count().label("all"),
            func.count().filter(Clip.transcript == "").label("untold"),
        )
        .group_by(Clip.lesson_id)
        .subquery()
    )
    homework = (
        select(Assignment.lesson_id, func.count().label("all"))
        .where(Assignment.withdrawn_at.is_(None))
        .group_by(Assignment.lesson_id)
        .subquery()
    )
    each = (
        select(Clip.lesson_id, ClipProgress.person_id, func.count().label("watched"))
        .join(ClipProgress, ClipProgress.clip_id == Clip.id)
        .join(Person, Person.id == ClipProgress.person_id)
        .where(ClipProgress.watched_at.is_not(None), Person.deactivated_at.is_(None))
        .group_by(Clip.lesson_id, ClipProgress.person_id)
        .subquery()
    )
    watchers = (
        select(each.c.lesson_id, func.count().label("all"))
        .join(clips, and_(clips.c.lesson_id == each.c.lesson_id, clips.c.all == each.c.watched))
        .group_by(each.c.lesson_id)
        .subquery()
    )
    readers = (
        select(LessonVisit.lesson_id, func.count().label("all"))
        .join(Person, Person.id == LessonVisit.person_id)
        .where(LessonVisit.step != "watch", Person.deactivated_at.is_(None))
        .group_by(LessonVisit.lesson_id)
        .subquery()
    )
    zero = literal(0)
    rows = session.execute(
        select(
            Lesson,
            func.coalesce(clips.c.all, zero),
            func.coalesce(clips.c.untold, zero),
            func.coalesce(homework.c.all, zero),
            func.coalesce(watchers.c.all, zero),
            func.coalesce(readers.c.all, zero),
        )
        .outerjoin(clips, clips.c.lesson_id == Lesson.id)
        .outerjoin(homework, homework.c.lesson_id == Lesson.id)
        .outerjoin(watchers, watchers.c.lesson_id == Lesson.id)
        .outerjoin(readers, readers.c.lesson_id == Lesson.id)
        .order_by(*_ORDER)
    )
    found: dict[str, list[LessonSummary]] = {}
    for lesson, clip_count, untold, assignments, watched_by, read_by in rows:
        summary = LessonSummary(
            lesson, clip_count, untold, assignments, watched_by if clip_count else read_by
        )
        found.setdefault(lesson.level_id, []).append(summary)
    return found


def clip_for(session: Session, actor: Person, clip_id: str) -> Clip:
    """Return a clip of a lesson that the person may see. Raises Absent otherwise."""
    question = select(Clip).join(Lesson, Lesson.id == Clip.lesson_id).where(Clip.id == clip_id)
    if not is_author(actor):
        question = question.where(Lesson.published_at.is_not(None), is_visible_to(actor))
    clip = session.scalars(question).first()
    if clip is None:
        raise Absent
    return clip


def clips_of(session: Session, actor: Person, lesson: Lesson) -> list[ClipState]:
    """The clips of a lesson in their order, and how far this person is in each."""
    rows = session.execute(
        select(Clip, ClipProgress)
        .outerjoin(ClipProgress, and_(ClipProgress.clip_id == Clip.id, ClipProgress.person_id == actor.id))
        .where(Clip.lesson_id == lesson.id)
        .order_by(Clip.position, Clip.id)
    )
    return [_clip_state(clip, progress) for clip, progress in rows]


def _clip_state(clip: Clip, progress: ClipProgress | None) -> ClipState:
    if progress is None:
        return ClipState(clip, watched=False, resume=clip.starts)
    watched = progress.watched_at is not None
    within = progress.seconds > clip.starts and (clip.ends is None or progress.seconds < clip.ends - 3)
    return ClipState(clip, watched, progress.seconds if within and not watched else clip.starts)


def vocabulary_of(session: Session, lesson: Lesson) -> Sequence[VocabItem]:
    """Return the vocabulary of the lesson in its order."""
    return session.scalars(
        select(VocabItem).where(VocabItem.lesson_id == lesson.id).order_by(VocabItem.position, VocabItem.id)
    ).all()


def homework_of(session: Session, lesson: Lesson) -> Sequence[Assignment]:
    """Return the assignments of the lesson that are not withdrawn."""
    return session.scalars(
        select(Assignment)
        .where(Assignment.lesson_id == lesson.id, Assignment.withdrawn_at.is_(None))
        .order_by(Assignment.made_at, Assignment.id)
    ).all()


def split_picture(word: str) -> tuple[str, str]:
    """ "le bus 🚌" -> ("le bus", "🚌"); the second is empty when the word has no picture."""
    found = _PICTURE.search(word)
    if found is None or not word[: found.start()].strip():
        return word, ""
    return word[: found.start()].strip(), found.group(1).strip()
