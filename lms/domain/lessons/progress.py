"""Progress of learners, which the pages show as a bridge: one plank a published lesson, lit when it is done.

A lesson with clips is done when the learner has watched all of them. A lesson without clips is done when the
learner has gone on to a later step. The database does the counting.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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

from lms.extensions import read_rows
from lms.models import Clip, ClipProgress, Lesson, LessonVisit, OpenedLevel, Person

PersonKey = str | InstrumentedAttribute[str] | BindParameter[str]

# Bound parameters: these statements are built once, because every visit of a learner's home runs them.
ME: BindParameter[str] = bindparam("me", type_=String)
OWN_LEVEL: BindParameter[str] = bindparam("own_level", type_=String)


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
    rows = read_rows(session, _BY_LEVEL, person_key(person))
    return {level_id: (int(done), total) for level_id, done, total in rows}


def class_progress(session: Session, person_ids: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return the numbers of lessons done and in all of each own level, by person id, in one statement."""
    ids = list(person_ids)
    if not ids:
        return {}
    rows = read_rows(session, _OF_CLASS, {"ids": ids})
    return {person_id: (int(done), total) for person_id, done, total in rows}


def next_lesson(session: Session, person: Person) -> Lesson | None:
    """Return the lesson to continue with; None when every lesson is done.

    That is the unfinished lesson visited last, else the first unfinished one of the learner's own level.
    """
    return session.scalars(_NEXT, person_key(person)).first()


@dataclass(frozen=True)
class LessonTitle:
    """Columns of a lesson that a card of the start page shows."""

    id: str
    title: str


@dataclass(frozen=True)
class LessonsAhead:
    """Lessons on the start page: the next ones, how many of the own level are done and in all.

    `own`: of the person's own level the lesson begun last and not done, else the first not done.
    `opened`: of the levels opened in addition the one begun last and not done.
    """

    own: LessonTitle | None
    opened: LessonTitle | None
    done: int
    total: int


def lessons_ahead(session: Session, person: Person) -> LessonsAhead:
    """Return what the start page shows of the lessons, in one statement."""
    own = opened = None
    done = total = 0
    for lesson_id, title, level_id, is_finished, is_begun in read_rows(
        session, _START_PAGE, person_key(person)
    ):
        is_own = level_id == person.level_id
        total += is_own
        done += is_own and is_finished
        if is_own and not is_finished:
            own = own or LessonTitle(lesson_id, title)
        elif is_begun and not is_finished:
            opened = opened or LessonTitle(lesson_id, title)
    return LessonsAhead(own, opened, done, total)


def is_visible_to(person: Person) -> ColumnElement[bool]:
    """Return the SQL condition that the lesson of the row is on a level that this learner sees."""
    return on_level_of(person.id, person.level_id)


def on_level_of(
    person_id: str | BindParameter[str], level_id: str | BindParameter[str] | None
) -> ColumnElement[bool]:
    """Return the SQL condition that the lesson of the row is on this level or one opened for this person."""
    opened = exists().where(OpenedLevel.person_id == person_id, OpenedLevel.level_id == Lesson.level_id)
    return or_(Lesson.level_id == level_id, opened.correlate(Lesson))


def person_key(person: Person) -> dict[str, str | None]:
    """Return the values of `ME` and `OWN_LEVEL`."""
    return {"me": person.id, "own_level": person.level_id}


def _last_visit(person_id: PersonKey) -> Exists:
    return exists().where(LessonVisit.lesson_id == Lesson.id, LessonVisit.person_id == person_id)


def _done_and_all(done: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((and_(Lesson.id.is_not(None), done), 1), else_=0)), 0)


_BY_LEVEL = (
    select(Lesson.level_id, _done_and_all(is_done(ME)), func.count())
    .where(Lesson.published_at.is_not(None), on_level_of(ME, OWN_LEVEL))
    .group_by(Lesson.level_id)
)
_OF_CLASS = (
    select(Person.id, _done_and_all(is_done(Person.id)), func.count(Lesson.id))
    .outerjoin(Lesson, and_(Lesson.level_id == Person.level_id, Lesson.published_at.is_not(None)))
    .where(Person.id.in_(bindparam("ids", expanding=True)))
    .group_by(Person.id)
)
_LATEST_FIRST = (
    func.coalesce(cast(LessonVisit.seen_at, Integer), 0).desc(),
    Lesson.position,
    Lesson.created_at,
    Lesson.id,
)
_OF_PERSON = (
    select(Lesson)
    .outerjoin(LessonVisit, and_(LessonVisit.lesson_id == Lesson.id, LessonVisit.person_id == ME))
    .where(Lesson.published_at.is_not(None), on_level_of(ME, OWN_LEVEL))
    .order_by(*_LATEST_FIRST)
)
_NEXT = _OF_PERSON.where(
    ~is_done(ME), or_(Lesson.level_id == OWN_LEVEL, LessonVisit.lesson_id.is_not(None))
).limit(1)
_START_PAGE = _OF_PERSON.with_only_columns(
    Lesson.id, Lesson.title, Lesson.level_id, is_done(ME), LessonVisit.lesson_id.is_not(None)
)
