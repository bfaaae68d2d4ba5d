"""The mailbox that takes homework: one worker reads it at a time, and pauses grow while it fails."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from lms.models import Mailbox

# Longer than one mail may take; renewed with each.
LEASE = timedelta(minutes=5)
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)


def claim_mailbox(session: Session, name: str, *, now: datetime) -> bool:
    """Claim the mailbox for the length of a lease; return False while another worker has it, or it pauses."""
    if session.get(Mailbox, name) is None:
        session.add(Mailbox(name=name))
        session.flush()
    claimed = session.execute(
        update(Mailbox)
        .where(
            Mailbox.name == name,
            or_(Mailbox.claimed_until.is_(None), Mailbox.claimed_until <= now),
            or_(Mailbox.due_at.is_(None), Mailbox.due_at <= now),
        )
        .values(claimed_until=now + LEASE)
        .returning(Mailbox.name)
        .execution_options(synchronize_session=False)
    )
    return claimed.scalar_one_or_none() is not None


def extend_claim(session: Session, name: str, *, now: datetime) -> None:
    """Keep the mailbox for another lease."""
    session.execute(
        update(Mailbox)
        .where(Mailbox.name == name)
        .values(claimed_until=now + LEASE)
        .execution_options(synchronize_session=False)
    )


def record_success(session: Session, name: str, *, now: datetime) -> None:
    """Give the mailbox back after it was read."""
    mailbox = session.get_one(Mailbox, name, populate_existing=True)
    mailbox.claimed_until = mailbox.due_at = mailbox.failing_since = None
    mailbox.failures, mailbox.error, mailbox.read_at = 0, "", now


def record_failure(session: Session, name: str, code: str, *, now: datetime) -> None:
    """Give the mailbox back; it is tried again in one minute, two, four ... at most an hour."""
    mailbox = session.get_one(Mailbox, name, populate_existing=True)
    pause = min(_FIRST_PAUSE * 2 ** min(mailbox.failures, 10), _LONGEST_PAUSE)
    mailbox.claimed_until, mailbox.due_at = None, now + pause
    mailbox.failing_since, mailbox.error = mailbox.failing_since or now, code[:40]
    mailbox.failures += 1


def find_failing(session: Session) -> Mailbox | None:
    """Return the mailbox that cannot be read at present; None when all is well."""
    return session.scalar(select(Mailbox).where(Mailbox.failing_since.is_not(None)).limit(1))
