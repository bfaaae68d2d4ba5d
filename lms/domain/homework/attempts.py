"""Attempts of a learner: the draft, sending, the returned feedback."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, String, bindparam, func, select, update
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from lms.domain import outbox
from lms.domain.errors import Absent, Refused
from lms.domain.homework import preparation, returns, worklist
from lms.domain.homework.files import WITH_FILES, files_of_attempt, lock_attempt
from lms.domain.homework.worklist import AssignmentFacts
from lms.domain.people import locks
from lms.models import (
    Assignment,
    Attachment,
    Attempt,
    Deposit,
    Feedback,
    FeedbackVoice,
    HomeworkState,
    Lesson,
    NoticeKind,
    Person,
    ReturnedFeedback,
    Role,
    Submission,
)
from lms.models.homework import TakesKinds
from lms.refusal_codes import RefusalCode


def draft_of(session: Session, learner: Person, assignment_id: str) -> Attempt | None:
    """Return the learner's draft for the assignment, with its files; None when there is none."""
    return session.scalar(_DRAFT, {"assignment": assignment_id, "me": learner.id})


# Built once, because every visit of a homework page runs it.
_DRAFT = (
    select(Attempt)
    .join(Submission, Submission.id == Attempt.submission_id)
    .where(
        Submission.assignment_id == bindparam("assignment", type_=String),
        Submission.learner_id == bindparam("me", type_=String),
        Attempt.sent_at.is_(None),
    )
    .options(WITH_FILES)
)


def open_draft(session: Session, learner: Person, assignment_id: str, *, now: datetime) -> Attempt:
    """Return the draft of `open_work`. Refusals: `already_sent`, `no_redo`."""
    return open_work(session, learner, assignment_id, now=now)[0]


def open_work(
    session: Session, learner: Person, assignment_id: str, *, now: datetime
) -> tuple[Attempt, AssignmentFacts]:
    """Return the learner's draft for the assignment, created when there is none, and the assignment.

    Raises `Absent` when the learner may not see the assignment. Refused while a teacher has the last attempt.
    Refusals: `already_sent`, `no_redo`.
    """
    # Locked, so that two forms of one learner go one after the other: both would create the first draft.
    locks.lock_people(session, learner.id)
    found = worklist.learner_assignment_for(session, learner, assignment_id, now=now)
    if not found.may_write:
        raise Refused(RefusalCode.ALREADY_SENT if found.state == HomeworkState.SENT else RefusalCode.NO_REDO)
    draft = draft_of(session, learner, assignment_id)
    if draft is not None:
        return draft, found.assignment
    submission_id, last = found.submission_id, None
    if submission_id is None:
        submission_id = add_submission(session, learner, assignment_id, now=now)
    else:
        last = session.scalar(select(func.max(Attempt.number)).where(Attempt.submission_id == submission_id))
    draft = Attempt(submission_id=submission_id, number=(last or 0) + 1, text="", created_at=now)
    session.add(draft)
    session.flush()
    return draft, found.assignment


def add_submission(session: Session, learner: Person, assignment_id: str, *, now: datetime) -> str:
    """Add the work of a learner on an assignment, without an attempt yet; return its id."""
    submission = Submission(assignment_id=assignment_id, learner_id=learner.id, created_at=now)
    session.add(submission)
    session.flush()
    return submission.id


def take_number(session: Session, submission_id: str) -> int:
    """Return the number of an attempt that comes in beside the learner's draft, which comes after it."""
    of_submission = Attempt.submission_id == submission_id
    is_draft = Attempt.sent_at.is_(None)
    sent = session.scalar(select(func.max(Attempt.number)).where(of_submission, ~is_draft)) or 0
    session.execute(update(Attempt).where(of_submission, is_draft).values(number=sent + 2))
    return sent + 1


def write_text(session: Session, draft: Attempt, text: str, version: int) -> None:
    """Store the text of the draft.

    `version` is the version that the page showed. When the learner has stored another text since, in a second
    page or on a second device, nothing is overwritten that the new text does not contain; an older page
    without text changes nothing.
    Refusals: `draft_changed`.
    """
    if text == draft.text or (not text and version != draft.version):
        return
    if version != draft.version and draft.text not in text:
        raise Refused(RefusalCode.DRAFT_CHANGED)
    draft.text = text
    draft.version += 1
    session.flush()


def join_text(session: Session, draft: Attempt, text: str, version: int) -> None:
    """Store the text behind that of the draft, which a second page has stored.

    Refusals: `draft_changed`.
    """
    write_text(session, draft, "\n\n".join(part for part in (draft.text, text) if part), version)


