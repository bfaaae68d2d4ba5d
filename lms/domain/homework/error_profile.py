"""The error profile: which codes stand in the last returns of a learner, and in those of a level (ADR 42)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, String, and_, bindparam, func, select
from sqlalchemy.orm import Session

from lms.extensions import UTCDateTime, read_rows
from lms.models import (
    Assignment,
    Attempt,
    ErrorCount,
    Feedback,
    Lesson,
    Level,
    MarkCode,
    ReturnedFeedback,
    Submission,
)

LAST = 10
# A level is looked at over so long.
RECENT = timedelta(days=30)
_TRENDS_FROM = 4  # returns: fewer show no trend


class Trend(StrEnum):
    """How often a code stands in the newer half of the returns, against the older half."""

    LESS = "less"
    SAME = "same"
    MORE = "more"


@dataclass(frozen=True)
class CodeCount:
    """A code and how often it stands there. `trend`: None where there is too little to compare."""

    code: MarkCode
    number: int
    trend: Trend | None = None


@dataclass(frozen=True)
class ErrorProfile:
    """The codes of the last `returns` copies of a learner at a level, the most frequent first.

    `good`: how often something was marked as good.
    """

    level_id: str
    level: str
    returns: int
    good: int
    errors: Sequence[CodeCount]


def count_errors(session: Session, returned: ReturnedFeedback, learner_id: str, level_id: str) -> None:
    """Count the codes of a return; they go with it when it is taken back."""
    codes = Counter(mark["code"] for mark in returned.marks if mark["code"])
    session.add_all(
        ErrorCount(
            returned_feedback_id=returned.id,
            code=MarkCode(code),
            learner_id=learner_id,
            level_id=level_id,
            number=number,
        )
        for code, number in codes.items()
    )
    session.flush()


def profiles_of_learner(session: Session, learner_id: str) -> list[ErrorProfile]:
    """Return the profile of each level at which marks were returned, in their order; one statement.

    Of feedback that was returned several times, the last return counts.
    """
    levels: dict[str, tuple[str, dict[str, Counter[MarkCode]]]] = {}
    for level_id, level, returned_id, code, number in read_rows(
        session, _OF_LEARNER, {"learner": learner_id}
    ):
        _name, returns = levels.setdefault(level_id, (level, {}))
        counts = returns.setdefault(returned_id, Counter())
        if code is not None:
            counts[code] += number
    profiles = [
        _profile(level_id, name, list(returns.values())) for level_id, (name, returns) in levels.items()
    ]
    return [profile for profile in profiles if profile.errors or profile.good]


def errors_of_levels(session: Session, *, now: datetime) -> dict[str, list[CodeCount]]:
    """Return by id of a level the codes of the last `RECENT`, the most frequent first; one statement.

    It reads the returns of that time, by their index.
    """
    found: dict[str, list[CodeCount]] = defaultdict(list)
    for level_id, code, number in read_rows(session, _OF_LEVELS, {"since": now - RECENT}):
        found[level_id].append(CodeCount(code, number))
    return dict(found)


def _profile(level_id: str, name: str, newest_first: list[Counter[MarkCode]]) -> ErrorProfile:
    whole = sum(newest_first, Counter[MarkCode]())
    half = len(newest_first) // 2
    newer = sum(newest_first[:half], Counter[MarkCode]())
    older = sum(newest_first[len(newest_first) - half :], Counter[MarkCode]())
    has_trend = len(newest_first) >= _TRENDS_FROM
    return ErrorProfile(
        level_id,
        name,
        returns=len(newest_first),
        good=whole.pop(MarkCode.GOOD, 0),
        errors=[
            CodeCount(code, number, _trend(newer[code], older[code]) if has_trend else None)
            for code, number in sorted(whole.items(), key=lambda item: (-item[1], item[0]))
        ],
    )


def _trend(newer: int, older: int) -> Trend:
    if newer == older:
        return Trend.SAME
    return Trend.MORE if newer > older else Trend.LESS


_IS_LAST = and_(Feedback.id == ReturnedFeedback.feedback_id, Feedback.returns == ReturnedFeedback.number)


def _select_of_learner() -> Select[*tuple[Any, ...]]:
    place = func.row_number().over(
        partition_by=Lesson.level_id,
        order_by=(ReturnedFeedback.returned_at.desc(), ReturnedFeedback.id.desc()),
    )
    own = (
        select(ReturnedFeedback.id, Lesson.level_id, place.label("place"))
        .select_from(Submission)
        .join(Attempt, Attempt.submission_id == Submission.id)
        .join(Feedback, Feedback.attempt_id == Attempt.id)
        .join(ReturnedFeedback, _IS_LAST)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Lesson, Lesson.id == Assignment.lesson_id)
        .where(Submission.learner_id == bindparam("learner", type_=String))
        .subquery()
    )
    return (
        select(Level.id, Level.name, own.c.id, ErrorCount.code, ErrorCount.number)
        .select_from(own)
        .join(Level, Level.id == own.c.level_id)
        .outerjoin(ErrorCount, ErrorCount.returned_feedback_id == own.c.id)
        .where(own.c.place <= LAST)
        .order_by(Level.position, own.c.place)
    )


_OF_LEARNER = _select_of_learner()
_NUMBER = func.sum(ErrorCount.number)
_OF_LEVELS = (
    select(ErrorCount.level_id, ErrorCount.code, _NUMBER)
    .select_from(ReturnedFeedback)
    .join(Feedback, _IS_LAST)
    .join(ErrorCount, ErrorCount.returned_feedback_id == ReturnedFeedback.id)
    .where(
        ReturnedFeedback.returned_at > bindparam("since", type_=UTCDateTime), ErrorCount.code != MarkCode.GOOD
    )
    .group_by(ErrorCount.level_id, ErrorCount.code)
    .order_by(ErrorCount.level_id, _NUMBER.desc(), ErrorCount.code)
)
