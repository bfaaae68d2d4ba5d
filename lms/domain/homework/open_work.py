"""What is open of the homework of many learners, for the list of the team: found without what is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    String,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from lms.domain.homework.worklist import IS_OF_PAIR, OFFERED_TO_EACH
from lms.extensions import read_rows
from lms.models import Assignment, Attempt, Lesson, Person, QueuedAttempt, Submission


@dataclass(frozen=True)
class OpenWork:
    """Numbers of assignments of a learner. `has_begun`: at least one, open or not."""

    sent: int = 0
    redo: int = 0
    todo: int = 0
    has_begun: bool = False


def count_open_work(session: Session, person_ids: Iterable[str]) -> dict[str, OpenWork]:
    """Return by person id what waits for feedback, is to be done again and is to be done. One statement.

    As the team sees it: what was sent counts once all its files are ready.
    """
    ids = list(person_ids)
    counts = {person_id: Counter[str]() for person_id in ids}
    for person_id, state, number in read_rows(session, _OPEN, {"ids": ids}):
        counts[person_id][state] += number
    return {
        person_id: OpenWork(each["sent"], each["redo"], each["todo"], each["has_begun"] > 0)
        for person_id, each in counts.items()
    }


_IDS: BindParameter[str] = bindparam("ids", expanding=True, type_=String)
# Each part has its index; built once.
_OPEN: CompoundSelect[str, str, int] = union_all(
    select(QueuedAttempt.learner_id, literal_column("'sent'"), func.count())
    .where(QueuedAttempt.learner_id.in_(_IDS))
    .group_by(QueuedAttempt.learner_id),
    select(Submission.learner_id, literal_column("'redo'"), func.count())
    .where(Submission.learner_id.in_(_IDS), Submission.redo_since.is_not(None))
    .group_by(Submission.learner_id),
    # Begun, and nothing of it has come into the queue yet.
    select(Submission.learner_id, literal_column("'todo'"), func.count())
    .join(Attempt, Attempt.submission_id == Submission.id)
    .where(Submission.learner_id.in_(_IDS), Attempt.number == 1, Attempt.queued_at.is_(None))
    .group_by(Submission.learner_id),
    select(Person.id, literal_column("'todo'"), func.count())
    .join(Lesson, true())
    .join(Assignment, Assignment.lesson_id == Lesson.id)
    .where(OFFERED_TO_EACH, ~exists().where(IS_OF_PAIR).correlate(Person, Assignment), Person.id.in_(_IDS))
    .group_by(Person.id),
    select(Person.id, literal_column("'has_begun'"), literal_column("1")).where(
        Person.id.in_(_IDS), exists().where(Submission.learner_id == Person.id)
    ),
)
