"""Alerts: learners who need the attention of a teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, bindparam, exists, func, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from lms.domain.people import logins
from lms.domain.people.directory import has_role
from lms.extensions import UTCDateTime, read_rows
from lms.models import Attempt, Feedback, Person, QueuedAttempt, ReturnedFeedback, Role, Submission

REDO_LONG = timedelta(days=7)
# How long it is shown that a learner has not understood; another return or attempt ends it before.
NOT_UNDERSTOOD_SHOWN = timedelta(days=14)
OF_EACH = 2
_BEFORE, _LIMIT = bindparam("before", type_=UTCDateTime), bindparam("limit", type_=Integer)
# Among as many of one reason there are `OF_EACH` whom no reason before it names.
_ENOUGH = 3 * OF_EACH


@dataclass(frozen=True)
class Alert:
    """A learner who needs attention, and since when.

    `reason`: `first`, the very first submission of the learner waits for feedback; `not_understood`, the
    learner said so of the last feedback to a work, within 14 days; `redo`, a requested redo has not come for
    seven days; `silent`, the learner was not seen for 14 days.
    """

    person_id: str
    name: str
    reason: str
    since: datetime


def _first_attempts() -> Select[*tuple[Any, ...]]:
    return (
        select(Person.id, Person.name, QueuedAttempt.since)
        .join(QueuedAttempt, QueuedAttempt.learner_id == Person.id)
        .where(
            QueuedAttempt.is_first,
            QueuedAttempt.attempt_id.not_in(bindparam("listed", expanding=True)),
            Person.deactivated_at.is_(None),
        )
        .order_by(QueuedAttempt.since)
        .limit(_LIMIT)
    )


def _not_understood() -> Select[*tuple[Any, ...]]:
    later = aliased(Attempt)
    since = func.min(ReturnedFeedback.understood_at)
    return (
        select(Person.id, Person.name, since)
        .select_from(ReturnedFeedback)
        .join(Feedback, Feedback.id == ReturnedFeedback.feedback_id)
        .join(Attempt, Attempt.id == Feedback.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .join(Person, Person.id == Submission.learner_id)
        .where(
            ~ReturnedFeedback.understood,
            ReturnedFeedback.understood_at > _BEFORE,
            ReturnedFeedback.number == Feedback.returns,
            ~exists().where(
                later.submission_id == Submission.id,
                later.number > Attempt.number,
                later.queued_at.is_not(None),
            ),
            Person.deactivated_at.is_(None),
        )
        .group_by(Person.id, Person.name)
        .order_by(since)
        .limit(_LIMIT)
    )


def _redo_waiting() -> Select[*tuple[Any, ...]]:
    return (
        select(Person.id, Person.name, func.min(Submission.redo_since))
        .join(Submission, Submission.learner_id == Person.id)
        .where(Submission.redo_since < _BEFORE, Person.deactivated_at.is_(None))
        .group_by(Person.id, Person.name)
        .order_by(func.min(Submission.redo_since))
        .limit(_LIMIT)
    )


def _inactive() -> Select[*tuple[Any, ...]]:
    def longest(moment: InstrumentedAttribute[Any], *where: ColumnElement[bool]) -> Select[Any]:
        learners = select(Person.id, Person.name, moment.label("since"))
        some = learners.where(has_role(Role.LEARNER), Person.deactivated_at.is_(None), moment < _BEFORE)
        return select(some.where(*where).order_by(moment).limit(_LIMIT).subquery())

    # Apart, because each has its place in an index.
    never, long_ago = longest(Person.created_at, Person.seen_at.is_(None)), longest(Person.seen_at)
    both = union_all(never, long_ago).subquery()
    return select(both).order_by(both.c.since).limit(_LIMIT)


# Built once, because the start page of every teacher runs them.
_ALERTS = (
    ("first", _first_attempts(), timedelta(0)),
    ("not_understood", _not_understood(), NOT_UNDERSTOOD_SHOWN),
    ("redo", _redo_waiting(), REDO_LONG),
    ("silent", _inactive(), logins.SILENCE),
)


def learner_alerts(session: Session, listed: Sequence[str] = (), *, now: datetime) -> list[Alert]:
    """Return learners who need attention, each once, the most urgent reason first. Four statements.

    Of each reason the `OF_EACH` who wait longest, so that no reason hides another. `listed`: ids of the
    attempts that the page shows anyway; they are no reason.
    """
    found: dict[str, Alert] = {}
    for reason, query, length in _ALERTS:
        values = {"limit": _ENOUGH, "before": now - length, "listed": listed}
        rows = [row for row in read_rows(session, query, values) if row[0] not in found]
        for person_id, name, since in rows[:OF_EACH]:
            found[person_id] = Alert(person_id, name, reason, since)
    return list(found.values())
