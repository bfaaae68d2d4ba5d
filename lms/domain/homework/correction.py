"""Attempts to correct, feedback drafts, and returned feedback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import String, and_, bindparam, select
from sqlalchemy.orm import Session

from lms.domain import audit_log, outbox
from lms.domain.errors import Refused
from lms.domain.homework import queue
from lms.models import (
    Attempt,
    AuditAction,
    Criterion,
    Feedback,
    OutboxItem,
    Person,
    Score,
)
from lms.refusal_codes import RefusalCode

BANDS = range(4)
MAIL = "feedback_returned"


@dataclass(frozen=True)
class FeedbackDraft:
    """Feedback as the teacher enters it. `bands`: the band, 0 to 3, by criterion id."""

    comment: str = ""
    next_step: str = ""
    bands: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self.comment and not self.bands


def criteria(session: Session, level_id: str) -> Sequence[Criterion]:
    """Return the criteria of a level in their order."""
    return session.scalars(_CRITERIA, {"level": level_id}).all()


# Built once, because every copy that a teacher opens runs it.
_CRITERIA = (
    select(Criterion)
    .where(Criterion.level_id == bindparam("level", type_=String))
    .order_by(Criterion.position)
)


def save_feedback(
    session: Session, attempt: Attempt, teacher: Person, draft: FeedbackDraft, version: int, *, now: datetime
) -> Feedback:
    """Save a feedback draft.

    `version` is the version that the page showed, 0 for none: when a colleague has saved another one in the
    meantime, nothing is overwritten.
    Refusals: `already_returned`, `copy_changed`.
    """
    # Two first drafts for one attempt would collide on PostgreSQL: the second one waits and sees the first.
    session.execute(select(Attempt.id).where(Attempt.id == attempt.id).with_for_update(key_share=True))
    feedback = session.scalar(
        select(Feedback).where(Feedback.attempt_id == attempt.id).execution_options(populate_existing=True)
    )
    if feedback is not None and feedback.returned_at is not None:
        raise Refused(RefusalCode.ALREADY_RETURNED)
    if version != (feedback.version if feedback else 0):
        raise Refused(RefusalCode.COPY_CHANGED)
    if feedback is None:
        feedback = Feedback(attempt_id=attempt.id, version=0, created_at=now)
        session.add(feedback)
    feedback.teacher_id = teacher.id
    feedback.comment = draft.comment
    feedback.next_step = draft.next_step
    feedback.version += 1
    feedback.saved_at = now
    session.flush()
    _set_scores(session, feedback, draft.bands)
    return feedback


def return_feedback(
    session: Session,
    attempt: Attempt,
    teacher: Person,
    draft: FeedbackDraft,
    version: int,
    *,
    redo: bool,
    now: datetime,
) -> Feedback:
    """Return feedback to the learner and notify the learner; `redo` requests another attempt.

    Refusals: `already_returned`, `copy_changed`, `empty_feedback`.
    """
    if draft.is_empty:
        raise Refused(RefusalCode.EMPTY_FEEDBACK)
    feedback = save_feedback(session, attempt, teacher, draft, version, now=now)
    feedback.redo_requested = redo
    feedback.returned_at = now
    attempt.submission.redo_since = now if redo else None
    queue.remove_attempt(session, attempt)
    outbox.post(session, MAIL, attempt.submission.learner, feedback.id, actor_id=teacher.id, now=now)
    audit_log.record(
        session,
        teacher,
        AuditAction.FEEDBACK_RETURNED,
        "feedback",
        feedback.id,
        detail="redo" if redo else "finished",
        now=now,
    )
    session.flush()
    return feedback


def mail_outcomes(session: Session, feedback_ids: Sequence[str]) -> dict[str, str]:
    """Return by feedback id what became of its e-mail: waiting, sent, no_address, failed, expired or void."""
    found = session.execute(
        select(OutboxItem.about_id, OutboxItem.outcome).where(
            and_(OutboxItem.kind == MAIL, OutboxItem.about_id.in_(list(feedback_ids)))
        )
    )
    return {about_id: outcome or "waiting" for about_id, outcome in found}


def _set_scores(session: Session, feedback: Feedback, bands: Mapping[str, int]) -> None:
    existing = {
        score.criterion_id: score
        for score in session.scalars(select(Score).where(Score.feedback_id == feedback.id))
    }
    for criterion_id, score in existing.items():
        if criterion_id not in bands:
            session.delete(score)
    for criterion_id, band in bands.items():
        if band not in BANDS:
            raise ValueError(f"not a band: {band}")
        if criterion_id in existing:
            existing[criterion_id].band = band
        else:
            session.add(Score(feedback_id=feedback.id, criterion_id=criterion_id, band=band))
    session.flush()
