"""Lists of copies beside the queue: what was returned, what is asked for again, and the search in all three.

What waits is a table of its own (ADR 32), so that a search reads no more than what waits. What was returned
grows with the years: each page is found by the index of the moment, and a search reads the copies of the
learners that it names by their index, or else `WINDOW` copies at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, String, and_, bindparam, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from lms.domain.homework import correction, queue
from lms.domain.homework.queue import QueueState, WaitingAttempt
from lms.domain.people.directory import has_role
from lms.extensions import UTCDateTime, read_rows
from lms.models import (
    Assignment,
    Attempt,
    Feedback,
    Lesson,
    Level,
    Person,
    QueuedAttempt,
    ReturnedFeedback,
    Role,
    Submission,
)
from lms.normal_forms import name_key

PAGE = queue.PAGE
# How many returned copies one page of a search reads.
WINDOW = 2000
# A search that names at most so many learners, and no lesson, reads the copies of these learners.
_FEW = 20
_WORDS = 5


class CopyList(StrEnum):
    """Which copies a list shows: those that wait, those asked for again, or those that were returned."""

    WAITING = "waiting"
    REDO = "redo"
    RETURNED = "returned"


@dataclass(frozen=True)
class CopySearch:
    """A search by learner and lesson: each of its words stands in the name or in the title.

    `lesson_ids`: the lessons that have the word in their title, by word. `learner_ids`: the learners that are
    meant, when they are few and no lesson is; else None.
    """

    lesson_ids: dict[str, list[str]] = field(default_factory=dict)
    learner_ids: Sequence[str] | None = None


@dataclass(frozen=True)
class ReturnedCopy:
    """A copy with its last return. `at`: its place in the list; `mail`: see `correction.mail_outcomes`."""

    attempt_id: str
    at: datetime
    number: int
    learner_id: str
    learner: str
    lesson: str
    level: str
    returned_id: str
    returned_at: datetime
    teacher: str
    redo: bool
    mail: str = ""


@dataclass(frozen=True)
class CopyPage:
    """A page of a list. `before`, `after`: the copies at which the pages beside it end and begin.

    `is_partial`: the search has read `WINDOW` copies and goes on from `after`.
    """

    copies: Sequence[WaitingAttempt | ReturnedCopy]
    before: str | None = None
    after: str | None = None
    is_partial: bool = False


def read_search(session: Session, text: str) -> CopySearch | None:
    """Return what a typed text looks for, without case and accents; None without a word. Two statements."""
    words = name_key(text).split()[:_WORDS]
    if not words:
        return None
    titles = [(row.id, name_key(row.title)) for row in read_rows(session, _TITLES, {})]
    lesson_ids = {word: [each for each, title in titles if word in title] for word in words}
    named = (Person.name_key.contains(word, autoescape=True) for word in words)
    query = select(Person.id).where(has_role(Role.LEARNER), *named).order_by(Person.name_key).limit(_FEW + 1)
    learners = [row[0] for row in read_rows(session, query, {})]
    few = len(learners) <= _FEW and not any(lesson_ids.values())
    return CopySearch(lesson_ids, learners if few else None)


_TITLES = select(Lesson.id, Lesson.title)


def waiting_page(
    session: Session,
    actor: Person,
    search: CopySearch,
    level_id: str | None = None,
    state: QueueState | None = None,
    *,
    before: str | None = None,
    after: str | None = None,
    limit: int = PAGE,
) -> CopyPage:
    """Return a page of what waits and fits the search, the oldest first; one statement."""
    where = (*queue.LIMITS[level_id is not None, state], _waits_for(search))
    if before or after:
        where = (*where, queue.BEFORE if before else queue.AFTER)
    values = {"limit": limit + 1, "level": level_id, "teacher": actor.id, "at": before or after}
    rows = read_rows(session, queue.select_page(*where, backward=before is not None), values)
    found = [WaitingAttempt(*row) for row in rows]
    return _page(found, before, after, limit)


def returned_page(
    session: Session,
    which: CopyList,
    search: CopySearch | None = None,
    level_id: str | None = None,
    *,
    before: str | None = None,
    after: str | None = None,
    limit: int = PAGE,
) -> CopyPage:
    """Return a page of what was returned, the newest first, or is asked for again, the oldest first.

    At most three statements.
    """
    place = read_rows(session, _KEYS[which], {"at": before or after}) if before or after else []
    if not place:
        before = after = None
    at, key = place[0] if place else (_BEGINNINGS[which], "")
    values = {"at": at, "key": key, "limit": limit + 1, "level": level_id}
    is_backward = before is not None
    is_whole = _is_whole(search, level_id)
    rows = _select_rows(which, search, is_backward=is_backward)
    some = rows.limit(limit + 1 if is_whole else WINDOW)
    is_descending = (which == CopyList.RETURNED) != is_backward
    query = _select_returned(some, search, level_id, is_descending=is_descending)
    found = [ReturnedCopy(*row) for row in read_rows(session, query, values)]
    if is_backward:
        found.reverse()
    page = _page(found, before, after, limit)
    if page.after is None and not is_whole:
        last = read_rows(session, _select_rows(which, search).limit(1).offset(WINDOW - 1), values)
        page = CopyPage(page.copies, page.before, last[0][0] if last else None, is_partial=bool(last))
    return page


def with_mails(session: Session, copies: Sequence[ReturnedCopy]) -> list[ReturnedCopy]:
    """Return the copies with what became of their mails; one statement."""
    outcomes = correction.mail_outcomes(session, [each.returned_id for each in copies])
    return [replace(each, mail=outcomes.get(each.returned_id, "")) for each in copies]


def find_beside(
    session: Session,
    actor: Person,
    which: CopyList,
    attempt_id: str,
    search: CopySearch | None = None,
    level_id: str | None = None,
    *,
    now: datetime,
) -> tuple[str | None, str | None, str | None]:
    """Return the copies before and after one in a list or in a search, and who has it open; one statement."""
    before, after = (
        _select_beside(which, search, level_id, is_backward=is_backward).scalar_subquery()
        for is_backward in (True, False)
    )
    values = {"at": attempt_id, "level": level_id, "teacher": actor.id, "now": now, "limit": 1}
    found = read_rows(session, select(before, after, queue.VIEWER), values)[0]
    return found[0], found[1], found[2]


def _page(
    found: Sequence[WaitingAttempt | ReturnedCopy], before: str | None, after: str | None, limit: int
) -> CopyPage:
    """Cut a page out of rows of which one more was read than are shown."""
    if not found:
        return CopyPage([])
    shown = found[-limit:] if before else found[:limit]
    is_longer = len(found) > limit
    has_earlier = is_longer if before else after is not None
    has_later = before is not None or is_longer
    return CopyPage(
        shown,
        before=shown[0].attempt_id if has_earlier else None,
        after=shown[-1].attempt_id if has_later else None,
    )


def _waits_for(search: CopySearch) -> ColumnElement[bool]:
    if search.learner_ids is not None:
        return QueuedAttempt.learner_id.in_(search.learner_ids)
    person, attempt = aliased(Person), aliased(Attempt)
    work, task = aliased(Submission), aliased(Assignment)
    lesson_of = (
        select(task.lesson_id)
        .join(work, work.assignment_id == task.id)
        .join(attempt, attempt.submission_id == work.id)
        .where(attempt.id == QueuedAttempt.attempt_id)
        .correlate(QueuedAttempt)
        .scalar_subquery()
    )
    name = select(person.name_key).where(person.id == QueuedAttempt.learner_id).scalar_subquery()
    return and_(
        *(
            or_(name.contains(word, autoescape=True), lesson_of.in_(ids))
            for word, ids in search.lesson_ids.items()
        )
    )


# What stands before every copy of the list.
_BEGINNINGS = {
    CopyList.REDO: datetime(1970, 1, 1, tzinfo=UTC),
    CopyList.RETURNED: datetime(9000, 1, 1, tzinfo=UTC),
}
_PLACE = tuple_(bindparam("at", type_=UTCDateTime), bindparam("key", type_=String))
_AT = bindparam("at", type_=String)
_LastAttempt = aliased(Attempt)
_LAST_ATTEMPT = (
    select(_LastAttempt.id)
    .where(_LastAttempt.submission_id == Submission.id, _LastAttempt.queued_at.is_not(None))
    .order_by(_LastAttempt.number.desc())
    .limit(1)
    .correlate(Submission)
    .scalar_subquery()
)
_IS_LAST = and_(Feedback.id == ReturnedFeedback.feedback_id, Feedback.returns == ReturnedFeedback.number)
# The rows of each list with their order: attempt, moment, key.
_ROWS: dict[CopyList, Select[*tuple[Any, ...]]] = {
    CopyList.REDO: select(
        _LAST_ATTEMPT.label("attempt_id"), Submission.redo_since.label("at"), Submission.id.label("key")
    ).where(Submission.redo_since.is_not(None)),
    CopyList.RETURNED: select(
        Feedback.attempt_id, ReturnedFeedback.returned_at.label("at"), ReturnedFeedback.id.label("key")
    ).join(Feedback, _IS_LAST),
}
_ORDER = {
    CopyList.REDO: (Submission.redo_since, Submission.id),
    CopyList.RETURNED: (ReturnedFeedback.returned_at, ReturnedFeedback.id),
}
# The place of a copy, also of one that has left the list.
_KEYS = {
    which: select(at, key)
    .select_from(Attempt)
    .join(Submission, Submission.id == Attempt.submission_id)
    .join(Feedback, Feedback.attempt_id == Attempt.id)
    .join(ReturnedFeedback, _IS_LAST)
    .where(Attempt.id == _AT)
    for which, at, key in (
        (CopyList.REDO, ReturnedFeedback.returned_at, Submission.id),
        (CopyList.RETURNED, ReturnedFeedback.returned_at, ReturnedFeedback.id),
    )
}


def _is_whole(search: CopySearch | None, level_id: str | None) -> bool:
    """Return whether every row of a list that is read is shown: nothing is left to filter."""
    return level_id is None and (search is None or search.learner_ids is not None)


def _select_rows(
    which: CopyList,
    search: CopySearch | None,
    *,
    place: ColumnElement[Any] = _PLACE,
    is_backward: bool = False,
) -> Select[*tuple[Any, ...]]:
    """Select the rows of a list that come after a place, or before it, the nearest first."""
    order, rows = _ORDER[which], _ROWS[which]
    is_descending = (which == CopyList.RETURNED) != is_backward
    beyond = tuple_(*order) < place if is_descending else tuple_(*order) > place
    if search is not None and search.learner_ids is not None:
        if which == CopyList.RETURNED:
            rows = rows.join(Attempt, Attempt.id == Feedback.attempt_id)
            rows = rows.join(Submission, Submission.id == Attempt.submission_id)
        rows = rows.where(Submission.learner_id.in_(search.learner_ids))
    return rows.where(beyond).order_by(*(column.desc() if is_descending else column for column in order))


def _select_returned(
    rows: Select[*tuple[Any, ...]], search: CopySearch | None, level_id: str | None, *, is_descending: bool
) -> Select[*tuple[Any, ...]]:
    """Select `ReturnedCopy` of rows that are chosen before anything is joined."""
    some = rows.subquery()
    query = (
        select(
            Attempt.id,
            some.c.at,
            Attempt.number,
            Person.id,
            Person.name,
            Lesson.title,
            Level.name,
            ReturnedFeedback.id,
            ReturnedFeedback.returned_at,
            _Teacher.short_name,
            ReturnedFeedback.redo,
        )
        .select_from(some)
        .join(Attempt, Attempt.id == some.c.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .join(Person, Person.id == Submission.learner_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Lesson, Lesson.id == Assignment.lesson_id)
        .join(Level, Level.id == Lesson.level_id)
        .join(Feedback, Feedback.attempt_id == Attempt.id)
        .join(ReturnedFeedback, _IS_LAST)
        .join(_Teacher, _Teacher.id == ReturnedFeedback.teacher_id)
        .order_by(*((some.c.at.desc(), some.c.key.desc()) if is_descending else (some.c.at, some.c.key)))
        .limit(bindparam("limit", type_=Integer))
    )
    if level_id is not None:
        query = query.where(Lesson.level_id == bindparam("level", type_=String))
    if search is not None and search.learner_ids is None:
        query = query.where(
            *(
                or_(Person.name_key.contains(word, autoescape=True), Lesson.id.in_(ids))
                for word, ids in search.lesson_ids.items()
            )
        )
    return query


def _select_beside(
    which: CopyList, search: CopySearch | None, level_id: str | None, *, is_backward: bool
) -> Select[*tuple[Any, ...]]:
    """Select the id of the copy before or after that of the address."""
    if which == CopyList.WAITING:
        order = (QueuedAttempt.since, QueuedAttempt.attempt_id)
        return (
            select(QueuedAttempt.attempt_id)
            .where(
                *queue.LIMITS[level_id is not None, None],
                queue.BEFORE if is_backward else queue.AFTER,
                _waits_for(search or CopySearch()),
            )
            .order_by(*(column.desc() if is_backward else column for column in order))
            .limit(1)
            .correlate(None)
        )
    columns = list(_KEYS[which].selected_columns)
    place = tuple_(
        *(_KEYS[which].with_only_columns(each).correlate(None).scalar_subquery() for each in columns)
    )
    rows = _select_rows(which, search, place=place, is_backward=is_backward)
    is_descending = (which == CopyList.RETURNED) != is_backward
    found = _select_returned(
        rows.limit(1 if _is_whole(search, level_id) else WINDOW),
        search,
        level_id,
        is_descending=is_descending,
    )
    return found.with_only_columns(Attempt.id).correlate(None)


_Teacher = aliased(Person, name="teacher")
