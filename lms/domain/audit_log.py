"""The journal: who did what, when. Append-only, sealed in a chain after the commit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.models import AuditEvent, Person

SEAL_BATCH = 500
SEAL_LATE = timedelta(minutes=10)
_GENESIS = "0" * 64


def record(
    session: Session,
    actor: Person | None,
    action: str,
    object_kind: str,
    object_id: str,
    *,
    detail: str = "",
    now: datetime,
) -> None:
    """Write the line in the transaction of the deed. `detail` never holds a name, a text or a secret."""
    session.add(
        AuditEvent(
            at=now,
            actor_id=actor.id if actor else None,
            action=action,
            object_kind=object_kind,
            object_id=object_id,
            detail=detail,
        )
    )


def digest(event: AuditEvent, number: int, previous: str) -> str:
    """Return the hash of an event, its number and the hash before it."""
    fields = (
        str(number),
        event.id,
        str(int(event.at.timestamp())),
        event.actor_id or "",
        event.action,
        event.object_kind,
        event.object_id,
        event.detail,
        previous,
    )
    return hashlib.sha256("\x1f".join(fields).encode()).hexdigest()


def seal(session: Session) -> int:
    """Give number and hash to the lines that have none; returns how many."""
    waiting = session.scalars(
        select(AuditEvent)
        .where(AuditEvent.number.is_(None))
        .order_by(AuditEvent.at, AuditEvent.id)
        .limit(SEAL_BATCH)
        # Locked before the last number is read: two sealers on PostgreSQL go one after the other.
        .with_for_update()
    ).all()
    last = session.scalars(
        select(AuditEvent).where(AuditEvent.number.is_not(None)).order_by(AuditEvent.number.desc()).limit(1)
    ).first()
    number = last.number if last is not None and last.number is not None else 0
    previous = last.hash if last is not None and last.hash is not None else _GENESIS
    for event in waiting:
        if event.number is not None:
            continue
        number += 1
        previous = digest(event, number, previous)
        event.number, event.hash = number, previous
    return len(waiting)


def first_broken(session: Session) -> int | None:
    """The number of the first sealed line that was changed, removed or put in between; None when whole."""
    previous, number = _GENESIS, 0
    while True:
        batch = session.scalars(
            select(AuditEvent).where(AuditEvent.number > number).order_by(AuditEvent.number).limit(SEAL_BATCH)
        ).all()
        if not batch:
            return None
        for event in batch:
            number += 1
            if event.number != number or event.hash != digest(event, number, previous):
                return number
            previous = event.hash


def unsealed_since(session: Session, *, now: datetime) -> int:
    """How many lines have waited too long for their seal."""
    return (
        session.scalar(
            select(func.count()).where(AuditEvent.number.is_(None), AuditEvent.at < now - SEAL_LATE)
        )
        or 0
    )


def events_for(session: Session, object_id: str, limit: int = 100) -> Sequence[AuditEvent]:
    """Return the events of one object, the newest first."""
    return session.scalars(
        select(AuditEvent)
        .where(AuditEvent.object_id == object_id)
        .order_by(AuditEvent.at.desc(), AuditEvent.id)
        .limit(limit)
    ).all()
