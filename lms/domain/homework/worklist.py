"""All assignments of a learner, each with its state: `redo`, `returned`, `todo`, `sent` or `done`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Exists,
    Select,
    SQLColumnExpression,
    String,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from lms.domain.errors import Absent
from lms.domain.homework import returns
from lms.extensions import read_rows
from lms.models import (
    Assignment,
    Attachment,
    Attempt,
    Feedback,
    FileState,
    HomeworkState,
    Lesson,
    OpenedLevel,
    Person,
    ReturnedFeedback,
    Submission,
)
from lms.models.homework import TakesKinds
from lms.models.people import word_type

STATES = tuple(HomeworkState)

_Draft = aliased(Attempt, name="draft")
_Teacher = aliased(Person, name="answering")
_Maker = aliased(Person, name="maker")
_Returned = aliased(ReturnedFeedback, name="returned")  # the last return that is final: the learner reads it

_ME = bindparam("me", type_=String)


def _is_on_offer(level_opened: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that the assignment of the row is offered to the person of the row.

    `level_opened`: the condition that its level was opened for the person.
    """
    return and_(
        Assignment.withdrawn_at.is_(None),
        Lesson.published_at.is_not(None),
        or_(Lesson.level_id == Person.level_id, level_opened),
    )


_OFFERED_TO_ME = _is_on_offer(
    Lesson.level_id.in_(select(OpenedLevel.level_id).where(OpenedLevel.person_id == _ME))
)
OFFERED_TO_EACH = _is_on_offer(
    exists()
    .where(OpenedLevel.person_id == Person.id, OpenedLevel.level_id == Lesson.level_id)
    .correlate(Person, Lesson)
)

# The state is that of the last attempt that was sent; a draft changes nothing.
_STATE = type_coerce(
    case(
        (Attempt.id.is_(None), HomeworkState.TODO.value),
        (_Returned.id.is_(None), HomeworkState.SENT.value),
        (_Returned.redo, HomeworkState.REDO.value),
        (_Returned.seen_at.is_(None), HomeworkState.RETURNED.value),
        else_=HomeworkState.DONE.value,
    ),
    word_type(HomeworkState, 8),
)


@dataclass(frozen=True)
class AssignmentFacts(TakesKinds):
    """Columns of an assignment that the pages of a learner show."""

    id: str
    instruction: str
    takes_photo: bool
    takes_voice: bool
    takes_text: bool
    takes_document: bool
    due_on: date | None
    may_redo: bool
    withdrawn_at: datetime | None


_FACTS = tuple(getattr(Assignment, column.name) for column in fields(AssignmentFacts))


@dataclass(frozen=True)
class LearnerAssignment:
    """An assignment with its state for one learner."""

    assignment: AssignmentFacts
    lesson_id: str
    lesson_title: str
    state: HomeworkState
    submission_id: str | None
    draft_id: str | None
    sent_at: datetime | None
    returned_at: datetime | None
    seen_at: datetime | None
    teacher: str | None  # short name of the teacher who returned the feedback
    maker: str  # short name of the teacher who gave the homework
    attempt_id: str | None  # the last one that was sent
    level_id: str
    is_on_offer: bool  # False: withdrawn, unpublished or of another level, but begun by the learner
    has_refused_file: bool  # in the draft, or in what was sent as long as no feedback is returned

    @property
    def is_todo(self) -> bool:
        return self.state == HomeworkState.TODO

    @property
    def is_redo(self) -> bool:
        return self.state == HomeworkState.REDO

    @property
    def is_sent(self) -> bool:
        return self.state == HomeworkState.SENT

    @property
    def unseen(self) -> bool:
        """Return whether there is returned feedback that the learner has not opened."""
        return self.returned_at is not None and self.seen_at is None

    @property
    def is_open(self) -> bool:
        """Return whether the next step is the learner's: to do, to do again, to read, or a refused file."""
        is_begun = self.draft_id is not None
        return self.is_todo or self.is_redo or self.unseen or self.has_refused_file or is_begun

    @property
    def may_write(self) -> bool:
        """Return whether the learner may begin or continue an attempt: not while a teacher has the last.

        What is begun may be finished, whatever a teacher changes meanwhile.
        """
        if self.state == HomeworkState.SENT:
            return False
        again = self.assignment.may_redo and self.assignment.withdrawn_at is None
        return again or self.draft_id is not None or self.state in (HomeworkState.TODO, HomeworkState.REDO)

    @property
    def due_on(self) -> date | None:
        return self.assignment.due_on


@dataclass(frozen=True)
class Worklist:
    """The homework of a learner as its page lists it, each part with that of the own level first."""

    open: list[LearnerAssignment]
    sent: list[LearnerAssignment]
    done: list[LearnerAssignment]


_Latest = aliased(Attempt, name="latest")
IS_OF_PAIR = and_(Submission.assignment_id == Assignment.id, Submission.learner_id == Person.id)


def _rows(session: Session, query: Select[Any], **values: object) -> list[LearnerAssignment]:
    number = len(_FACTS)
    return [
        LearnerAssignment(AssignmentFacts(*row[:number]), *row[number:])
        for row in read_rows(session, query, values)
    ]


def _has_refused_file(attempt_id: InstrumentedAttribute[str]) -> Exists:
    refused = exists().where(Attachment.attempt_id == attempt_id, Attachment.state == FileState.REFUSED)
    return refused.correlate(_Draft, Attempt)


