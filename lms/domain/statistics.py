"""Figures for the coordinator: people, cards, copies, appointments, failed mails; first steps of a school."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import Session

from lms.domain import failed_messages
from lms.domain.booking.slots import instants
from lms.domain.booking.video_rooms import BASE, HAS_ADDRESS
from lms.domain.people.directory import LevelCount, has_role
from lms.domain.people.staff import STAFF_ROLES
from lms.extensions import UTCDateTime, read_rows
from lms.models import (
    AccessCard,
    Availability,
    Booking,
    BookingState,
    Lesson,
    Level,
    Person,
    PersonRole,
    QueuedAttempt,
    Role,
    RuleMode,
)


@dataclass(frozen=True)
class FirstSteps:
    """The beginnings of a school, and which are made: a teacher, a learner, a published lesson, hours.

    `video`: an address for every teacher who has weekly hours by video.
    """

    team: bool
    learners: bool
    lessons: bool
    hours: bool
    video: bool

    @property
    def are_done(self) -> bool:
        return self.team and self.learners and self.lessons and self.hours and self.video


@dataclass(frozen=True)
class Figures:
    """Current figures of the organisation, active learners only.

    `week_bookings`: appointments of this week, from Monday. `failed_mails`: in the last seven days.
    """

    by_level: list[LevelCount]
    without_card: int
    locked_cards: int
    without_social_worker: int
    waiting_copies: int
    week_bookings: int
    failed_mails: int
    first_steps: FirstSteps


# Built once, at import: the start page of a coordinator runs all of them. People who are not
# of the team are learners: so one index has all that is counted, and the few of the team alone are taken off.
# In the same way the cards are counted, and those of learners who left taken off.
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
_OF_WEEK = select(func.count()).where(
    Booking.state == BookingState.BOOKED,
    Booking.starts >= bindparam("monday", type_=UTCDateTime),
    Booking.starts < bindparam("next_monday", type_=UTCDateTime),
)
_WAITING = select(func.count()).select_from(QueuedAttempt)
_TEACHER = exists().where(
    Person.id == PersonRole.person_id, PersonRole.role == Role.TEACHER, Person.deactivated_at.is_(None)
)
_WITHOUT_ADDRESS = exists().where(
    Availability.mode != RuleMode.ONSITE,
    Person.id == Availability.teacher_id,
    Person.deactivated_at.is_(None),
    ~HAS_ADDRESS,
)
_BESIDE = select(
    *(each.scalar_subquery() for each in (_CARDS, _LEFT, _LOCKED, _WAITING, _OF_WEEK, failed_messages.COUNT)),
    _TEACHER,
    exists().where(Lesson.published_at.is_not(None)),
    exists().where(Availability.id.is_not(None)),
    _WITHOUT_ADDRESS,
    BASE != "",
)


def current_figures(session: Session, *, now: datetime, zone: ZoneInfo) -> Figures:
    """Return the coordinator's current figures, in four statements."""
    people: Counter[str | None] = Counter()
    unassigned = 0
    for query, sign in ((_ACTIVE, 1), (_TEAM, -1)):
        for level_id, number, alone in read_rows(session, query, {}):
            people[level_id] += sign * number
            unassigned += sign * alone
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    begin, end = instants(monday, monday + timedelta(days=6), zone)
    values = {"monday": begin, "next_monday": end, "failed_since": failed_messages.failed_since(now=now)}
    cards, of_left, locked, waiting, of_week, failed, *begun = read_rows(session, _BESIDE, values)[0]
    has_teacher, has_lesson, has_hours, lacks_address, has_base = map(bool, begun)
    has_address = not lacks_address and (has_hours or has_base)
    return Figures(
        by_level=[LevelCount(id_, name, people[id_]) for id_, name in read_rows(session, _LEVELS, {})],
        without_card=people.total() - (cards - of_left),
        locked_cards=locked,
        without_social_worker=unassigned,
        waiting_copies=waiting,
        week_bookings=of_week,
        failed_mails=failed,
        first_steps=FirstSteps(has_teacher, people.total() > 0, has_lesson, has_hours, has_address),
    )
