"""Check people, their cards and their logins in the database. One line for each fault, with ids only.

The checks do not rely on the functions that write these rows. That a person has one card that is not revoked
is held by a unique key.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from lms.domain.people import short_names
from lms.models import (
    AccessCard,
    KnownDevice,
    LoginSession,
    Organisation,
    PasswordLink,
    Person,
    PersonRole,
    Role,
)

# Repeated here on purpose: an accidental change in `cards` is then found.
PIN_TRIES = 5


def find_people_faults(session: Session, *, now: datetime) -> list[str]:
    """Return a line for each fault; empty when people, cards and logins are consistent."""
    return [
        *_people_without_use(session),
        *_wrong_cards(session),
        *_living_logins(session, now=now),
        *_living_links(session, now=now),
        *_wrong_short_names(session),
        *_lost_learners(session),
    ]


def _people_without_use(session: Session) -> Iterator[str]:
    """Find active people without a role, and an organisation that nobody can change."""
    roleless = ~exists().where(PersonRole.person_id == Person.id)
    for person_id in session.scalars(
        select(Person.id).where(Person.deactivated_at.is_(None), roleless).order_by(Person.id)
    ):
        yield f"person {person_id}: has no role"
    coordinators = select(PersonRole.person_id).join(Person, Person.id == PersonRole.person_id)
    active = coordinators.where(PersonRole.role == Role.COORDINATOR, Person.deactivated_at.is_(None))
    if session.get(Organisation, 1) is not None and session.scalars(active.limit(1)).first() is None:
        yield "the organisation has no active coordinator"


def _wrong_cards(session: Session) -> Iterator[str]:
    """Find cards of people who are no learners, and locks that contradict the wrong PINs."""
    is_learner = exists().where(PersonRole.person_id == AccessCard.person_id, PersonRole.role == Role.LEARNER)
    rows = session.execute(
        select(AccessCard, is_learner).where(AccessCard.revoked_at.is_(None)).order_by(AccessCard.id)
    )
    for card, learns in rows:
        if not learns:
            yield f"card {card.id}: is valid, and {card.person_id} is no learner"
        if (card.failed_pins >= PIN_TRIES) != (card.locked_at is not None):
            state = "not locked" if card.locked_at is None else "locked"
            yield f"card {card.id}: {state} after {card.failed_pins} wrong PINs"


def _living_logins(session: Session, *, now: datetime) -> Iterator[str]:
    """Find logins and known devices that outlive their person or their card."""
    rows = session.execute(
        select(LoginSession.id, LoginSession.person_id, LoginSession.card_id, Person.deactivated_at)
        .join(Person, Person.id == LoginSession.person_id)
        .outerjoin(AccessCard, AccessCard.id == LoginSession.card_id)
        .where(
            LoginSession.ended_at.is_(None),
            LoginSession.expires_at > now,
            or_(Person.deactivated_at.is_not(None), AccessCard.revoked_at.is_not(None)),
        )
        .order_by(LoginSession.id)
    )
    for row in rows:
        if row.deactivated_at is not None:
            yield f"login {row.id}: still open, and {row.person_id} is deactivated"
        else:
            yield f"login {row.id}: still open, and its card {row.card_id} is revoked"
    for device in session.execute(
        select(KnownDevice.id, KnownDevice.card_id)
        .join(AccessCard, AccessCard.id == KnownDevice.card_id)
        .where(AccessCard.revoked_at.is_not(None))
        .order_by(KnownDevice.id)
    ):
        yield f"device {device.id}: still known to the card {device.card_id}, which is revoked"


def _living_links(session: Session, *, now: datetime) -> Iterator[str]:
    """Find password links of deactivated people that could still be used."""
    rows = session.execute(
        select(PasswordLink.id, PasswordLink.person_id)
        .join(Person, Person.id == PasswordLink.person_id)
        .where(
            PasswordLink.used_at.is_(None), PasswordLink.expires_at > now, Person.deactivated_at.is_not(None)
        )
        .order_by(PasswordLink.id)
    )
    for row in rows:
        yield f"password link {row.id}: can be used, and {row.person_id} is deactivated"


def _wrong_short_names(session: Session) -> Iterator[str]:
    """Find members of the team whose short name is not that of their name beside those of the others."""
    for person_id in short_names.wrong_short_names(session):
        yield f"person {person_id}: has another short name than the names of the team say"


def _lost_learners(session: Session) -> Iterator[str]:
    """Find learners who are assigned to a person who is no active social worker."""
    worker = aliased(Person)
    helps = exists().where(PersonRole.person_id == worker.id, PersonRole.role == Role.SOCIAL_WORKER)
    assists = and_(helps, worker.deactivated_at.is_(None))
    rows = select(Person.id, worker.id).join(worker, worker.id == Person.social_worker_id)
    for learner_id, worker_id in session.execute(rows.where(~assists).order_by(Person.id)):
        yield f"learner {learner_id}: is assigned to {worker_id}, who is no active social worker"
