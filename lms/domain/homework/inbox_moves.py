"""A mail that was filed for the wrong person or homework: its attempt goes to the right one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.errors import Refused
from lms.domain.homework import attempts, queue, worklist
from lms.domain.people import locks
from lms.models import Attempt, AuditAction, Feedback, InboundMail, Person, ReturnedFeedback, Submission
from lms.refusal_codes import RefusalCode


def move_mail(
    session: Session, actor: Person, mail: InboundMail, learner: Person, assignment_id: str, *, now: datetime
) -> None:
    """Give the attempt of a filed mail to another learner or homework.

    The files go along as they are: the team has seen them. Does nothing when it is there already.
    Raises `Absent` when the learner may not see the assignment.
    Refusals: `mail_moved_late` (see `may_move`), `already_sent`, `no_redo`, `kind_text`.
    """
    session.refresh(mail, with_for_update=True)
    if (mail.person_id, mail.assignment_id) == (learner.id, assignment_id):
        return
    locks.lock_people(session, learner.id, str(mail.person_id))
    if not may_move(session, mail):
        raise Refused(RefusalCode.MAIL_MOVED_LATE)
    attempt = session.get_one(Attempt, mail.attempt_id, populate_existing=True)
    found = worklist.learner_assignment_for(session, learner, assignment_id, now=now)
    if not found.may_write:
        raise Refused(RefusalCode.ALREADY_SENT if found.is_sent else RefusalCode.NO_REDO)
    if attempt.text and "text" not in found.assignment.kinds:
        raise Refused(RefusalCode.KIND_TEXT)
    submission = session.get_one(Submission, attempt.submission_id)
    queue.remove_attempt(session, attempt)
    target = found.submission_id or attempts.add_submission(session, learner, assignment_id, now=now)
    attempt.number = attempts.take_number(session, target)
    attempt.submission_id = target
    session.flush()
    _leave_without(session, submission)
    if attempt.queued_at is not None:
        queue.add_attempt(session, attempt, now=now)
    queue.rebuild_rows(session, submission.learner_id)
    mail.person_id, mail.assignment_id = learner.id, assignment_id
    mail.handled_by_id, mail.is_verified = actor.id, True
    audit_log.record(
        session, actor, AuditAction.MAIL_FILED, "attempt", attempt.id, detail=learner.id, now=now
    )
    session.flush()


def may_move(session: Session, mail: InboundMail) -> bool:
    """Return whether the attempt of a filed mail can still go to somebody else.

    Not once a teacher has begun feedback to it, nor when it holds what the learner had begun on the page.
    """
    if not mail.is_filed:
        return False
    is_answered = exists().where(Feedback.attempt_id == Attempt.id)
    from_mail_alone = Attempt.created_at == Attempt.sent_at
    query = select(Attempt.id).where(Attempt.id == mail.attempt_id, ~is_answered, from_mail_alone)
    return session.scalar(query) is not None


def _leave_without(session: Session, submission: Submission) -> None:
    """Leave a submission as it was before its last attempt, or delete it when that was the only one."""
    last = session.scalar(
        select(Attempt.id)
        .where(Attempt.submission_id == submission.id)
        .order_by(Attempt.number.desc())
        .limit(1)
    )
    if last is None:
        session.delete(submission)
    else:
        returned = session.scalar(
            select(ReturnedFeedback)
            .join(Feedback, Feedback.id == ReturnedFeedback.feedback_id)
            .where(Feedback.attempt_id == last, ReturnedFeedback.number == Feedback.returns)
        )
        submission.redo_since = returned.returned_at if returned is not None and returned.redo else None
    session.flush()
