"""The queue of attempts that wait for feedback: the rows of `queued_attempt` (ADR 32)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Integer,
    Select,
    String,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session, aliased

from lms.domain.people.directory import LevelCount
from lms.extensions import UTCDateTime, read_rows
from lms.models import (
    Assignment,
    Attempt,
    Feedback,
    Lesson,
    Level,
    Person,
    QueuedAttempt,
    Submission,
)

PAGE = 20
# How long an open copy counts as open; its page says so again in half the time.
VIEWED = timedelta(minutes=1)


class QueueState(StrEnum):
    """Which attempts of the queue a teacher looks at: those sent first, those sent again, the own drafts."""

    NEW = "new"
    FOLLOW_UP = "follow_up"
    DRAFT = "draft"


@dataclass(frozen=True)
class WaitingAttempt:
    """An attempt in the queue: sent, its files ready, and without returned feedback."""

    attempt_id: str
    sent_at: datetime
    is_follow_up: bool
    learner_id: str
    learner: str
    lesson: str
    level: str
    holder_id: str | None  # the teacher who has a feedback draft for it
    holder: str | None


@dataclass(frozen=True)
class QueuePage:
    """A page of the queue, and how many attempts stand before it.

    `before`, `after`: the attempt at which the page before or after it ends.
    """

    attempts: list[WaitingAttempt]
    begin: int = 0
    before: str | None = None
    after: str | None = None


# The columns of the table that follow from others; who looks at an attempt follows from nothing.
FACTS = ("attempt_id", "since", "level_id", "learner_id", "is_follow_up", "is_first")

_Other, _OtherWork = aliased(Attempt), aliased(Submission)
_IS_ONE_OF_SEVERAL = (
    exists()
    .where(
        _OtherWork.learner_id == Submission.learner_id,
        _Other.submission_id == _OtherWork.id,
        _Other.queued_at.is_not(None),
        _Other.id != Attempt.id,
    )
    .correlate(Attempt, Submission)
)


def select_rows() -> Select[*tuple[Any, ...]]:
    """Select `FACTS` of rows of the queue, as they follow from attempt, feedback, submission and lesson."""
    return (
        select(
            Attempt.id,
            func.coalesce(Feedback.reopened_at, Attempt.sent_at),
            Lesson.level_id,
            Submission.learner_id,
            (Attempt.number > 1).label("is_follow_up"),
            and_(~_IS_ONE_OF_SEVERAL, Feedback.reopened_at.is_(None)).label("is_first"),
        )
        .select_from(Attempt)
        .outerjoin(Feedback, Feedback.attempt_id == Attempt.id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Lesson, Lesson.id == Assignment.lesson_id)
    )


# All statements of this module are built once.
_TABLE = QueuedAttempt.metadata.tables["queued_attempt"]
_ADD = insert(_TABLE).from_select(
    list(FACTS), select_rows().where(Attempt.id == bindparam("attempt", type_=String))
)

_ADDED = aliased(QueuedAttempt)
_LEARNER = select(_ADDED.learner_id).where(_ADDED.attempt_id == bindparam("attempt")).scalar_subquery()
_NO_MORE_FIRST = (
    update(_TABLE)
    .where(
        _TABLE.c.learner_id == _LEARNER,
        _TABLE.c.attempt_id != bindparam("attempt", type_=String),
        _TABLE.c.is_first,
    )
    .values(is_first=False)
)


def add_attempt(session: Session, attempt: Attempt, *, now: datetime) -> None:
    """Show a sent attempt to the team: it comes into the queue, at the place of the moment it was sent."""
    attempt.queued_at = now
    session.flush()
    session.execute(_ADD, {"attempt": attempt.id})
    session.execute(_NO_MORE_FIRST, {"attempt": attempt.id})
    if attempt.number > 1:
        session.execute(
            update(Submission).where(Submission.id == attempt.submission_id).values(redo_since=None)
        )


def put_back(session: Session, attempt: Attempt) -> None:
    """Put an attempt whose returned feedback is opened again at the end of the queue."""
    session.execute(_ADD, {"attempt": attempt.id})


def remove_attempt(session: Session, attempt: Attempt) -> None:
    """Take an attempt out of the queue: its feedback is returned."""
    session.execute(delete(QueuedAttempt).where(QueuedAttempt.attempt_id == attempt.id))


def rebuild_rows(session: Session, learner_id: str) -> None:
    """Write the rows of a learner's attempts anew: one of them now waits for another learner."""
    waiting = list(
        session.scalars(select(QueuedAttempt.attempt_id).where(QueuedAttempt.learner_id == learner_id))
    )
    session.execute(delete(QueuedAttempt).where(QueuedAttempt.attempt_id.in_(waiting)))
    session.execute(insert(_TABLE).from_select(list(FACTS), select_rows().where(Attempt.id.in_(waiting))))


