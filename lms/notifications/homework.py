"""E-mail with returned feedback."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from config import Settings
from lms.links import absolute_url
from lms.models import Assignment, Attempt, Feedback, Lesson, OutboxItem, ReturnedFeedback, Submission
from lms.notifications import Content, MailRenderer


def feedback_returned(
    session: Session, item: OutboxItem, settings: Settings, now: datetime
) -> Content | None:
    """Return the feedback itself, so that reading it needs no login; None when it is gone."""
    found = session.execute(
        select(ReturnedFeedback, Submission.id, Lesson.title)
        .join(Feedback, Feedback.id == ReturnedFeedback.feedback_id)
        .join(Attempt, Attempt.id == Feedback.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Lesson, Lesson.id == Assignment.lesson_id)
        .where(ReturnedFeedback.id == item.about_id)
        .options(joinedload(ReturnedFeedback.teacher))
    ).one_or_none()
    if found is None or not item.person.is_active:
        return None
    feedback, submission_id, lesson = found
    return Content(
        {
            "feedback": feedback,
            "lesson": lesson,
            "link": absolute_url(settings, "submissions.show", id=submission_id),
        }
    )


MAIL_RENDERERS: dict[str, MailRenderer] = {"feedback_returned": feedback_returned}
