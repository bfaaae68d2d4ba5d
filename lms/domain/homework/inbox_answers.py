"""Receipts of mails: a person who sends homework learns what became of it, a robot never (ADR 40)."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain import outbox
from lms.models import Attempt, InboundMail, MailState, Person
from lms.refusal_codes import RefusalCode

# One receipt a sender in this time; a mail that comes sooner gets its receipt later.
PAUSE = timedelta(minutes=10)
MOST_A_DAY = 10
# A receipt that could not leave until then says nothing new any more.
_LATEST = timedelta(days=1)
_SHOWN_FOR = timedelta(days=14)


def receipt_number(attempt_id: str) -> str:
    """Return the number of a sent attempt that can be said on the phone, such as "418 207"."""
    number = int.from_bytes(hashlib.sha256(attempt_id.encode()).digest()[:8], "big") % 1_000_000
    return f"{number // 1000:03d}\N{NO-BREAK SPACE}{number % 1000:03d}"


def post_answers(session: Session, *, now: datetime) -> int:
    """Put the receipts that are due into the outbox; return how many.

    Of a mail that was filed once its files are ready: whether one can be opened is known then.
    """
    mails = session.scalars(
        select(InboundMail)
        .where(
            InboundMail.answers_to.is_not(None),
            InboundMail.answered_at.is_(None),
            InboundMail.handled_at > now - _LATEST,
        )
        .order_by(InboundMail.handled_at, InboundMail.id)
        .limit(100)
        .with_for_update(skip_locked=True)  # another worker has them
    ).all()
    count = 0
    for mail in mails:
        kind = _answer(session, mail)
        if kind is None or mail.person_id is None or not _may_answer(session, mail, now=now):
            continue
        person = session.get_one(Person, mail.person_id)
        about_id = mail.attempt_id or mail.id
        outbox.post(session, kind, person, about_id, shown_until=now + _SHOWN_FOR, now=now)
        mail.answered_at = now
        session.flush()
        count += 1
    return count


def _answer(session: Session, mail: InboundMail) -> str | None:
    """Return the kind of the receipt; None while it is not known whether the files can be opened.

    An attempt of which no file can be opened is a draft again: then the mail brought no homework.
    """
    if mail.state == MailState.REFUSED:
        return "mail_unreadable"
    attempt = session.get(Attempt, mail.attempt_id, populate_existing=True) if mail.attempt_id else None
    if attempt is None or (attempt.sent_at is not None and attempt.queued_at is None):
        return None
    if attempt.queued_at is not None:
        return "homework_received"
    mail.state, mail.attempt_id, mail.why = MailState.REFUSED, None, RefusalCode.MAIL_NO_HOMEWORK
    return "mail_unreadable"


def _may_answer(session: Session, mail: InboundMail, *, now: datetime) -> bool:
    answered = select(func.count()).where(InboundMail.answers_to == mail.answers_to)
    last = session.scalar(answered.where(InboundMail.answered_at > now - PAUSE))
    today = session.scalar(answered.where(InboundMail.answered_at > now - timedelta(days=1)))
    return not last and (today or 0) < MOST_A_DAY
