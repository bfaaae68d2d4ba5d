"""Messages about appointments that wait for a member of the team to send them by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, false, or_, select, true
from sqlalchemy.orm import Session, contains_eager, joinedload, lazyload

from lms.domain import outbox
from lms.domain.errors import Absent
from lms.models import Booking, OutboxItem, Person, Role


def messages_to_send(
    session: Session, actor: Person, *, now: datetime
) -> Sequence[tuple[OutboxItem, Booking]]:
    """Return the messages that the actor may send, with their appointments, the nearest first. One statement.

    A teacher sends those about the teacher's own appointments, a social worker those to the assigned
    learners, a coordinator all.
    """
    rows = session.execute(
        _about(outbox.waiting_for_hand(now=now), actor)
        .where(or_(Person.deactivated_at.is_(None), OutboxItem.kind.in_(outbox.TOLD_AFTER_LEAVING)))
        .order_by(Booking.starts, OutboxItem.handed_at, OutboxItem.id)
    )
    return [(item, booking) for item, booking in rows]


def message_for(session: Session, actor: Person, item_id: str) -> OutboxItem:
    """Return one message, also when it was sent meanwhile. Raises `Absent` when the actor may not send it."""
    handed_over = select(OutboxItem).where(OutboxItem.id == item_id, OutboxItem.handed_at.is_not(None))
    found = session.execute(_about(handed_over, actor)).one_or_none()
    if found is None:
        raise Absent
    item: OutboxItem = found[0]
    return item


def _about(items: Select[OutboxItem], person: Person) -> Select[OutboxItem, Booking]:
    conditions: list[ColumnElement[bool]] = [false()]
    if Role.COORDINATOR in person.roles:
        conditions.append(true())
    if Role.TEACHER in person.roles:
        conditions.append(Booking.teacher_id == person.id)
    if Role.SOCIAL_WORKER in person.roles:
        conditions.append(Person.social_worker_id == person.id)
    return (
        items.add_columns(Booking)
        .join(Booking, Booking.id == OutboxItem.about_id)
        .join(OutboxItem.person)
        .where(or_(*conditions))
        .options(
            contains_eager(OutboxItem.person).options(
                lazyload(Person.role_rows), joinedload(Person.social_worker).lazyload(Person.role_rows)
            ),
            joinedload(Booking.teacher).options(lazyload(Person.role_rows)),
            joinedload(Booking.learner).options(lazyload(Person.role_rows)),
            joinedload(Booking.room),
        )
    )