_Holder = aliased(Person, name="holder")
_FORWARD = (QueuedAttempt.since, QueuedAttempt.attempt_id)
_BACKWARD = (QueuedAttempt.since.desc(), QueuedAttempt.attempt_id.desc())
_AT = bindparam("at", type_=String)
_Waiting = aliased(QueuedAttempt)
# The place of an attempt, whether it waits or not.
_PLACE = tuple_(
    func.coalesce(
        select(_Waiting.since).where(_Waiting.attempt_id == _AT).scalar_subquery(),
        select(Attempt.sent_at).where(Attempt.id == _AT).scalar_subquery(),
    ),
    _AT,
)
BEFORE, AFTER = tuple_(*_FORWARD) < _PLACE, tuple_(*_FORWARD) > _PLACE
_OF_LEVEL = QueuedAttempt.level_id == bindparam("level", type_=String)


def select_page(*where: Any, backward: bool = False) -> Select[*tuple[Any, ...]]:
    """Select rows of `WaitingAttempt`: `limit` of those that fulfil the conditions on `queued_attempt`."""
    some = (
        select(QueuedAttempt)
        .where(*where)
        .order_by(*(_BACKWARD if backward else _FORWARD))
        .limit(bindparam("limit", type_=Integer))
        .subquery()  # chosen before anything is joined, whatever the planner thinks of the other tables
    )
    return (
        select(
            some.c.attempt_id,
            some.c.since,
            some.c.is_follow_up,
            some.c.learner_id,
            Person.name,
            Lesson.title,
            Level.name,
            _Holder.id,
            _Holder.short_name,
        )
        .select_from(some)
        .join(Person, Person.id == some.c.learner_id)
        .join(Level, Level.id == some.c.level_id)
        .join(Attempt, Attempt.id == some.c.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Lesson, Lesson.id == Assignment.lesson_id)
        .outerjoin(Feedback, Feedback.attempt_id == some.c.attempt_id)
        .outerjoin(_Holder, _Holder.id == Feedback.teacher_id)
        .order_by(some.c.since, some.c.attempt_id)
    )


_Viewed = aliased(QueuedAttempt)
# The colleague who has the attempt `at` open.
VIEWER = (
    select(Person.short_name)
    .join(_Viewed, _Viewed.viewer_id == Person.id)
    .where(
        _Viewed.attempt_id == _AT,
        _Viewed.viewer_id != bindparam("teacher", type_=String),
        _Viewed.viewed_until > bindparam("now", type_=UTCDateTime),
    )
    .scalar_subquery()
)


def _select_place(*where: Any) -> Select[*tuple[Any, ...]]:
    waiting = select(QueuedAttempt.attempt_id).where(*where).limit(1)
    number = select(func.count()).select_from(QueuedAttempt).where(*where)
    current = aliased(QueuedAttempt)
    return select(
        waiting.where(BEFORE).order_by(*_BACKWARD).scalar_subquery(),
        waiting.where(AFTER).order_by(*_FORWARD).scalar_subquery(),
        waiting.where(QueuedAttempt.attempt_id != _AT).order_by(*_FORWARD).scalar_subquery(),
        number.where(BEFORE).scalar_subquery() + 1,
        number.scalar_subquery(),
        exists().where(current.attempt_id == _AT),
        VIEWER,
    )


