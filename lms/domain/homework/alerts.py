"""Alerts: learners who need the attention of a teacher."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Select, and_, bindparam, exists, func, select
from sqlalchemy.orm import Session, aliased

from lms.extensions import UTCDateTime, read_rows
from lms.models import Attempt, Feedback, Person, PersonRole, QueuedAttempt, Role, Submission

REDO_LONG = timedelta(days=7)
SILENT_LONG = timedelta(days=14)
_BEFORE = bindparam("before", type_=UTCDateTime)


@dataclass(frozen=True)
class Alert:
    """A learner who needs attention, and since when.

    `reason`: `first`, the very first submission of the learner waits for feedback; `redo`, a requested redo
    has not come for seven days; `silent`, the learner was not seen for 14 days.
    """

    person_id: str
    name: str
    reason: str
    since: datetime


def _first_attempts() -> Select[*tuple[Any, ...]]:
    other_submission, other = aliased(Submission), aliased(Attempt)
    earlier = (
        exists()
        .where(
            other.submission_id == other_submission.id,
            other_submission.learner_id == QueuedAttempt.learner_id,
            other.queued_at.is_not(None),
            other.id != QueuedAttempt.attempt_id,
        )
        .correlate(QueuedAttempt)
    )
    return (
        select(Person.id, Person.name, QueuedAttempt.since)
        .join(QueuedAttempt, QueuedAttempt.learner_id == Person.id)
        .where(~QueuedAttempt.is_follow_up, Person.deactivated_at.is_(None), ~earlier)
        .order_by(QueuedAttempt.since)
    )


def _redo_waiting() -> Select[*tuple[Any, ...]]:
    later = aliased(Attempt)
    redone = (
        exists()
        .where(
            later.submission_id == Attempt.submission_id,
            later.number > Attempt.number,
            later.queued_at.is_not(None),
        )
        .correlate(Attempt)
    )
    return (
        select(Person.id, Person.name, func.min(Feedback.returned_at))
        .join(Submission, Submission.learner_id == Person.id)
        .join(Attempt, Attempt.submission_id == Submission.id)
        .join(Feedback, Feedback.attempt_id == Attempt.id)
        .where(
            Feedback.redo_requested,
            Feedback.returned_at < _BEFORE,
            Person.deactivated_at.is_(None),
            ~redone,
        )
        .group_by(Person.id, Person.name)
        .order_by(func.min(Feedback.returned_at))
    )


def _inactive() -> Select[*tuple[Any, ...]]:
    seen = func.coalesce(Person.seen_at, Person.created_at)
    return (
        select(Person.id, Person.name, seen)
        .join(PersonRole, and_(PersonRole.person_id == Person.id, PersonRole.role == Role.LEARNER))
        .where(Person.deactivated_at.is_(None), seen < _BEFORE)
        .order_by(seen)
    )


# Built once, because the start page of every teacher runs them.
_LIMIT = bindparam("limit", type_=Integer)
_ALERTS = (
    ("first", _first_attempts().limit(_LIMIT), timedelta(0)),
    ("redo", _redo_waiting().limit(_LIMIT), REDO_LONG),
    ("silent", _inactive().limit(_LIMIT), SILENT_LONG),
)


def learner_alerts(session: Session, limit: int = 6, *, now: datetime) -> list[Alert]:
    """Return the learners who need attention, each once, the most urgent reason first. Three statements."""
    found: dict[str, Alert] = {}
    for reason, query, length in _ALERTS:
        values = {"limit": limit, "before": now - length}
        for person_id, name, since in read_rows(session, query, values):
            found.setdefault(person_id, Alert(person_id, name, reason, since))
    return list(found.values())[:limit]
