"""Row locks of people: what two transactions may not do for one person at the same time."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.models import Person


def lock_people(session: Session, *person_ids: str) -> None:
    """Lock these people, so that what concerns one runs one after the other (on SQLite all writes do).

    Always in the order of their ids, so that two transactions cannot deadlock. The lock does not block
    foreign keys to a person: a message to somebody does not wait for an appointment.
    """
    session.execute(
        select(Person.id)
        .where(Person.id.in_(set(person_ids)))
        .order_by(Person.id)
        .with_for_update(key_share=True)
    ).all()