def _of_person(
    sent: SQLColumnExpression[datetime | None], last_return: SQLColumnExpression[int]
) -> Select[Any]:
    """Select the assignments that the learner may see, with their states.

    Those are the published ones of the learner's levels, and those that the learner has begun, which may
    always be finished. `sent`: the moment from which an attempt counts as sent; for the team it is
    `queued_at`. `last_return`: the number of the return that counts.
    """
    # Two questions: for one with `or` the database may read all files.
    refused = or_(_has_refused_file(_Draft.id), and_(_Returned.id.is_(None), _has_refused_file(Attempt.id)))
    latest = (
        select(func.max(_Latest.number))
        .where(_Latest.submission_id == Submission.id, sent.is_not(None))
        .correlate(Submission)
        .scalar_subquery()
    )
    return (
        select(
            *_FACTS,
            Lesson.id,
            Lesson.title,
            _STATE,
            Submission.id,
            _Draft.id,
            Attempt.sent_at,
            _Returned.returned_at,
            _Returned.seen_at,
            _Teacher.short_name,
            _Maker.short_name,
            Attempt.id,
            Lesson.level_id,
            func.coalesce(_OFFERED_TO_ME, false()),  # a learner may have no level
            refused,
        )
        .select_from(Person)
        .join(Assignment, true())
        .join(Lesson, Lesson.id == Assignment.lesson_id)
        .outerjoin(Submission, IS_OF_PAIR)
        .outerjoin(Attempt, and_(Attempt.submission_id == Submission.id, Attempt.number == latest))
        .outerjoin(Feedback, Feedback.attempt_id == Attempt.id)
        .outerjoin(_Returned, and_(_Returned.feedback_id == Feedback.id, _Returned.number == last_return))
        .outerjoin(_Draft, and_(_Draft.submission_id == Submission.id, _Draft.sent_at.is_(None)))
        .outerjoin(_Teacher, _Teacher.id == _Returned.teacher_id)
        .outerjoin(_Maker, _Maker.id == Assignment.created_by_id)
        .where(Person.id == _ME, or_(Submission.id.is_not(None), _OFFERED_TO_ME))
        .order_by(Lesson.position, Assignment.created_at, Assignment.id)
    )


# Built once, because every visit of a learner's home, list of homework or homework runs them.
_OF_PERSON = _of_person(_Latest.sent_at, returns.LAST_FINAL)
_FOR_TEAM = _of_person(_Latest.queued_at, Feedback.returns)
_UNSEEN = _OF_PERSON.where(_Returned.id.is_not(None), _Returned.seen_at.is_(None))
_ONE = _OF_PERSON.where(Assignment.id == bindparam("assignment", type_=String))


def assignments_of_learner(session: Session, person: Person, *, now: datetime) -> list[LearnerAssignment]:
    """Return the learner's assignments in the order of `STATES`, then by due day, then the latest first."""
    return _in_order(_rows(session, _OF_PERSON, me=person.id, now=now))


def assignments_for_team(session: Session, person: Person) -> list[LearnerAssignment]:
    """Return the learner's assignments as the team sees them, in the same order.

    What was sent counts once all its files are ready, what was returned at once.
    """
    return _in_order(_rows(session, _FOR_TEAM, me=person.id))


def _in_order(found: list[LearnerAssignment]) -> list[LearnerAssignment]:
    def order(found: LearnerAssignment) -> tuple[int, date, float]:
        latest = found.returned_at or found.sent_at
        return (STATES.index(found.state), found.due_on or date.max, -latest.timestamp() if latest else 0.0)

    return sorted(found, key=order)


def open_assignments(session: Session, learner: Person, *, now: datetime) -> list[LearnerAssignment]:
    """Return the homework that the learner may send now, the most urgent first."""
    found = assignments_of_learner(session, learner, now=now)
    return [each for each in found if each.may_write and (each.is_on_offer or each.submission_id)]


def list_homework(session: Session, learner: Person, *, now: datetime) -> Worklist:
    """Return what is open, what the team has, and what is finished; in each the most urgent first."""
    found = assignments_of_learner(session, learner, now=now)
    found.sort(key=lambda homework: homework.level_id != learner.level_id)
    rest = [homework for homework in found if not homework.is_open]
    return Worklist(
        [homework for homework in found if homework.is_open],
        [homework for homework in rest if homework.is_sent],
        [homework for homework in rest if not homework.is_sent],
    )


def assignments_to_do(session: Session, person: Person, *, now: datetime) -> list[LearnerAssignment]:
    """Return the assignments to do: those to do again first, then by due day."""
    return [
        found
        for found in assignments_of_learner(session, person, now=now)
        if found.state in (HomeworkState.REDO, HomeworkState.TODO)
    ]


def returned_unseen(session: Session, person: Person, *, now: datetime) -> list[LearnerAssignment]:
    """Return the assignments with returned feedback that the learner has not opened yet, the newest first."""
    return sorted(
        _rows(session, _UNSEEN, me=person.id, now=now),
        key=lambda found: str(found.returned_at),
        reverse=True,
    )


def learner_assignment_for(
    session: Session, person: Person, assignment_id: str, *, now: datetime
) -> LearnerAssignment:
    """Return an assignment with its state. Raises `Absent` unless the person is a learner who may see it."""
    values = {"me": person.id, "assignment": assignment_id, "now": now}
    rows = _rows(session, _ONE, **values) if person.is_learner else []
    if not rows:
        raise Absent
    return rows[0]
