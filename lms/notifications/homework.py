"""E-mail with returned feedback."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from config import Settings
from lms.links import absolute_url
from lms.models import Assignment, Attempt, Feedback, OutboxItem, Score, Submission
from lms.notifications import Content, MailRenderer


def feedback_returned(
    session: Session, item: OutboxItem, settings: Settings, now: datetime
) -> Content | None:
    """Return the feedback itself, so that reading it needs no login; None when it is not returned."""
    feedback = session.scalar(
        select(Feedback)
        .where(Feedback.id == item.about_id)
        .options(
            joinedload(Feedback.teacher),
            selectinload(Feedback.scores).joinedload(Score.criterion),
            joinedload(Feedback.attempt)
            .joinedload(Attempt.submission)
            .joinedload(Submission.assignment)
            .joinedload(Assignment.lesson),
        )
    )
    if feedback is None or feedback.returned_at is None or not item.person.is_active:
        return None
    submission = feedback.attempt.submission
    return Content(
        {
            "feedback": feedback,
            "scores": sorted(feedback.scores, key=lambda score: score.criterion.position),
            "lesson": submission.assignment.lesson.title,
            "link": absolute_url(settings, "submissions.show", id=submission.id),
        }
    )


MAIL_RENDERERS: dict[str, MailRenderer] = {"feedback_returned": feedback_returned}