_STATES: dict[QueueState | None, tuple[Any, ...]] = {
    None: (),
    QueueState.NEW: (~QueuedAttempt.is_follow_up,),
    QueueState.FOLLOW_UP: (QueuedAttempt.is_follow_up,),
    QueueState.DRAFT: (
        exists().where(
            Feedback.attempt_id == QueuedAttempt.attempt_id,
            Feedback.teacher_id == bindparam("teacher", type_=String),
        ),
    ),
}
# By whether the queue is that of one level, and by the state that is looked at.
LIMITS = {
    (by_level, state): (*where, *((_OF_LEVEL,) if by_level else ()))
    for by_level in (False, True)
    for state, where in _STATES.items()
}
_FIRST = {key: select_page(*where) for key, where in LIMITS.items()}
_NEXT = {key: select_page(*where, AFTER) for key, where in LIMITS.items()}
_LAST = {key: select_page(*where, BEFORE, backward=True) for key, where in LIMITS.items()}
_EARLIER = {
    key: select(func.count()).select_from(QueuedAttempt).where(*where, BEFORE)
    for key, where in LIMITS.items()
}
_PLACES = {by_level: _select_place(*LIMITS[by_level, None]) for by_level in (False, True)}
_COUNTS = {
    state: select(Level.id, Level.name, func.count(QueuedAttempt.attempt_id))
    .outerjoin(QueuedAttempt, and_(QueuedAttempt.level_id == Level.id, *where))
    .group_by(Level.id)
    .order_by(Level.position)
    for state, where in _STATES.items()
}


def list_queue(session: Session, level_id: str | None = None, limit: int = PAGE) -> list[WaitingAttempt]:
    """Return the first of the queue, the oldest first, of one level or (None) of all; one statement."""
    values = {"limit": limit, "level": level_id}
    return _list(session, _FIRST[level_id is not None, None], values)


def queue_page(
    session: Session,
    actor: Person,
    level_id: str | None = None,
    state: QueueState | None = None,
    *,
    before: str | None = None,
    after: str | None = None,
) -> QueuePage:
    """Return the page that ends before an attempt or begins after one, else the first.

    The attempt need not wait any more. Where nothing waits beyond it, the first page. At most two statements,
    three where it is the first page after all.
    """
    which = level_id is not None, state
    values = {"limit": PAGE + 1, "level": level_id, "teacher": actor.id, "at": before or after}
    if before:
        found = _list(session, _LAST[which], values)
        shown, has_earlier, has_later = found[-PAGE:], len(found) > PAGE, True
    else:
        found = _list(session, (_NEXT if after else _FIRST)[which], values)
        shown, has_earlier, has_later = found[:PAGE], after is not None, len(found) > PAGE
    if not found and (before or after):
        return queue_page(session, actor, level_id, state)
    begin = 0
    if has_earlier:
        begin = read_rows(session, _EARLIER[which], {**values, "at": shown[0].attempt_id})[0][0]
    return QueuePage(
        shown,
        begin,
        before=shown[0].attempt_id if has_earlier else None,
        after=shown[-1].attempt_id if has_later else None,
    )


@dataclass(frozen=True)
class QueuePlace:
    """Where an attempt stands in the queue of a level, or of all, and who looks at it.

    `before`, `after`: the attempts beside it; `first`: the oldest other one. `number`: its own, from 1 on;
    also for one that does not wait any more, where it would stand. `viewer`: a colleague who has it open.
    """

    before: str | None
    after: str | None
    first: str | None
    number: int
    total: int
    is_waiting: bool
    viewer: str | None

    @property
    def following(self) -> str | None:
        """Return the attempt after this one, the oldest one after the last; None when no other waits."""
        return self.after or self.first


def find_place(
    session: Session, actor: Person, attempt: Attempt, level_id: str | None = None, *, now: datetime
) -> QueuePlace:
    """Return the place of an attempt in the queue, from any attempt; one statement."""
    values = {"at": attempt.id, "level": level_id, "teacher": actor.id, "now": now}
    return QueuePlace(*read_rows(session, _PLACES[level_id is not None], values)[0])


def record_viewer(session: Session, actor: Person, attempt: Attempt, *, now: datetime) -> None:
    """Record that the actor has a waiting attempt open, for the next `VIEWED`; nobody is kept from it."""
    session.execute(
        update(QueuedAttempt)
        .where(QueuedAttempt.attempt_id == attempt.id)
        .values(viewer_id=actor.id, viewed_until=now + VIEWED)
    )


def counts_by_level(
    session: Session, actor: Person | None = None, state: QueueState | None = None
) -> list[LevelCount]:
    """Return every level in its order with the length of its queue; one statement.

    `actor`: whose drafts the state `draft` means.
    """
    values = {"teacher": actor and actor.id}
    return [LevelCount(*row) for row in read_rows(session, _COUNTS[state], values)]


def _list(
    session: Session, query: Select[*tuple[Any, ...]], values: Mapping[str, object]
) -> list[WaitingAttempt]:
    return [WaitingAttempt(*row) for row in read_rows(session, query, values)]
