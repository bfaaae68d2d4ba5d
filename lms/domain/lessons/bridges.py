"""The footbridge: which planks are lit. A plank is a published lesson.

A lesson with clips is done when she watched them all; one without clips when she said that she read
it, which is her visit of a later step. Everything is counted by the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from sqlalchemy import ColumnElement, Exists, Integer, and_, case, cast, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from lms.models import Clip, ClipProgress, Lesson, LessonVisit, OpenedLevel, Person

State = Literal["done", "begun", "new"]
PersonKey = str | InstrumentedAttribute[str]


def is_done(person_id: PersonKey) -> ColumnElement[bool]:
    """Whether this person has done the lesson of the row."""
    watched = exists().where(
        ClipProgress.clip_id == Clip.id,
        ClipProgress.person_id == person_id,
        ClipProgress.watched_at.is_not(None),
    )
    unwatched_clip = exists().where(Clip.lesson_id == Lesson.id, ~watched.correlate(Clip, Person))
    any_clip = exists().where(Clip.lesson_id == Lesson.id)
    read = _visit(person_id).where(LessonVisit.step != "watch")
    here = (Lesson, Person)
    return or_(
        and_(any_clip.correlate(*here), ~unwatched_clip.correlate(*here)),
        and_(~any_clip.correlate(*here), read.correlate(*here)),
    )


def is_begun(person_id: PersonKey) -> ColumnElement[bool]:
    return _visit(person_id).correlate(Lesson, Person)


def state_of(*, done: bool, begun: bool) -> State:
    return "done" if done else "begun" if begun else "new"


def bridges(session: Session, person: Person) -> dict[str, tuple[int, int]]:
    """Level id -> planks lit and in all, for each level she sees that has lessons. One statement."""
    rows = session.execute(
        select(Lesson.level_id, _lit(is_done(person.id)), func.count())
        .where(Lesson.published_at.is_not(None), in_sight(person))
        .group_by(Lesson.level_id)
    )
    return {level_id: (int(done), total) for level_id, done, total in rows}


def class_progress(session: Session, person_ids: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Person id -> planks of her own level, lit and in all. One statement for the whole class."""
    ids = list(person_ids)
    if not ids:
        return {}
    rows = session.execute(
        select(Person.id, _lit(is_done(Person.id)), func.count(Lesson.id))
        .outerjoin(Lesson, and_(Lesson.level_id == Person.level_id, Lesson.published_at.is_not(None)))
        .where(Person.id.in_(ids))
        .group_by(Person.id)
    )
    return {person_id: (int(done), total) for person_id, done, total in rows}


def next_lesson(session: Session, person: Person) -> Lesson | None:
    """The lesson to go on with: begun last and not done, else the first of her level not done."""
    seen = (
        select(cast(LessonVisit.seen_at, Integer))
        .where(LessonVisit.lesson_id == Lesson.id, LessonVisit.person_id == person.id)
        .correlate(Lesson)
        .scalar_subquery()
    )
    return session.scalars(
        select(Lesson)
        .where(
            Lesson.published_at.is_not(None),
            in_sight(person),
            ~is_done(person.id),
            or_(Lesson.level_id == person.level_id, is_begun(person.id)),
        )
        .order_by(func.coalesce(seen, 0).desc(), Lesson.position, Lesson.made_at, Lesson.id)
        .limit(1)
    ).first()


def in_sight(person: Person) -> ColumnElement[bool]:
    """Whether the lesson of the row lies on a level that this learner sees."""
    opened = exists().where(OpenedLevel.person_id == person.id, OpenedLevel.level_id == Lesson.level_id)
    return or_(Lesson.level_id == person.level_id, opened.correlate(Lesson))


def _visit(person_id: PersonKey) -> Exists:
    return exists().where(LessonVisit.lesson_id == Lesson.id, LessonVisit.person_id == person_id)


def _lit(done: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((and_(Lesson.id.is_not(None), done), 1), else_=0)), 0)
