"""What a social worker follows: appointments, absences, silence and next steps of the assigned learners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, String, bindparam, func, select
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


# Built once. Limited by the learners of the social worker and by the days in which the appointments begin:
# both are indexed, so that neither other learners nor the past are read.
_SINCE, _NOW = bindparam("since", type_=UTCDateTime), bindparam("now", type_=UTCDateTime)
_LIMIT = bindparam("limit", type_=Integer)
_ASSIGNED = (
    Person.social_worker_id == bindparam("worker", type_=String),
    Person.deactivated_at.is_(None),
)


# The appointments are chosen before anything is joined: else PostgreSQL may begin with all the records.
_RECENT_OR_COMING = (
    select(Booking.id, Person.id.label("learner_id"), Person.name, Booking.starts, Booking.ends, Booking.mode)
    .select_from(Person)
    .join(Booking, Booking.learner_id == Person.id)
    .where(*_ASSIGNED, Booking.state == BookingState.BOOKED, Booking.starts > _SINCE)
    .cte("chosen")
    .prefix_with("MATERIALIZED")
)
_CHOSEN = _RECENT_OR_COMING.c


def _appointments(*where: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            _CHOSEN.id,
            _CHOSEN.learner_id,
            _CHOSEN.name,
            _CHOSEN.starts,
            _CHOSEN.mode,
            AppointmentRecord.next_step,
        )
        .select_from(_RECENT_OR_COMING)
        .join(AppointmentRecord, AppointmentRecord.booking_id == _CHOSEN.id)
        .where(*where)
        .limit(_LIMIT)
    )


_LATEST_FIRST = _CHOSEN.starts.desc(), _CHOSEN.id
_IS_OVER = _CHOSEN.ends <= _NOW
_COMING = _appointments(_CHOSEN.ends > _NOW).order_by(_CHOSEN.starts, _CHOSEN.id)
_MISSED = _appointments(_IS_OVER, AppointmentRecord.attendance == Attendance.NO_SHOW).order_by(*_LATEST_FIRST)
_STEPS = _appointments(_IS_OVER, AppointmentRecord.next_step != "").order_by(*_LATEST_FIRST)
_LAST_SIGN = func.coalesce(Person.seen_at, Person.created_at)
_SILENT = (
    select(Person.id, Person.name, _LAST_SIGN, Person.seen_at.is_not(None))
    .where(*_ASSIGNED, has_role(Role.LEARNER), _LAST_SIGN < _SINCE)
    .order_by(_LAST_SIGN, Person.id)
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
