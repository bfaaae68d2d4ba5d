"""Figures for the coordinator: people, cards, appointments, failed mails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from lms.domain.people.directory import LevelCount
from lms.models import AccessCard, Booking, BookingState, Level, OutboxItem, Outcome, Person, PersonRole, Role

FAILED_SINCE = timedelta(days=7)


@dataclass(frozen=True)
class Figures:
    """Current figures of the organisation, active learners only. `failed_mails`: in the last seven days."""

    by_level: list[LevelCount]
    without_card: int
    locked_cards: int
    without_social_worker: int
    coming_bookings: int
    failed_mails: int


def current_figures(session: Session, *, now: datetime) -> Figures:
    """Return the coordinator's current figures: learners of each level, cards, appointments, messages."""
    learner = and_(PersonRole.person_id == Person.id, PersonRole.role == Role.LEARNER)
    by_level = session.execute(
        select(Level.id, Level.name, func.count(PersonRole.person_id))
        .outerjoin(Person, and_(Person.level_id == Level.id, Person.deactivated_at.is_(None)))
        .outerjoin(PersonRole, learner)
        .group_by(Level.id)
        .order_by(Level.position)
    )
    active_card = and_(AccessCard.person_id == Person.id, AccessCard.revoked_at.is_(None))
    without, locked, unassigned = session.execute(
        select(
            func.count().filter(AccessCard.id.is_(None)),
            func.count().filter(AccessCard.locked_at.is_not(None)),
            func.count().filter(Person.social_worker_id.is_(None)),
        )
        .select_from(Person)
        .join(PersonRole, learner)
        .outerjoin(AccessCard, active_card)
        .where(Person.deactivated_at.is_(None))
    ).one()
    coming = select(func.count(Booking.id)).where(Booking.state == BookingState.BOOKED, Booking.ends > now)
    failed = select(func.count(OutboxItem.id)).where(
        or_(OutboxItem.outcome == Outcome.FAILED, OutboxItem.outcome == Outcome.EXPIRED),
        OutboxItem.closed_at > now - FAILED_SINCE,
    )
    return Figures(
        by_level=[LevelCount(*row) for row in by_level],
        without_card=without,
        locked_cards=locked,
        without_social_worker=unassigned,
        coming_bookings=session.scalar(coming) or 0,
        failed_mails=session.scalar(failed) or 0,
    )
