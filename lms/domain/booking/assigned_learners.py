"""What a social worker follows: appointments, absences, silence and next steps of the assigned learners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, String, bindparam, select
from sqlalchemy.orm import Session

from lms.domain.booking.slots import HOUR
from lms.domain.people import logins
from lms.domain.people.directory import has_role
from lms.extensions import UTCDateTime, read_rows
from lms.models import AppointmentRecord, Attendance, Booking, BookingState, Mode, Person, Role

SHOWN = 6
# Older ones are history: they stand on the page of the learner.
RECENT = timedelta(days=30)


@dataclass(frozen=True)
class LearnerAppointment:
    """An appointment of an assigned learner. `next_step`: what the teacher agreed with the learner there."""

    id: str
    learner_id: str
    learner: str
    starts: datetime
    mode: Mode
    next_step: str


@dataclass(frozen=True)
class SilentLearner:
    """An assigned learner and the last visit; `visited` is False for one who never came: then since when."""

    id: str
    name: str
    since: datetime
    visited: bool


# Built once. The appointments are read in the order of their beginnings, of the days that are asked for
# alone: until there are enough, however many learners are assigned. What is said of each is asked for
# apart: of a join PostgreSQL may begin with all the records.
_SINCE, _NOW = bindparam("since", type_=UTCDateTime), bindparam("now", type_=UTCDateTime)
_LIMIT = bindparam("limit", type_=Integer)
_ASSIGNED = (
    Person.social_worker_id == bindparam("worker", type_=String),
    Person.deactivated_at.is_(None),
)


_NAME = select(Person.name).where(Person.id == Booking.learner_id).scalar_subquery()
_ATTENDANCE, _NEXT_STEP = (
    select(column).where(AppointmentRecord.booking_id == Booking.id).scalar_subquery()
    for column in (AppointmentRecord.attendance, AppointmentRecord.next_step)
)


def _appointments(*where: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    assigned = select(Person.id).where(Person.id == Booking.learner_id, *_ASSIGNED)
    return (
        select(Booking.id, Booking.learner_id, _NAME, Booking.starts, Booking.mode, _NEXT_STEP)
        .where(Booking.state == BookingState.BOOKED, Booking.starts > _SINCE, *where, assigned.exists())
        .limit(_LIMIT)
    )


_LATEST_FIRST = Booking.starts.desc(), Booking.id
_IS_OVER = Booking.starts <= _NOW, Booking.ends <= _NOW
_COMING = _appointments(Booking.ends > _NOW).order_by(Booking.starts, Booking.id)
_MISSED = _appointments(*_IS_OVER, _ATTENDANCE == Attendance.NO_SHOW).order_by(*_LATEST_FIRST)
_STEPS = _appointments(*_IS_OVER, _NEXT_STEP != "").order_by(*_LATEST_FIRST)
_SILENT = (
    select(Person.id, Person.name, logins.LAST_SIGN, Person.seen_at.is_not(None))
    .where(*_ASSIGNED, has_role(Role.LEARNER), logins.LAST_SIGN < _SINCE)
    .order_by(logins.LAST_SIGN, Person.id)
    .limit(_LIMIT)
)


def coming_appointments_for(
    session: Session, actor: Person, *, now: datetime
) -> Sequence[LearnerAppointment]:
    """Return the next appointments of the actor's assigned learners, a running one included."""
    return _read(session, actor, _COMING, now - HOUR, now=now)


def missed_appointments_for(
    session: Session, actor: Person, *, now: datetime
) -> Sequence[LearnerAppointment]:
    """Return the recent appointments to which assigned learners did not come, the latest first."""
    return _read(session, actor, _MISSED, now - RECENT, now=now)


def next_steps_for(session: Session, actor: Person, *, now: datetime) -> Sequence[LearnerAppointment]:
    """Return the latest appointment with a next step of each assigned learner, of the recent ones.

    It is what the learner reads too; never the private note.
    """
    latest: dict[str, LearnerAppointment] = {}
    for each in _read(session, actor, _STEPS, now - RECENT, now=now, limit=5 * SHOWN):
        latest.setdefault(each.learner_id, each)
    return list(latest.values())[:SHOWN]


def silent_learners_for(session: Session, actor: Person, *, now: datetime) -> Sequence[SilentLearner]:
    """Return assigned learners who were not seen for two weeks, those not seen for longest first."""
    values = {"worker": actor.id, "since": now - logins.SILENCE, "limit": SHOWN}
    return [SilentLearner(*row) for row in read_rows(session, _SILENT, values)]


def _read(
    session: Session,
    actor: Person,
    query: Select[*tuple[Any, ...]],
    since: datetime,
    limit: int = SHOWN,
    *,
    now: datetime,
) -> list[LearnerAppointment]:
    values = {"worker": actor.id, "since": since, "now": now, "limit": limit}
    return [LearnerAppointment(*row) for row in read_rows(session, query, values)]
