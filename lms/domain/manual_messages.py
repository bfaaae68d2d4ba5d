"""Messages about appointments that wait for a member of the team to send them by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVarTuple

from sqlalchemy import Boolean, Select, String, bindparam, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, lazyload

from lms.domain import outbox
from lms.domain.errors import Absent
from lms.extensions import UTCDateTime, read_rows
from lms.models import Booking, OutboxItem, Person, Role

Ts = TypeVarTuple("Ts")


def messages_to_send(
    session: Session, actor: Person, *, now: datetime
) -> Sequence[tuple[OutboxItem, Booking]]:
    """Return the messages that the actor may send, with their appointments, the nearest first.

    One statement when there is none, else two. A teacher sends those about the teacher's own appointments, a
    social worker those to the assigned learners, a coordinator all.
    """
    values = {"now": now, **_sender(actor)}
    if not read_rows(session, _IS_WAITING, values):
        return []
    return [(item, booking) for item, booking in session.execute(_WAITING, values)]


def message_for(session: Session, actor: Person, item_id: str) -> OutboxItem:
    """Return one message, also when it was sent meanwhile. Raises `Absent` when the actor may not send it."""
    handed_over = select(OutboxItem).where(OutboxItem.id == item_id, OutboxItem.handed_at.is_not(None))
    found = session.execute(_about(handed_over), _sender(actor)).one_or_none()
    if found is None:
        raise Absent
    item: OutboxItem = found[0]
    return item


def _sendable(items: Select[*Ts]) -> Select[*Ts]:
    """Limit messages about appointments to those that the person of `_sender` may send."""
    return (
        items.join(Booking, Booking.id == OutboxItem.about_id)
        .join(OutboxItem.person)
        .where(
            or_(
                bindparam("all", type_=Boolean),
                Booking.teacher_id == bindparam("teacher", type_=String),
                Person.social_worker_id == bindparam("worker", type_=String),
            )
        )
    )


def _about(items: Select[OutboxItem]) -> Select[OutboxItem, Booking]:
    """Select messages with their appointments: those that the person of `_sender` may send."""
    return _sendable(items.add_columns(Booking)).options(
        contains_eager(OutboxItem.person).options(
            lazyload(Person.role_rows), joinedload(Person.social_worker).lazyload(Person.role_rows)
        ),
        joinedload(Booking.teacher).options(lazyload(Person.role_rows)),
        joinedload(Booking.learner).options(lazyload(Person.role_rows)),
        joinedload(Booking.room),
    )


# Built once, because every start page of the team runs it.
_HANDED_OVER = outbox.waiting_for_hand(now=bindparam("now", type_=UTCDateTime)).where(
    or_(Person.deactivated_at.is_(None), OutboxItem.kind.in_(outbox.TOLD_AFTER_LEAVING))
)
_WAITING = _about(_HANDED_OVER).order_by(Booking.starts, OutboxItem.handed_at, OutboxItem.id)
_IS_WAITING = _sendable(_HANDED_OVER.with_only_columns(OutboxItem.id)).limit(1)


def _sender(person: Person) -> dict[str, bool | str | None]:
    return {
        "all": Role.COORDINATOR in person.roles,
        "teacher": person.id if Role.TEACHER in person.roles else None,
        "worker": person.id if Role.SOCIAL_WORKER in person.roles else None,
    }
