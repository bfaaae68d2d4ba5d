"""The audit log: who did what, when. The application inserts events and never changes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.models import AuditAction, AuditEvent, Person


def record(
    session: Session,
    actor: Person | None,
    action: AuditAction,
    object_kind: str,
    object_id: str,
    *,
    detail: str = "",
    now: datetime,
) -> None:
    """Add an event in the transaction of the action. `detail` never contains a name, a text or a secret."""
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


def events_for(session: Session, object_id: str, limit: int = 100) -> Sequence[AuditEvent]:
    """Return the events of one object, the newest first."""
    return session.scalars(
        select(AuditEvent)
        .where(AuditEvent.object_id == object_id)
        .order_by(AuditEvent.at.desc(), AuditEvent.id)
        .limit(limit)
    ).all()
