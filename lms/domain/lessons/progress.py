"""The footbridge: which planks are lit. A plank is a published lesson.

A lesson with clips is done when she watched them all; one without clips when she said that she read
it, which is her visit of a later step. Everything is counted by the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

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

State = Literal["done", "begun", "new"]
PersonKey = str | InstrumentedAttribute[str] | BindParameter[str]

# The learner's home asks these of everybody: the statements are built once, not once a page.
_ME: BindParameter[str] = bindparam("me", type_=String)
_OWN_LEVEL: BindParameter[str] = bindparam("own_level", type_=String)


def is_done(person_id: PersonKey) -> ColumnElement[bool]:
    """Return the condition that this person has done the lesson of the row."""
    watched = exists().where(
        ClipProgress.clip_id == Clip.id,
        ClipProgress.person_id == person_id,
        ClipProgress.watched_at.is_not(None),
    )
    unwatched_clip = exists().where(Clip.lesson_id == Lesson.id, ~watched.correlate(Clip, Person))
    any_clip = exists().where(Clip.lesson_id == Lesson.id)
    read = _last_visit(person_id).where(LessonVisit.step != "watch")
    here = (Lesson, Person)
    return or_(
        and_(any_clip.correlate(*here), ~unwatched_clip.correlate(*here)),
        and_(~any_clip.correlate(*here), read.correlate(*here)),
    )


def is_begun(person_id: PersonKey) -> ColumnElement[bool]:
    """Return the condition that this person has opened the lesson of the row."""
    return _last_visit(person_id).correlate(Lesson, Person)


def lesson_state(*, done: bool, begun: bool) -> State:
    """Return the state of a lesson for one person."""
    return "done" if done else "begun" if begun else "new"


def progress_by_level(session: Session, person: Person) -> dict[str, tuple[int, int]]:
    """Level id -> planks lit and in all, for each level she sees that has lessons. One statement."""
    rows = session.execute(_BRIDGES, _person_key(person))
    return {level_id: (int(done), total) for level_id, done, total in rows}


def class_progress(session: Session, person_ids: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Person id -> planks of her own level, lit and in all. One statement for the whole class."""
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
    """The lesson to go on with: begun last and not done, else the first of her level not done."""
    return session.scalars(_NEXT, _person_key(person)).first()


def is_visible_to(person: Person) -> ColumnElement[bool]:
    """Return the condition that the lesson of the row is on a level that this learner sees."""
    return _seen_by(person.id, person.level_id)


def _seen_by(
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


_BRIDGES = (
    select(Lesson.level_id, _done_and_all(is_done(_ME)), func.count())
    .where(Lesson.published_at.is_not(None), _seen_by(_ME, _OWN_LEVEL))
    .group_by(Lesson.level_id)
)
_NEXT = (
    select(Lesson)
    .outerjoin(LessonVisit, and_(LessonVisit.lesson_id == Lesson.id, LessonVisit.person_id == _ME))
    .where(
        Lesson.published_at.is_not(None),
        _seen_by(_ME, _OWN_LEVEL),
        ~is_done(_ME),
        or_(Lesson.level_id == _OWN_LEVEL, LessonVisit.lesson_id.is_not(None)),
    )
    .order_by(
        func.coalesce(cast(LessonVisit.seen_at, Integer), 0).desc(),
        Lesson.position,
        Lesson.made_at,
        Lesson.id,
    )
    .limit(1)
)
