"""Check attempts and feedback in the database. One line for each fault, with ids only."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from lms.domain.homework import queue
from lms.models import (
    Attempt,
    Feedback,
    FeedbackVoice,
    OutboxItem,
    QueuedAttempt,
    ReturnedFeedback,
    Submission,
)

# The kind of the message that says that feedback was returned. Repeated here on purpose, as in `booking`.
MESSAGE = "feedback_returned"


def find_homework_faults(session: Session) -> list[str]:
    """Return a line for each fault; empty when attempts and feedback are consistent."""
    return [
        *_wrong_attempts(session),
        *_wrong_feedback(session),
        *_wrong_returns(session),
        *_wrong_voices(session),
        *_wrong_queue(session),
        *_wrong_redo(session),
    ]


def _wrong_attempts(session: Session) -> Iterator[str]:
    """Find submissions without an attempt, and those with a gap in the numbers of their attempts."""
    count, last = func.count(Attempt.id), func.coalesce(func.max(Attempt.number), 0)
    rows = session.execute(
        select(Submission.id, count.label("attempts"), last.label("last"))
        .outerjoin(Attempt, Attempt.submission_id == Submission.id)
        .group_by(Submission.id)
        .having(or_(count == 0, count != last))
        .order_by(Submission.id)
    )
    for row in rows:
        if row.attempts == 0:
            yield f"submission {row.id}: has no attempt"
        else:
            yield f"submission {row.id}: has {row.attempts} attempts, the last is number {row.last}"


def _wrong_feedback(session: Session) -> Iterator[str]:
    """Find feedback to work that was not sent, written by the learner, or with a gap in its returns."""
    count = (
        select(func.count()).where(ReturnedFeedback.feedback_id == Feedback.id).correlate(Feedback)
    ).scalar_subquery()
    rows = session.execute(
        select(
            Feedback.id,
            Feedback.returns,
            count.label("rows"),
            Attempt.id.label("attempt_id"),
            Attempt.sent_at,
            Feedback.teacher_id,
            Submission.learner_id,
        )
        .join(Attempt, Attempt.id == Feedback.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(
            or_(
                Attempt.sent_at.is_(None),
                Feedback.teacher_id == Submission.learner_id,
                Feedback.returns != count,
            )
        )
        .order_by(Feedback.id)
    )
    for row in rows:
        if row.sent_at is None:
            yield f"feedback {row.id}: the attempt {row.attempt_id} was never sent"
        if row.returns != row.rows:
            yield f"feedback {row.id}: returned {row.returns} times, with {row.rows} rows of it"
        if row.teacher_id == row.learner_id:
            yield f"feedback {row.id}: written by the learner of the work"


def _wrong_returns(session: Session) -> Iterator[str]:
    """Find returns that were never announced to the learner."""
    posted = exists().where(
        OutboxItem.kind == MESSAGE,
        OutboxItem.about_id == ReturnedFeedback.id,
        OutboxItem.person_id == Submission.learner_id,
    )
    silent = session.scalars(
        select(ReturnedFeedback.id)
        .join(Feedback, Feedback.id == ReturnedFeedback.feedback_id)
        .join(Attempt, Attempt.id == Feedback.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(~posted)
        .order_by(ReturnedFeedback.id)
    )
    for returned_id in silent:
        yield f"feedback {returned_id}: returned, and {MESSAGE} was never written"


def _wrong_voices(session: Session) -> Iterator[str]:
    """Find returns with the voice of other feedback."""
    foreign = session.scalars(
        select(ReturnedFeedback.id)
        .join(FeedbackVoice, FeedbackVoice.id == ReturnedFeedback.voice_id)
        .where(FeedbackVoice.feedback_id != ReturnedFeedback.feedback_id)
        .order_by(ReturnedFeedback.id)
    )
    for returned_id in foreign:
        yield f"feedback {returned_id}: returned with the voice of other feedback"


def _wrong_queue(session: Session) -> Iterator[str]:
    """Find what waits for feedback without a row in the queue, and rows that follow from no attempt."""
    is_draft = or_(Feedback.id.is_(None), Feedback.returns == 0, Feedback.reopened_at.is_not(None))
    waiting = queue.select_rows().where(Attempt.queued_at.is_not(None), is_draft)
    expected = {row[0]: tuple(row) for row in session.execute(waiting)}
    rows = session.execute(select(*(QueuedAttempt.__table__.c[name] for name in queue.FACTS)))
    actual = {row.attempt_id: tuple(row) for row in rows}
    for attempt_id in sorted(expected.keys() - actual.keys()):
        yield f"attempt {attempt_id}: waits for feedback, and is not in the queue"
    for attempt_id in sorted(actual.keys() - expected.keys()):
        yield f"attempt {attempt_id}: is in the queue, and waits for nothing"
    for attempt_id in sorted(actual.keys() & expected.keys()):
        if actual[attempt_id] != expected[attempt_id]:
            yield f"attempt {attempt_id}: its row of the queue is not what it was sent as"


def _wrong_redo(session: Session) -> Iterator[str]:
    """Find submissions whose `redo_since` does not follow from the feedback to the last queued attempt."""
    later = aliased(Attempt)
    is_last = ~exists().where(
        later.submission_id == Attempt.submission_id,
        later.number > Attempt.number,
        later.queued_at.is_not(None),
    )
    asked = (
        select(Attempt.submission_id, ReturnedFeedback.returned_at)
        .join(Feedback, Feedback.attempt_id == Attempt.id)
        .join(
            ReturnedFeedback,
            and_(
                ReturnedFeedback.feedback_id == Feedback.id,
                ReturnedFeedback.number == Feedback.returns,
            ),
        )
        .where(ReturnedFeedback.redo, is_last)
    )
    expected = {row.submission_id: row.returned_at for row in session.execute(asked)}
    rows = session.execute(select(Submission.id, Submission.redo_since).order_by(Submission.id))
    for submission_id, redo_since in rows:
        if redo_since != expected.get(submission_id):
            yield f"submission {submission_id}: asks for another attempt, or not, against its feedback"
