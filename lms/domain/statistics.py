"""Figures for the coordinator: people, cards, appointments, failed mails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.orm import Session

from lms.domain.booking.slots import HOUR
from lms.domain.people.directory import LevelCount
from lms.extensions import UTCDateTime
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


# Built once, at import: the start page of a coordinator runs all of them.
_NOW, _SINCE = bindparam("now", type_=UTCDateTime), bindparam("since", type_=UTCDateTime)
_LEARNER = and_(PersonRole.person_id == Person.id, PersonRole.role == Role.LEARNER)
_BY_LEVEL = (
    select(Level.id, Level.name, func.count(PersonRole.person_id))
    .outerjoin(Person, and_(Person.level_id == Level.id, Person.deactivated_at.is_(None)))
    .outerjoin(PersonRole, _LEARNER)
    .group_by(Level.id)
    .order_by(Level.position)
)
_CARDS = (
    select(
        func.count().filter(AccessCard.id.is_(None)),
        func.count().filter(AccessCard.locked_at.is_not(None)),
        func.count().filter(Person.social_worker_id.is_(None)),
    )
    .select_from(Person)
    .join(PersonRole, _LEARNER)
    .outerjoin(AccessCard, and_(AccessCard.person_id == Person.id, AccessCard.revoked_at.is_(None)))
    .where(Person.deactivated_at.is_(None))
)
_COMING = select(func.count()).where(
    Booking.state == BookingState.BOOKED, Booking.starts > _SINCE, Booking.ends > _NOW
)
_FAILED = select(func.count()).where(
    OutboxItem.outcome.in_((Outcome.FAILED, Outcome.EXPIRED)), OutboxItem.closed_at > _SINCE
)


def current_figures(session: Session, *, now: datetime) -> Figures:
    """Return the coordinator's current figures: learners of each level, cards, appointments, messages."""
    without, locked, unassigned = session.execute(_CARDS).one()
    return Figures(
        by_level=[LevelCount(*row) for row in session.execute(_BY_LEVEL)],
        without_card=without,
        locked_cards=locked,
        without_social_worker=unassigned,
        coming_bookings=session.scalar(_COMING, {"since": now - HOUR, "now": now}) or 0,
        failed_mails=session.scalar(_FAILED, {"since": now - FAILED_SINCE}) or 0,
    )
