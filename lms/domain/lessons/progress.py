"""Progress of learners, which the pages show as a bridge: one plank a published lesson, lit when it is done.

A lesson with clips is done when the learner has watched all of them. A lesson without clips is done when the
learner has gone on to a later step. The database does the counting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Exists,
    Integer,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from lms.models import Clip, ClipProgress, Lesson, LessonVisit, OpenedLevel, Person

PersonKey = str | InstrumentedAttribute[str] | BindParameter[str]

# Bound parameters: these statements are built once, because every visit of a learner's home runs them.
_ME: BindParameter[str] = bindparam("me", type_=String)
_OWN_LEVEL: BindParameter[str] = bindparam("own_level", type_=String)


class LessonState(StrEnum):
    """State of a lesson for one person."""

    DONE = "done"
    BEGUN = "begun"
    NEW = "new"


def is_done(person_id: PersonKey) -> ColumnElement[bool]:
    """Return the SQL condition that this person has done the lesson of the row."""
    watched = exists().where(
        ClipProgress.clip_id == Clip.id,
        ClipProgress.person_id == person_id,
        ClipProgress.watched_at.is_not(None),
    )
    unwatched_clip = exists().where(Clip.lesson_id == Lesson.id, ~watched.correlate(Clip, Person))
    any_clip = exists().where(Clip.lesson_id == Lesson.id)
    read = _last_visit(person_id).where(LessonVisit.step != "watch")
    outer_tables = (Lesson, Person)
    return or_(
        and_(any_clip.correlate(*outer_tables), ~unwatched_clip.correlate(*outer_tables)),
        and_(~any_clip.correlate(*outer_tables), read.correlate(*outer_tables)),
    )


def is_begun(person_id: PersonKey) -> ColumnElement[bool]:
    """Return the SQL condition that this person has opened the lesson of the row."""
    return _last_visit(person_id).correlate(Lesson, Person)


def lesson_state(*, done: bool, begun: bool) -> LessonState:
    """Return the state of a lesson for one person."""
    if done:
        return LessonState.DONE
    return LessonState.BEGUN if begun else LessonState.NEW


def progress_by_level(session: Session, person: Person) -> dict[str, tuple[int, int]]:
    """Return the numbers of lessons done and in all by level id, in one statement.

    Contains the levels that the learner sees and that have published lessons.
    """
    rows = session.execute(_BY_LEVEL, _person_key(person))
    return {level_id: (int(done), total) for level_id, done, total in rows}


def class_progress(session: Session, person_ids: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return the numbers of lessons done and in all of each own level, by person id, in one statement."""
    ids = list(person_ids)
    if not ids:
        return {}
    rows = session.execute(
        select(Person.id, _done_and_all(is_done(Person.id)), func.count(Lesson.id))
        .outerjoin(Lesson, and_(Lesson.level_id == Person.level_id, Lesson.published_at.is_not(None)))
        .where(Person.id.in_(ids))
        .group_by(Person.id)
    )
    return {person_id: (int(done), total) for person_id, done, total in rows}


def next_lesson(session: Session, person: Person) -> Lesson | None:
    """Return the lesson to continue with; None when every lesson is done.

    That is the unfinished lesson visited last, else the first unfinished one of the learner's own level.
    """
    return session.scalars(_NEXT, _person_key(person)).first()


def next_lessons(session: Session, person: Person) -> Sequence[Lesson]:
    """List at most two lessons to go on with: of the person's own level, then of a level opened in addition.

    Of each the one begun last and not done; of the own level else the first not done. One statement.
    """
    return session.scalars(_NEXT_OF_EACH, _person_key(person)).all()


def is_visible_to(person: Person) -> ColumnElement[bool]:
    """Return the SQL condition that the lesson of the row is on a level that this learner sees."""
    return _on_level_of(person.id, person.level_id)


def _on_level_of(
    person_id: str | BindParameter[str], level_id: str | BindParameter[str] | None
) -> ColumnElement[bool]:
    opened = exists().where(OpenedLevel.person_id == person_id, OpenedLevel.level_id == Lesson.level_id)
    return or_(Lesson.level_id == level_id, opened.correlate(Lesson))


def _person_key(person: Person) -> dict[str, str | None]:
    return {"me": person.id, "own_level": person.level_id}


def _last_visit(person_id: PersonKey) -> Exists:
    return exists().where(LessonVisit.lesson_id == Lesson.id, LessonVisit.person_id == person_id)


def _done_and_all(done: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((and_(Lesson.id.is_not(None), done), 1), else_=0)), 0)


_BY_LEVEL = (
    select(Lesson.level_id, _done_and_all(is_done(_ME)), func.count())
    .where(Lesson.published_at.is_not(None), _on_level_of(_ME, _OWN_LEVEL))
    .group_by(Lesson.level_id)
)
_LATEST_FIRST = (
    func.coalesce(cast(LessonVisit.seen_at, Integer), 0).desc(),
    Lesson.position,
    Lesson.created_at,
    Lesson.id,
)
_IS_OPENED = case((Lesson.level_id == _OWN_LEVEL, 0), else_=1)
_UNDONE = (
    select(Lesson.id)
    .outerjoin(LessonVisit, and_(LessonVisit.lesson_id == Lesson.id, LessonVisit.person_id == _ME))
    .where(
        Lesson.published_at.is_not(None),
        _on_level_of(_ME, _OWN_LEVEL),
        ~is_done(_ME),
        or_(Lesson.level_id == _OWN_LEVEL, LessonVisit.lesson_id.is_not(None)),
    )
)
_NEXT = _UNDONE.with_only_columns(Lesson).order_by(*_LATEST_FIRST).limit(1)
_RANKED = _UNDONE.add_columns(
    _IS_OPENED.label("opened"),
    func.row_number().over(partition_by=_IS_OPENED, order_by=_LATEST_FIRST).label("place"),
).subquery()
_NEXT_OF_EACH = (
    select(Lesson)
    .join(_RANKED, _RANKED.c.id == Lesson.id)
    .where(_RANKED.c.place == 1)
    .order_by(_RANKED.c.opened)
)