def send_attempt(session: Session, draft: Attempt, assignment: TakesKinds, *, now: datetime) -> None:
    """Send the draft; the team sees it as soon as all its files are ready. From then on it never changes.

    Also marks the feedback to earlier attempts as seen.
    Refusals: `kind_text`, `nothing_to_send`.
    """
    lock_attempt(session, draft.id)
    if draft.text and "text" not in assignment.kinds:
        raise Refused(RefusalCode.KIND_TEXT)
    if not draft.text and all(file.is_refused for file in files_of_attempt(session, draft.id)):
        raise Refused(RefusalCode.NOTHING_TO_SEND)
    draft.sent_at = now
    with session.no_autoflush:  # both moments in one UPDATE
        preparation.queue_attempt(session, draft, now=now)
    if draft.number > 1:
        returns.record_seen(session, draft.submission_id, now=now)
    outbox.withdraw_notices(session, draft.id, kind=NoticeKind.FILE_REFUSED, now=now)


def submission_for(session: Session, actor: Person, submission_id: str, *, now: datetime) -> Submission:
    """Return a submission with all attempts, their files and feedback.

    A learner sees of the returns those that are final.
    Raises `Absent` when the actor may not see it: a learner sees the learner's own, a teacher those with an
    attempt that came into the queue.
    """
    found = _load_whole(session, _BY_ID, submission_id)
    if found is None:
        raise Absent
    if Role.TEACHER in actor.roles:
        is_visible = any(attempt.queued_at for attempt in found.attempts)
    else:
        is_visible = actor.is_learner and found.learner_id == actor.id
    if not is_visible:
        raise Absent
    if Role.TEACHER not in actor.roles:
        for attempt in found.attempts:
            if attempt.feedback is not None:
                final = returns.only_final(attempt.feedback.returned, now=now)
                set_committed_value(attempt.feedback, "returned", final)
    return found


def queued_attempt_for(session: Session, actor: Person, attempt_id: str) -> Attempt:
    """Return an attempt that has come into the queue, with its submission, its files and the other attempts.

    Raises `Absent` when it has not, or when the actor is no teacher.
    """
    found = _load_whole(session, _BY_ATTEMPT, attempt_id) if Role.TEACHER in actor.roles else None
    if found is None:
        raise Absent
    return next(attempt for attempt in found.attempts if attempt.id == attempt_id)


def _load_whole(session: Session, query: Select[Submission], key: str) -> Submission | None:
    """Load a submission, its attempts and their files: three statements, whatever their number."""
    fresh = {"populate_existing": True}
    found = session.scalar(query, {"key": key}, execution_options=fresh)
    if found is None:
        return None
    of_submission = {"submission": found.id}
    attempts = session.scalars(_ATTEMPTS, of_submission, execution_options=fresh).unique().all()
    files = session.scalars(_FILES, of_submission, execution_options=fresh).unique().all()
    set_committed_value(found, "attempts", list(attempts))
    for attempt in attempts:
        set_committed_value(attempt, "submission", found)
        set_committed_value(attempt, "attachments", [file for file in files if file.attempt_id == attempt.id])
    return found


def mark_feedback_seen(session: Session, actor: Person, submission_id: str, *, now: datetime) -> str:
    """Record that the learner has read the returned feedback. Returns the id of the assignment.

    Raises `Absent` when it is not a submission of the actor.
    """
    assignment_id = session.scalar(
        select(Submission.assignment_id).where(
            Submission.id == submission_id, Submission.learner_id == actor.id
        )
    )
    if assignment_id is None or not actor.is_learner:
        raise Absent
    returns.record_seen(session, submission_id, now=now)
    return assignment_id


_KEY = bindparam("key", type_=String)
_OF_SUBMISSION = Attempt.submission_id == bindparam("submission", type_=String)
_FEEDBACK = joinedload(Attempt.feedback)
# Built once, because every copy that a teacher opens runs them.
_WHOLE = select(Submission).options(
    joinedload(Submission.assignment).joinedload(Assignment.lesson).joinedload(Lesson.level),
    joinedload(Submission.learner).lazyload(Person.role_rows),
)
_BY_ID = _WHOLE.where(Submission.id == _KEY)
_BY_ATTEMPT = _WHOLE.join(Attempt, Attempt.submission_id == Submission.id).where(
    Attempt.id == _KEY, Attempt.queued_at.is_not(None)
)
_ATTEMPTS = (
    select(Attempt)
    .where(_OF_SUBMISSION)
    .options(
        joinedload(Attempt.deposit).joinedload(Deposit.actor).lazyload(Person.role_rows),
        _FEEDBACK.joinedload(Feedback.teacher).lazyload(Person.role_rows),
        _FEEDBACK.joinedload(Feedback.voice).joinedload(FeedbackVoice.created_by).lazyload(Person.role_rows),
        _FEEDBACK.joinedload(Feedback.returned).options(
            joinedload(ReturnedFeedback.teacher).lazyload(Person.role_rows),
            joinedload(ReturnedFeedback.voice),
        ),
    )
    .order_by(Attempt.number)
)
_FILES = (
    select(Attachment)
    .join(Attempt, Attempt.id == Attachment.attempt_id)
    .where(_OF_SUBMISSION)
    .options(joinedload(Attachment.renditions))
    .order_by(Attachment.position)
)
