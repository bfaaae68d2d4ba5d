"""Figures for the coordinator: people, cards, appointments, failed mails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.orm import Session

from lms.domain.booking.slots import HOUR
from lms.domain.people.directory import LevelCount
from lms.extensions import UTCDateTime, read_rows
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


# Built once, at import: the start page of a coordinator runs all of them. The learners are read once.
_NOW, _SINCE = bindparam("now", type_=UTCDateTime), bindparam("since", type_=UTCDateTime)
_LEARNERS = (
    select(
        Person.level_id,
        func.count().label("number"),
        func.count().filter(AccessCard.id.is_(None)).label("without_card"),
        func.count(AccessCard.locked_at).label("locked"),
        func.count().filter(Person.social_worker_id.is_(None)).label("unassigned"),
    )
    .select_from(PersonRole)
    .join(Person, Person.id == PersonRole.person_id)
    .outerjoin(AccessCard, and_(AccessCard.person_id == Person.id, AccessCard.revoked_at.is_(None)))
    .where(PersonRole.role == Role.LEARNER, Person.deactivated_at.is_(None))
    .group_by(Person.level_id)
)
_LEVELS = select(Level.id, Level.name).order_by(Level.position)
_COMING = select(func.count()).where(
    Booking.state == BookingState.BOOKED, Booking.starts > _SINCE, Booking.ends > _NOW
)
_FAILED = select(func.count()).where(
    OutboxItem.outcome.in_((Outcome.FAILED, Outcome.EXPIRED)),
    OutboxItem.closed_at > bindparam("failed_since", type_=UTCDateTime),
)
_BESIDE = select(_COMING.scalar_subquery(), _FAILED.scalar_subquery())


def current_figures(session: Session, *, now: datetime) -> Figures:
    """Return the coordinator's current figures: learners of each level, cards, appointments, messages."""
    learners: Sequence[Any] = read_rows(session, _LEARNERS, {})
    numbers = {level_id: number for level_id, number, *_rest in learners}
    without_card, locked, unassigned = (sum(row[place] for row in learners) for place in (2, 3, 4))
    values = {"now": now, "since": now - HOUR, "failed_since": now - FAILED_SINCE}
    coming, failed = read_rows(session, _BESIDE, values)[0]
    return Figures(
        by_level=[
            LevelCount(id_, name, numbers.get(id_, 0)) for id_, name in read_rows(session, _LEVELS, {})
        ],
        without_card=without_card,
        locked_cards=locked,
        without_social_worker=unassigned,
        coming_bookings=coming,
        failed_mails=failed,
    )
