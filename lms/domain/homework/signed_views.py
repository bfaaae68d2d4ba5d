"""Signed views: one returned answer, read under a private address without a login (ADR 41)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Exists, delete, exists, select, update
from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.errors import Absent, Refused
from lms.domain.homework import attempts, worklist
from lms.domain.homework.worklist import LearnerAssignment
from lms.domain.people.logins import digest
from lms.models import (
    Attachment,
    Attempt,
    AuditAction,
    Feedback,
    FileState,
    Person,
    Rendition,
    ReturnedFeedback,
    SignedView,
    Submission,
)
from lms.refusal_codes import RefusalCode

KEPT = timedelta(days=30)


@dataclass(frozen=True)
class SignedCopy:
    """One return to one attempt of one learner, as a signed view shows it."""

    view: SignedView
    returned: ReturnedFeedback
    attempt: Attempt
    learner: Person
    work: LearnerAssignment


def create_view(session: Session, returned: ReturnedFeedback) -> str:
    """Create the address of a return, for thirty days from when it is final, and return its token."""
    token = secrets.token_urlsafe(32)
    session.add(
        SignedView(
            token_hash=digest(token), returned_feedback_id=returned.id, expires_at=returned.final_at + KEPT
        )
    )
    session.flush()
    return token


def find_view(session: Session, token: str, *, now: datetime) -> SignedView | None:
    """Return the view with this token, also one that is over; None when there is none, or not yet."""
    return session.scalar(
        select(SignedView)
        .join(ReturnedFeedback, ReturnedFeedback.id == SignedView.returned_feedback_id)
        .where(SignedView.token_hash == digest(token), ReturnedFeedback.final_at <= now)
    )


def open_view(session: Session, token: str, *, now: datetime) -> SignedCopy:
    """Return what the view with this token shows.

    Raises `Absent` when there is none. Refusals: `view_expired`, also once it is revoked or the learner left.
    """
    view = find_view(session, token, now=now)
    if view is None:
        raise Absent
    learner, attempt_id, submission_id = session.execute(
        select(Person, Attempt.id, Attempt.submission_id)
        .join(Submission, Submission.learner_id == Person.id)
        .join(Attempt, Attempt.submission_id == Submission.id)
        .join(Feedback, Feedback.attempt_id == Attempt.id)
        .join(ReturnedFeedback, ReturnedFeedback.feedback_id == Feedback.id)
        .where(ReturnedFeedback.id == view.returned_feedback_id)
    ).one()
    if view.expires_at <= now or view.revoked_at is not None or not learner.is_active:
        raise Refused(RefusalCode.VIEW_EXPIRED)
    submission = attempts.submission_for(session, learner, submission_id, now=now)
    attempt = next(each for each in submission.attempts if each.id == attempt_id)
    returned = next(
        each
        for each in (attempt.feedback.returned if attempt.feedback else ())
        if each.id == view.returned_feedback_id
    )
    work = worklist.learner_assignment_for(session, learner, submission.assignment_id, now=now)
    return SignedCopy(view, returned, attempt, learner, work)


def record_opened(session: Session, view_id: str, *, now: datetime) -> None:
    """Record when a view was opened first."""
    session.execute(
        update(SignedView)
        .where(SignedView.id == view_id, SignedView.opened_at.is_(None))
        .values(opened_at=now)
    )


def page_for(session: Session, copy: SignedCopy, rendition_id: str) -> Rendition:
    """Return a page of the attempt that the view shows. Raises `Absent` for any other."""
    found = session.scalar(
        select(Rendition)
        .join(Attachment, Attachment.id == Rendition.attachment_id)
        .where(
            Rendition.id == rendition_id,
            Rendition.purpose == "web",
            Attachment.attempt_id == copy.attempt.id,
            Attachment.state == FileState.READY,
        )
    )
    if found is None:
        raise Absent
    return found


def has_open_view(session: Session, attempt: Attempt, *, now: datetime) -> bool:
    """Return whether an answer to the attempt can be read without a login."""
    of_attempt = _of(Attempt.id == attempt.id)
    asked = exists().where(SignedView.revoked_at.is_(None), SignedView.expires_at > now, of_attempt)
    return bool(session.scalar(select(asked)))


def revoke_views(session: Session, actor: Person, attempt: Attempt, *, now: datetime) -> None:
    """End the addresses of all answers to the attempt."""
    if _revoke(session, _of(Attempt.id == attempt.id), now=now):
        audit_log.record(session, actor, AuditAction.VIEWS_REVOKED, "attempt", attempt.id, now=now)


def revoke_views_of(session: Session, learner: Person, *, now: datetime) -> None:
    """End the addresses of all answers to a learner who left."""
    _revoke(session, _of(Submission.learner_id == learner.id), now=now)


def delete_expired_views(session: Session, *, now: datetime) -> None:
    """Delete the views that are over, a week later: until then their page says so."""
    session.execute(delete(SignedView).where(SignedView.expires_at < now - timedelta(days=7)))


def _of(condition: ColumnElement[bool]) -> Exists:
    """Return the condition that a view shows a return of such an attempt or submission."""
    return exists().where(
        ReturnedFeedback.id == SignedView.returned_feedback_id,
        Feedback.id == ReturnedFeedback.feedback_id,
        Attempt.id == Feedback.attempt_id,
        Submission.id == Attempt.submission_id,
        condition,
    )


def _revoke(session: Session, which: Exists, *, now: datetime) -> bool:
    revoked = session.scalars(
        update(SignedView)
        .where(which, SignedView.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(SignedView.id)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(revoked)
