"""Years of a school in a second: rows straight through the models, almost all of them over and done."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from lms.extensions import Base
from lms.models import (
    Attempt,
    Feedback,
    QueuedAttempt,
    Submission,
)
from tests import factories

LEARNERS, TASKS = 40, 25


class Rows:
    """Rows that are inserted together, in the order in which their tables were first named."""

    def __init__(self) -> None:
        self.tables: dict[type[Base], list[dict[str, Any]]] = defaultdict(list)
        self.made = 0

    def add(self, table: type[Base], **values: Any) -> None:
        self.tables[table].append(values)

    def id(self) -> str:
        self.made += 1
        return f"h{self.made:013}"

    def insert(self, session: Session) -> None:
        session.flush()
        for table, rows in self.tables.items():
            session.execute(insert(table), rows)
        self.tables.clear()


def add_work(session: Session, *, waiting: int, now: datetime) -> None:
    """Add a thousand copies of forty learners, sent an hour after each other; the last ones wait."""
    teacher = factories.nadia(session)
    learners = [factories.learner(session, f"Personne {number:03}") for number in range(LEARNERS)]
    tasks = [factories.assignment(session, by=teacher, now=now) for _ in range(TASKS)]
    level, rows = factories.level(session).id, Rows()
    for number in range(count := LEARNERS * TASKS):
        task, learner = tasks[number % TASKS].id, learners[number // TASKS].id
        sent, submission, attempt = now - timedelta(hours=count - number), rows.id(), rows.id()
        rows.add(Submission, id=submission, assignment_id=task, learner_id=learner, created_at=sent)
        rows.add(
            Attempt,
            id=attempt,
            submission_id=submission,
            number=1,
            created_at=sent,
            sent_at=sent,
            queued_at=sent,
        )
        if number < count - waiting:
            rows.add(
                Feedback,
                id=rows.id(),
                attempt_id=attempt,
                teacher_id=teacher.id,
                created_at=sent,
                saved_at=sent,
                returned_at=sent,
                seen_at=sent,
                redo_requested=number % 10 == 0,
            )
        else:
            rows.add(
                QueuedAttempt,
                attempt_id=attempt,
                since=sent,
                level_id=level,
                learner_id=learner,
                is_follow_up=False,
            )
    rows.insert(session)
