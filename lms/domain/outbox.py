"""Outbox: every message is a row before it is sent (ADR 6), with its notice on the start page (ADR 29).

The row is written in the transaction that causes it. A worker claims it with a lease, sends with no
transaction open, and closes it; a periodic job finds the rows that a killed process left behind. When no
channel reaches the person, the worker hands the row over: then it waits, open, for a member of the team.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import BindParameter, ColumnElement, Select, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from lms.models import Channel, FormReceipt, Notice, NoticeKind, OutboxItem, Outcome, Person

# Longer than any mail may take (LMS_MAIL_TIMEOUT is at most 120 s for each of a few steps).
LEASE = timedelta(minutes=10)
KEEP_TRYING = timedelta(days=3)
# A person who left needs one thing: not to travel to an appointment that is cancelled.
TOLD_AFTER_LEAVING = ("booking_cancelled",)
# The worker looks every minute: a message that has waited for so long means that no worker runs.
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
    actor_id: str | None = None,
    shown_until: datetime | None = None,
    now: datetime,
) -> OutboxItem:
    """Add a message to one person to the outbox, with its notice, and return its row.

    The same kind, object, sequence and person twice is one row. `due_at` None means now, `expires_at` None in
    three days. `actor_id`: who caused it and needs no notice of it; None when nobody did. `shown_until`: when
    the notice makes no sense any more; None until it is seen. After the commit the queue gets the ids of the
    due rows.
    """
    dedupe = _dedupe(kind, person, about_id, sequence)
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
        created_at=now,
        due_at=due_at or now,
        expires_at=expires_at or now + KEEP_TRYING,
    )
    session.add(item)
    if actor_id != person.id:
        post_notice(
            session,
            NoticeKind(kind),
            person,
            about_id,
            sequence=sequence,
            due_at=due_at,
            expires_at=shown_until,
            now=now,
        )
    session.flush()
    if item.due_at <= now:
        session.info.setdefault("outbox", []).append(item.id)
    return item


def is_addressed(item: OutboxItem) -> bool:
    """Return whether the person of the row gets messages of its kind, which a person who left may not."""
    return item.person.is_active or item.kind in TOLD_AFTER_LEAVING


def due_items(session: Session, limit: int = 200, *, now: datetime) -> list[str]:
    """Return the ids of the open rows that are due and that no worker has claimed, the oldest first."""
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
    """Claim the row for the length of a lease; return False when it is closed, not due or claimed."""
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
    outcome: Outcome,
    error: str = "",
    *,
    channel: Channel | None = None,
    invited: bool = False,
    now: datetime,
) -> None:
    """Close the row with its outcome and, where it was sent, its channel; delete its secret.

    `invited`: a calendar invitation was in the message. A closed row stays as it is.
    """
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
    """Try again later: after one minute, two, four ... at most four hours.

    Close the row as failed when that is after `expires_at`, three days after it was written.
    """
    item = session.get_one(OutboxItem, item_id)
    pause = min(_FIRST_PAUSE * 2 ** max(item.attempts - 1, 0), _LONGEST_PAUSE)
    if now + pause > item.expires_at:
        close_item(session, item_id, Outcome.FAILED, error, now=now)
        return
    item.due_at, item.claimed_until, item.error = now + pause, None, error[:200]


def void_items(session: Session, about_id: str, *, kind: str | None = None, now: datetime) -> None:
    """Close the open rows about an object, all or those of one kind, because they no longer make sense.

    Their notices are no longer shown.
    """
    where = [OutboxItem.about_id == about_id, OutboxItem.closed_at.is_(None)]
    if kind is not None:
        where.append(OutboxItem.kind == kind)
    session.execute(
        update(OutboxItem)
        .where(*where)
        .values(outcome=Outcome.VOID, closed_at=now, claimed_until=None, secret=None)
    )
    withdraw_notices(session, about_id, kind=NoticeKind(kind) if kind else None, now=now)


# -- notices -------------------------------------------------------------------------------------


def post_notice(
    session: Session,
    kind: NoticeKind,
    person: Person,
    about_id: str,
    *,
    sequence: int = 0,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    now: datetime,
) -> None:
    """Show a notice on the start page of the person until it is seen, without a message.

    The same kind, object, sequence and person twice is one notice. `due_at` None means now, `expires_at` None
    until it is seen.
    """
    dedupe = _dedupe(kind, person, about_id, sequence)
    if session.scalar(select(Notice.id).where(Notice.dedupe == dedupe)) is None:
        session.add(
            Notice(
                dedupe=dedupe,
                kind=kind,
                person_id=person.id,
                about_id=about_id,
                created_at=now,
                due_at=due_at or now,
                expires_at=expires_at,
            )
        )
        session.flush()


def withdraw_notices(
    session: Session,
    about_id: str | None,
    *,
    kind: NoticeKind | None = None,
    person_id: str | None = None,
    now: datetime,
) -> None:
    """Stop showing the unseen notices about an object, of a kind, to a person: something newer is true.

    None means any.
    """
    where: list[ColumnElement[bool]] = [Notice.seen_at.is_(None)]
    for column, value in ((Notice.about_id, about_id), (Notice.kind, kind), (Notice.person_id, person_id)):
        if value is not None:
            where.append(column == value)
    session.execute(
        update(Notice).where(*where).values(expires_at=now).execution_options(synchronize_session=False)
    )


def mark_notices_seen(session: Session, which: ColumnElement[bool], *, now: datetime) -> None:
    """Record that the due notices of this condition are seen: nobody sends their messages by hand now."""
    seen = session.scalars(
        update(Notice)
        .where(which, Notice.due_at <= now, Notice.seen_at.is_(None))
        .values(seen_at=now)
        .returning(Notice.dedupe)
        .execution_options(synchronize_session=False)
    ).all()
    if seen:
        _close_seen(session, OutboxItem.dedupe.in_(seen), now=now)


def _dedupe(kind: str, person: Person, about_id: str, sequence: int) -> str:
    return f"{about_id}:{sequence}:{kind}:{person.id}"


# -- by hand -------------------------------------------------------------------------------------


def hand_over(session: Session, item_id: str, *, until: datetime | None = None, now: datetime) -> None:
    """Hand the row over to the team, as no other channel reaches the person; no worker claims it again.

    `until`: when the message makes no sense any more; None when the row expires. A person who has seen the
    notice needs no message: the row is closed.
    """
    values: dict[str, object] = {"channel": Channel.HAND, "handed_at": now, "claimed_until": None}
    if until is not None:
        values["expires_at"] = until
    session.execute(
        update(OutboxItem).where(OutboxItem.id == item_id, OutboxItem.closed_at.is_(None)).values(values)
    )
    _close_seen(session, OutboxItem.id == item_id, now=now)


def waiting_for_hand(*, now: datetime | BindParameter[datetime]) -> Select[OutboxItem]:
    """Select the open rows that wait to be sent by hand and have not expired."""
    return select(OutboxItem).where(
        OutboxItem.closed_at.is_(None), OutboxItem.handed_at.is_not(None), OutboxItem.expires_at > now
    )


def mark_sent_by_hand(session: Session, actor: Person, item: OutboxItem, *, now: datetime) -> None:
    """Record that the actor sent the message by hand. Of two records the first one counts."""
    session.execute(
        update(OutboxItem)
        .where(OutboxItem.id == item.id, OutboxItem.closed_at.is_(None), OutboxItem.handed_at.is_not(None))
        .values(outcome=Outcome.SENT, closed_at=now, sent_by_id=actor.id)
    )


def undo_sent_by_hand(session: Session, actor: Person, item: OutboxItem, *, now: datetime) -> None:
    """Undo `mark_sent_by_hand`: the message waits again, unless the person has seen its notice meanwhile.

    Has an effect only for the actor who marked it.
    """
    session.execute(
        update(OutboxItem)
        .where(
            OutboxItem.id == item.id,
            OutboxItem.handed_at.is_not(None),
            OutboxItem.outcome == Outcome.SENT,
            OutboxItem.sent_by_id == actor.id,
        )
        .values(outcome=None, closed_at=None, sent_by_id=None)
    )
    _close_seen(session, OutboxItem.id == item.id, now=now)


def _close_seen(session: Session, which: ColumnElement[bool], *, now: datetime) -> None:
    """Close the rows of this condition that wait to be sent by hand although their notice was seen."""
    seen = exists().where(Notice.dedupe == OutboxItem.dedupe, Notice.seen_at.is_not(None))
    session.execute(
        update(OutboxItem)
        .where(which, OutboxItem.handed_at.is_not(None), OutboxItem.closed_at.is_(None), seen)
        .values(outcome=Outcome.SEEN, closed_at=now)
        .execution_options(synchronize_session=False)
    )


def close_stale(session: Session, *, now: datetime) -> None:
    """Close the rows that nobody sent by hand in time."""
    session.execute(
        update(OutboxItem)
        .where(
            OutboxItem.closed_at.is_(None), OutboxItem.handed_at.is_not(None), OutboxItem.expires_at <= now
        )
        .values(outcome=Outcome.EXPIRED, closed_at=now)
    )


# -- maintenance ---------------------------------------------------------------------------------


def oldest_waiting(session: Session, *, now: datetime) -> timedelta | None:
    """Return how long the oldest due message has waited for a worker; None when none waits."""
    first = session.scalar(
        select(func.min(OutboxItem.due_at)).where(
            OutboxItem.closed_at.is_(None), OutboxItem.handed_at.is_(None), OutboxItem.due_at <= now
        )
    )
    return None if first is None else now - first


def delete_old_receipts(session: Session, before: datetime) -> None:
    """Delete the receipts of forms sent before this moment: such an old form is never sent again."""
    session.execute(delete(FormReceipt).where(FormReceipt.created_at < before))
