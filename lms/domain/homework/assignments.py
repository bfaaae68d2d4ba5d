"""Assignments of a lesson: create, update, withdraw, restore."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lms.domain import audit_log
from lms.domain.errors import Absent
from lms.domain.homework import worklist
from lms.models import KINDS, Assignment, AuditAction, Lesson, Person, Role


@dataclass(frozen=True)
class AssignmentDraft:
    """Assignment as a teacher enters it. `kinds`: what a learner may send."""

    instruction: str
    kinds: Collection[str]
    due_on: date | None = None
    may_redo: bool = True


def lesson_for_homework(session: Session, actor: Person, lesson_id: str) -> Lesson:
    """Return a lesson with its level, to edit its homework.

    Raises `Absent` when there is none, or when the actor is no teacher.
    """
    lesson = session.get(Lesson, lesson_id, options=[joinedload(Lesson.level)])
    if lesson is None or Role.TEACHER not in actor.roles:
        raise Absent
    return lesson


def assignment_for(session: Session, actor: Person, assignment_id: str, *, now: datetime) -> Assignment:
    """Return an assignment with its lesson and level.

    Raises `Absent` when the actor may not see it: a teacher sees all, a learner the learner's own.
    """
    if Role.TEACHER not in actor.roles:
        worklist.learner_assignment_for(session, actor, assignment_id, now=now)
    found = session.scalar(
        select(Assignment)
        .where(Assignment.id == assignment_id)
        .options(joinedload(Assignment.lesson).joinedload(Lesson.level))
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise Absent
    return found


def assignments_of_lesson(session: Session, lesson_id: str) -> Sequence[Assignment]:
    """Return the assignments of the lesson, the withdrawn ones at the end."""
    return session.scalars(
        select(Assignment)
        .where(Assignment.lesson_id == lesson_id)
        .order_by(Assignment.withdrawn_at.is_not(None), Assignment.created_at, Assignment.id)
    ).all()


def create_assignment(
    session: Session, actor: Person, lesson: Lesson, draft: AssignmentDraft, *, now: datetime
) -> Assignment:
    """Create an assignment of the lesson."""
    assignment = Assignment(lesson_id=lesson.id, created_by_id=actor.id, created_at=now)
    _fill(assignment, draft)
    session.add(assignment)
    session.flush()
    audit_log.record(session, actor, AuditAction.ASSIGNMENT_MADE, "assignment", assignment.id, now=now)
    return assignment


def update_assignment(
    session: Session, actor: Person, assignment: Assignment, draft: AssignmentDraft, *, now: datetime
) -> None:
    """Change an assignment; what learners have already sent stays as it is."""
    _fill(assignment, draft)
    audit_log.record(session, actor, AuditAction.ASSIGNMENT_CHANGED, "assignment", assignment.id, now=now)


def withdraw_assignment(session: Session, actor: Person, assignment: Assignment, *, now: datetime) -> None:
    """Withdraw an assignment: nobody can begin it any more, attempts that were sent stay in the queue."""
    if assignment.withdrawn_at is None:
        assignment.withdrawn_at = now
        audit_log.record(
            session, actor, AuditAction.ASSIGNMENT_WITHDRAWN, "assignment", assignment.id, now=now
        )


def restore_assignment(session: Session, actor: Person, assignment: Assignment, *, now: datetime) -> None:
    """Offer a withdrawn assignment again."""
    if assignment.withdrawn_at is not None:
        assignment.withdrawn_at = None
        audit_log.record(
            session, actor, AuditAction.ASSIGNMENT_BROUGHT_BACK, "assignment", assignment.id, now=now
        )


def _fill(assignment: Assignment, draft: AssignmentDraft) -> None:
    assignment.instruction = draft.instruction
    assignment.due_on = draft.due_on
    assignment.may_redo = draft.may_redo
    for kind in KINDS:
        setattr(assignment, f"takes_{kind}", kind in draft.kinds)
