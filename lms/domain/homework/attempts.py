"""A learner's attempts: the draft she works on, the moment she sends it, and reading what came back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from lms.domain.errors import Absent, Refused
from lms.domain.homework import worklist
from lms.domain.homework.files import WITH_FILES, files_of_attempt
from lms.models import Assignment, Attachment, Attempt, Feedback, Lesson, Person, Score, Submission


def draft_of(session: Session, learner: Person, assignment_id: str) -> Attempt | None:
    """The draft as it is, with its files."""
    return session.scalar(
        select(Attempt)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(
            Submission.assignment_id == assignment_id,
            Submission.learner_id == learner.id,
            Attempt.sent_at.is_(None),
        )
        .options(WITH_FILES)
    )


def open_draft(session: Session, learner: Person, assignment_id: str, *, now: datetime) -> Attempt:
    """The draft to write into, made when there is none. Refused while a teacher has the last attempt."""
    # One learner's forms go one after the other: two that make the first draft would collide.
    session.execute(select(Person.id).where(Person.id == learner.id).with_for_update(key_share=True))
    work = worklist.learner_assignment_for(session, learner, assignment_id)
    if not work.may_write:
        raise Refused("already_sent" if work.state == "sent" else "no_redo")
    draft = draft_of(session, learner, assignment_id)
    if draft is not None:
        return draft
    submission_id = work.submission_id
    if submission_id is None:
        submission = Submission(assignment_id=assignment_id, learner_id=learner.id, made_at=now)
        session.add(submission)
        session.flush()
        submission_id = submission.id
    last = session.scalar(select(func.max(Attempt.number)).where(Attempt.submission_id == submission_id))
    draft = Attempt(submission_id=submission_id, number=(last or 0) + 1, text="", made_at=now)
    session.add(draft)
    session.flush()
    return draft


def write_text(session: Session, draft: Attempt, text: str) -> None:
    """Store the text of the draft."""
    draft.text = text
    session.flush()


def send_attempt(session: Session, draft: Attempt, assignment: Assignment, *, now: datetime) -> None:
    """From now on this attempt never changes.

    Refusals: `kind_text`, `nothing_to_send`.
    """
    if draft.text and "text" not in assignment.kinds:
        raise Refused("kind_text")
    if not draft.text and not files_of_attempt(session, draft.id):
        raise Refused("nothing_to_send")
    draft.sent_at = now
    _record_seen(session, draft.submission_id, now=now)
    session.flush()


def submission_for(session: Session, actor: Person, submission_id: str) -> Submission:
    """With all attempts, their files and answers. A learner finds her own; a teacher what was sent."""
    asked = select(Submission).where(Submission.id == submission_id).options(*_WHOLE)
    teaches = "teacher" in actor.roles
    if teaches:
        asked = asked.options(joinedload(Submission.learner).lazyload(Person.role_rows))
    elif actor.is_learner:
        asked = asked.where(Submission.learner_id == actor.id)
    else:
        raise Absent
    found = session.scalar(asked.execution_options(populate_existing=True))
    if found is None or (teaches and not any(attempt.sent_at for attempt in found.attempts)):
        raise Absent
    for attempt in found.attempts:
        # The way back up: without it the submission is forgotten as soon as only an attempt is held.
        set_committed_value(attempt, "submission", found)
    return found


def mark_feedback_seen(session: Session, actor: Person, submission_id: str, *, now: datetime) -> str:
    """The learner has read the answer. Returns the id of the assignment."""
    assignment_id = session.scalar(
        select(Submission.assignment_id).where(
            Submission.id == submission_id, Submission.learner_id == actor.id
        )
    )
    if assignment_id is None or not actor.is_learner:
        raise Absent
    _record_seen(session, submission_id, now=now)
    return assignment_id


def _record_seen(session: Session, submission_id: str, *, now: datetime) -> None:
    session.execute(
        update(Feedback)
        .where(
            Feedback.returned_at.is_not(None),
            Feedback.seen_at.is_(None),
            exists().where(Attempt.id == Feedback.attempt_id, Attempt.submission_id == submission_id),
        )
        .values(seen_at=now)
        .execution_options(synchronize_session=False)
    )


_ANSWER = joinedload(Attempt.feedback)
_WHOLE = (
    joinedload(Submission.assignment).joinedload(Assignment.lesson).joinedload(Lesson.level),
    selectinload(Submission.attempts).options(
        selectinload(Attempt.attachments).joinedload(Attachment.renditions),
        _ANSWER.joinedload(Feedback.teacher).lazyload(Person.role_rows),
        _ANSWER.joinedload(Feedback.scores).joinedload(Score.criterion),
    ),
)
