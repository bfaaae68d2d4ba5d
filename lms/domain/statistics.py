"""Figures for the coordinator: people, cards, appointments, failed mails."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from lms.domain.booking.slots import HOUR
from lms.domain.people.directory import LevelCount, has_role
from lms.domain.people.staff import STAFF_ROLES
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


# Built once, at import: the start page of a coordinator runs all of them. People who are not
# of the team are learners: so one index has all that is counted, and the few of the team alone are taken off.
# In the same way the cards are counted, and those of learners who left taken off.
_NOW, _SINCE = bindparam("now", type_=UTCDateTime), bindparam("since", type_=UTCDateTime)
_ACTIVE = (
    select(Person.level_id, func.count(), func.count().filter(Person.social_worker_id.is_(None)))
    .where(Person.deactivated_at.is_(None))
    .group_by(Person.level_id)
)
_TEAM = _ACTIVE.where(
    Person.id.in_(select(PersonRole.person_id).where(PersonRole.role.in_(STAFF_ROLES))),
    ~has_role(Role.LEARNER),
)
_CARDS = select(func.count()).select_from(AccessCard).where(AccessCard.revoked_at.is_(None))
_OF_PEOPLE = _CARDS.join(Person, Person.id == AccessCard.person_id)
_LEFT = _OF_PEOPLE.where(Person.deactivated_at.is_not(None))
_LOCKED = _OF_PEOPLE.where(Person.deactivated_at.is_(None), AccessCard.locked_at.is_not(None))
_LEVELS = select(Level.id, Level.name).order_by(Level.position)
_COMING = select(func.count()).where(
    Booking.state == BookingState.BOOKED, Booking.starts > _SINCE, Booking.ends > _NOW
)
_FAILED = select(func.count()).where(
    OutboxItem.outcome.in_((Outcome.FAILED, Outcome.EXPIRED)),
    OutboxItem.closed_at > bindparam("failed_since", type_=UTCDateTime),
)
_BESIDE = select(*(each.scalar_subquery() for each in (_CARDS, _LEFT, _LOCKED, _COMING, _FAILED)))


def current_figures(session: Session, *, now: datetime) -> Figures:
    """Return the coordinator's current figures: learners of each level, cards, appointments, messages."""
    people: Counter[str | None] = Counter()
    unassigned = 0
    for query, sign in ((_ACTIVE, 1), (_TEAM, -1)):
        for level_id, number, alone in read_rows(session, query, {}):
            people[level_id] += sign * number
            unassigned += sign * alone
    values = {"now": now, "since": now - HOUR, "failed_since": now - FAILED_SINCE}
    cards, of_left, locked, coming, failed = read_rows(session, _BESIDE, values)[0]
    return Figures(
        by_level=[LevelCount(id_, name, people[id_]) for id_, name in read_rows(session, _LEVELS, {})],
        without_card=people.total() - (cards - of_left),
        locked_cards=locked,
        without_social_worker=unassigned,
        coming_bookings=coming,
        failed_mails=failed,
    )
