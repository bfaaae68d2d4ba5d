"""E-mails about homework: returned feedback, and the receipts of what came by e-mail."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from config import Settings
from lms.domain.homework import attempts, worklist
from lms.domain.homework.answer_levels import Answers, answers_of
from lms.domain.homework.inbox_answers import receipt_number
from lms.domain.homework.marked_pages import MarkedPage, list_marked_pages
from lms.domain.people.contact import mail_address, registered_address
from lms.i18n.refusals import SENTENCES
from lms.inbox_addresses import reply_address
from lms.links import absolute_url
from lms.models import (
    Assignment,
    Attachment,
    Attempt,
    Feedback,
    FileState,
    InboundMail,
    Lesson,
    OutboxItem,
    ReturnedFeedback,
    Submission,
)
from lms.normal_forms import email_key
from lms.notifications import Content, MailRenderer

# Kinds that answer a mail: they go to its sender, whose address need not be known.
ANSWERS = ("homework_received", "mail_unreadable")


def feedback_returned(
    session: Session, item: OutboxItem, settings: Settings, now: datetime
) -> Content | None:
    """Return the feedback itself, so that reading it needs no login; None when it is gone."""
    found = session.execute(
        select(ReturnedFeedback, Submission.id, Submission.assignment_id, Lesson.title, Attempt.id)
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
    feedback, submission_id, assignment_id, lesson, attempt_id = found
    work = worklist.learner_assignment_for(session, item.person, assignment_id, now=now)
    submission = attempts.submission_for(session, item.person, submission_id, now=now)
    attempt = next(each for each in submission.attempts if each.id == attempt_id)
    answers = answers_of(feedback, attempt, may_try_again=work.may_write)
    return Content(
        {
            "feedback": feedback,
            "lesson": lesson,
            "hides_answers": answers == Answers.HIDDEN,
            "link": absolute_url(settings, "submissions.show", id=submission_id),
            "view_link": item.secret and absolute_url(settings, "signed_view.show", token=item.secret),
        },
        reply_to=reply_address(settings, item.person, assignment_id),
    )


def pages_to_draw(session: Session, item_id: str) -> list[MarkedPage]:
    """Return the marked pages that the mail of a row shows; none where no mail leaves."""
    item = session.get_one(OutboxItem, item_id, options=[joinedload(OutboxItem.person)])
    if item.kind != "feedback_returned" or mail_address(item.person) is None:
        return []
    returned = session.get(ReturnedFeedback, item.about_id)
    return list_marked_pages(session, returned) if returned else []


def homework_received(
    session: Session, item: OutboxItem, settings: Settings, now: datetime
) -> Content | None:
    """Return the receipt of a homework that came by e-mail; None when it is gone."""
    found = session.execute(
        select(InboundMail, Attempt, Lesson.title)
        .join(Attempt, Attempt.id == InboundMail.attempt_id)
        .join(Assignment, Assignment.id == InboundMail.assignment_id)
        .join(Lesson, Lesson.id == Assignment.lesson_id)
        .where(InboundMail.attempt_id == item.about_id)
    ).first()
    if found is None or not item.person.is_active:
        return None
    mail, attempt, lesson = found
    files = session.scalars(
        select(Attachment).where(Attachment.attempt_id == attempt.id).order_by(Attachment.position)
    ).all()
    return Content(
        {
            "lesson": lesson,
            "number": receipt_number(attempt.id),
            "sent_at": attempt.sent_at,
            "has_text": bool(attempt.text),
            "files": sum(file.state == FileState.READY for file in files),
            "refused": [file.shown_name for file in files if file.state == FileState.REFUSED],
            "link": absolute_url(settings, "submissions.show", id=attempt.submission_id),
        },
        to=_answered_address(item, mail),
        reply_to=reply_address(settings, item.person, mail.assignment_id or ""),
    )


def mail_unreadable(session: Session, item: OutboxItem, settings: Settings, now: datetime) -> Content | None:
    """Return the answer to a mail that brought no homework, with the reason; None when it is gone."""
    mail = session.get(InboundMail, item.about_id)
    if mail is None or mail.why is None or not item.person.is_active:
        return None
    return Content(
        {
            "reason": SENTENCES[mail.why],
            "subject_of_mail": mail.subject,
            "link": absolute_url(settings, "homework.index"),
        },
        to=_answered_address(item, mail),
        reply_to=reply_address(settings, item.person, mail.assignment_id) if mail.assignment_id else None,
    )


def _answered_address(item: OutboxItem, mail: InboundMail) -> str | None:
    """Return the address of the sender; None for that of the person, which may be written in another way."""
    own = registered_address(item.person)
    return None if own and email_key(own) == mail.answers_to else mail.answers_to


MAIL_RENDERERS: dict[str, MailRenderer] = {
    "feedback_returned": feedback_returned,
    "homework_received": homework_received,
    "mail_unreadable": mail_unreadable,
}
