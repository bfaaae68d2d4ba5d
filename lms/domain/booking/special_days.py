"""The special days that are not over, for the pages on which they are written and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Date, String, Time, bindparam, func, literal, or_, select
from sqlalchemy.orm import Session

from lms.domain.booking.availability import LONGEST
from lms.domain.paging import Cut, KeyedList
from lms.extensions import read_rows
from lms.models import DayKind, Person, Room, RuleMode, SpecialDay


@dataclass(frozen=True)
class PlaceName:
    """A room as the pages name it."""

    name: str
    closed_at: datetime | None


@dataclass(frozen=True)
class SpecialRow:
    """Special days as the pages show them. `teacher`: whose they are, "" for the whole organisation."""

    id: str
    teacher_id: str | None
    kind: DayKind
    date_from: date
    date_until: date
    start_wall: time | None
    end_wall: time | None
    mode: RuleMode | None
    reason: str
    teacher: str
    room: PlaceName | None

    @property
    def is_closure(self) -> bool:
        return self.kind == DayKind.CLOSED


# Built once. The ids of those that are not over, and what the pages show.
_TODAY = bindparam("today", type_=Date)
_CONCERNS_TEACHER = or_(
    SpecialDay.teacher_id.is_(None), SpecialDay.teacher_id == bindparam("me", type_=String)
)
_COMING = (
    select(SpecialDay.id)
    .outerjoin(Person, Person.id == SpecialDay.teacher_id)
    .where(
        # None is longer than a year: so the index leads past those of the years before.
        SpecialDay.date_from >= bindparam("year_ago", type_=Date),
        SpecialDay.date_until >= _TODAY,
        Person.deactivated_at.is_(None),
    )
)
_KEY = (
    SpecialDay.date_from,
    func.coalesce(SpecialDay.start_wall, literal(time(), Time)),
    func.coalesce(Person.name_key, ""),
    SpecialDay.id,
)
_ALL = KeyedList(_COMING, *_KEY)
_OF_TEACHER = KeyedList(_COMING.where(_CONCERNS_TEACHER), *_KEY)
_ROWS = (
    select(
        SpecialDay.id,
        SpecialDay.teacher_id,
        SpecialDay.kind,
        SpecialDay.date_from,
        SpecialDay.date_until,
        SpecialDay.start_wall,
        SpecialDay.end_wall,
        SpecialDay.mode,
        SpecialDay.reason,
        func.coalesce(Person.name, ""),
        Room.name,
        Room.closed_at,
    )
    .outerjoin(Person, Person.id == SpecialDay.teacher_id)
    .outerjoin(Room, Room.id == SpecialDay.room_id)
)
_OF_PAGE = _ROWS.where(SpecialDay.id.in_(bindparam("ids", expanding=True)))
_BETWEEN = _ROWS.where(
    SpecialDay.date_from >= bindparam("year_ago", type_=Date),
    SpecialDay.date_from <= bindparam("last", type_=Date),
    SpecialDay.date_until >= bindparam("first", type_=Date),
    Person.deactivated_at.is_(None),
).order_by(SpecialDay.date_from, Person.name_key, SpecialDay.id)
_BETWEEN_OF_TEACHER = _BETWEEN.where(_CONCERNS_TEACHER)
_OWN = _ROWS.where(SpecialDay.date_until >= _TODAY, _CONCERNS_TEACHER).order_by(
    SpecialDay.date_from, SpecialDay.start_wall, SpecialDay.id
)


def specials_page(
    session: Session, person: Person, after: str | None, today: date
) -> tuple[Cut, list[SpecialRow]]:
    """Return a page of the special days that are not over: see `KeyedList`.

    A coordinator sees those of everybody; a teacher the own ones and those of the whole organisation.
    """
    values = {"today": today, "year_ago": today - LONGEST, "me": person.id}
    cut = (_ALL if person.is_coordinator else _OF_TEACHER).read_page(session, values, after)
    found = {row[0]: _special(row) for row in read_rows(session, _OF_PAGE, {"ids": cut.ids})}
    return cut, [found[each] for each in cut.ids]


def own_specials(session: Session, person: Person, today: date) -> list[SpecialRow]:
    """Return the special days that are not over, of the person and of the whole organisation."""
    return [_special(row) for row in read_rows(session, _OWN, {"today": today, "me": person.id})]


def specials_between(session: Session, teacher: Person | None, first: date, last: date) -> list[SpecialRow]:
    """Return the special days that touch these dates: of the teacher and of the whole organisation.

    `teacher` None stands for all teachers.
    """
    values = {"first": first, "last": last, "year_ago": first - LONGEST}
    if teacher is None:
        return [_special(row) for row in read_rows(session, _BETWEEN, values)]
    return [_special(row) for row in read_rows(session, _BETWEEN_OF_TEACHER, {**values, "me": teacher.id})]


def _special(row: Sequence[Any]) -> SpecialRow:
    *values, room, closed_at = row
    return SpecialRow(*(*values, PlaceName(room, closed_at) if room is not None else None))
