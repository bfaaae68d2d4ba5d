"""What leaves the house is a row first.

A row is written in the transaction that causes it. A worker claims it with a lease, sends with no
transaction open, and closes it; the sweep finds whatever was left behind by a killed process. For whom
no machine reaches, the worker hands it over: then it waits, open, for somebody of the team.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.orm import Session

from lms.models import FormReceipt, OutboxItem, Person

# Longer than any mail may take (LMS_MAIL_TIMEOUT is at most 120 s for each of a few steps).
LEASE = timedelta(minutes=10)
KEEP_TRYING = timedelta(days=3)
# The worker looks every minute: a mail that has waited for so long says that none is at work.
LATE = timedelta(minutes=15)
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=4)


def post(
    session: Session,
    kind: str,
    person: Person,
    about_id: str,
    *,
    sequence: int = 0,
    secret: str | None = None,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    now: datetime,
) -> OutboxItem:
    """Write one message to one person; the same message twice is one row."""
    dedupe = f"{about_id}:{sequence}:{kind}:{person.id}"
    item = session.scalar(select(OutboxItem).where(OutboxItem.dedupe == dedupe))
    if item is not None:
        return item
    item = OutboxItem(
        dedupe=dedupe,
        kind=kind,
        person_id=person.id,
        about_id=about_id,
        sequence=sequence,
        secret=secret,
        made_at=now,
        due_at=due_at or now,
        expires_at=expires_at or now + KEEP_TRYING,
    )
    session.add(item)
    session.flush()
    if item.due_at <= now:
        session.info.setdefault("outbox", []).append(item.id)
    return item


def due_items(session: Session, limit: int = 200, *, now: datetime) -> list[str]:
    """Open rows whose time has come and that no living worker holds."""
    return list(
        session.scalars(
            select(OutboxItem.id)
            .where(
                OutboxItem.closed_at.is_(None),
                OutboxItem.handed_at.is_(None),
                OutboxItem.due_at <= now,
                or_(OutboxItem.claimed_until.is_(None), OutboxItem.claimed_until <= now),
            )
            .order_by(OutboxItem.due_at, OutboxItem.id)
            .limit(limit)
        )
    )


def claim_item(session: Session, item_id: str, *, now: datetime) -> bool:
    """Take the row for the length of a lease. False when it is closed, not due or in other hands."""
    result = session.execute(
        update(OutboxItem)
        .where(
            OutboxItem.id == item_id,
            OutboxItem.closed_at.is_(None),
            OutboxItem.handed_at.is_(None),
            OutboxItem.due_at <= now,
            or_(OutboxItem.claimed_until.is_(None), OutboxItem.claimed_until <= now),
        )
        .values(claimed_until=now + LEASE, attempts=OutboxItem.attempts + 1)
        .returning(OutboxItem.id)
    )
    return result.scalar_one_or_none() is not None


def close_item(
    session: Session,
    item_id: str,
    outcome: str,
    error: str = "",
    *,
    channel: str | None = None,
    invited: bool = False,
    now: datetime,
) -> None:
    """The row is done: how it ended, by which way it left, and whether an invitation went with it."""
    session.execute(
        update(OutboxItem)
        .where(OutboxItem.id == item_id, OutboxItem.closed_at.is_(None))
        .values(
            outcome=outcome,
            closed_at=now,
            claimed_until=None,
            secret=None,
            error=error[:200],
            channel=channel,
            invited=invited,
        )
    )


def postpone(session: Session, item_id: str, error: str, *, now: datetime) -> None:
    """Try again later: after a minute, two, four ... at most four hours; after three days never."""
    item = session.get_one(OutboxItem, item_id)
    pause = min(_FIRST_PAUSE * 2 ** max(item.attempts - 1, 0), _LONGEST_PAUSE)
    if now + pause > item.expires_at:
        close_item(session, item_id, "failed", error, now=now)
        return
    item.due_at, item.claimed_until, item.error = now + pause, None, error[:200]


def void_items(session: Session, about_id: str, *, kind: str | None = None, now: datetime) -> None:
    """Close what is still open about a thing, because it no longer makes sense."""
    where = [OutboxItem.about_id == about_id, OutboxItem.closed_at.is_(None)]
    if kind is not None:
        where.append(OutboxItem.kind == kind)
    session.execute(
        update(OutboxItem)
        .where(*where)
        .values(outcome="void", closed_at=now, claimed_until=None, secret=None)
    )


# -- by hand -------------------------------------------------------------------------------------


def hand_over(session: Session, item_id: str, *, now: datetime) -> None:
    """No machine reaches her: from now on the row waits for somebody of the team, and for no worker."""
    session.execute(
        update(OutboxItem)
        .where(OutboxItem.id == item_id, OutboxItem.closed_at.is_(None))
        .values(channel="hand", handed_at=now, claimed_until=None)
    )


def waiting_for_hand(*, now: datetime) -> Select[OutboxItem]:
    """Select the rows that wait to be sent by hand."""
    return select(OutboxItem).where(
        OutboxItem.closed_at.is_(None), OutboxItem.handed_at.is_not(None), OutboxItem.expires_at > now
    )


def mark_sent_by_hand(session: Session, actor: Person, item: OutboxItem, *, now: datetime) -> None:
    """Said by whoever sent it. Said twice, or by two people, the first one stands."""
    session.execute(
        update(OutboxItem)
        .where(OutboxItem.id == item.id, OutboxItem.closed_at.is_(None), OutboxItem.handed_at.is_not(None))
        .values(outcome="sent", closed_at=now, sent_by_id=actor.id)
    )


def undo_sent_by_hand(session: Session, actor: Person, item: OutboxItem) -> None:
    """A slip of the finger: it waits again. Only whoever said it takes it back."""
    session.execute(
        update(OutboxItem)
        .where(
            OutboxItem.id == item.id,
            OutboxItem.handed_at.is_not(None),
            OutboxItem.outcome == "sent",
            OutboxItem.sent_by_id == actor.id,
        )
        .values(outcome=None, closed_at=None, sent_by_id=None)
    )


def close_stale(session: Session, *, now: datetime) -> None:
    """Close the rows that nobody sent by hand in time."""
    session.execute(
        update(OutboxItem)
        .where(
            OutboxItem.closed_at.is_(None), OutboxItem.handed_at.is_not(None), OutboxItem.expires_at <= now
        )
        .values(outcome="expired", closed_at=now)
    )


# -- looking after it ----------------------------------------------------------------------------


def oldest_waiting(session: Session, *, now: datetime) -> timedelta | None:
    """Since when the oldest due message waits for a worker; None when nothing waits."""
    first = session.scalar(
        select(func.min(OutboxItem.due_at)).where(
            OutboxItem.closed_at.is_(None), OutboxItem.handed_at.is_(None), OutboxItem.due_at <= now
        )
    )
    return None if first is None else now - first


def delete_old_receipts(session: Session, before: datetime) -> None:
    """No form is sent again after a month."""
    session.execute(delete(FormReceipt).where(FormReceipt.made_at < before))
