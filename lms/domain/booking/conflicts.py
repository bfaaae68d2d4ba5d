"""Upcoming appointments that the availability no longer covers: listed, never changed by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, String, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from lms.domain.booking.appointments import cancel
from lms.domain.booking.permissions import check_may_manage
from lms.domain.booking.queries import booking_for
from lms.domain.paging import Cut, KeyedList
from lms.extensions import UTCDateTime, read_rows
from lms.models import Booking, ConflictReason, Person


@dataclass(frozen=True)
class Conflict:
    """A conflicting appointment with its people, and the reason."""

    id: str
    starts: datetime
    why: ConflictReason
    learner: str
    teacher: str


_IS_AHEAD = Booking.starts > bindparam("now", type_=UTCDateTime), Booking.conflict.is_not(None)
_OF_TEACHER = Booking.teacher_id == bindparam("teacher", type_=String)
_Teacher = aliased(Person, name="teacher")


def _people(*where: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(Booking.id, Booking.starts, Booking.conflict, Person.name, _Teacher.name)
        .join(Person, Person.id == Booking.learner_id)
        .join(_Teacher, _Teacher.id == Booking.teacher_id)
        .where(*where)
        .order_by(Booking.starts, Booking.id)
    )


# Built once, because the start page of the team and every page of the agenda counts conflicts.
# By whether they are those of one teacher.
_LIMITS: dict[bool, tuple[Any, ...]] = {False: _IS_AHEAD, True: (*_IS_AHEAD, _OF_TEACHER)}
_COUNT = {of_one: select(func.count()).where(*where) for of_one, where in _LIMITS.items()}
_LIST = {
    of_one: KeyedList(select(Booking.id).where(*where), Booking.starts, Booking.id)
    for of_one, where in _LIMITS.items()
}
_ALL = {of_one: _people(*where) for of_one, where in _LIMITS.items()}
# One that was decided about since its id was read has no reason any more.
_OF_PAGE = _people(Booking.id.in_(bindparam("ids", expanding=True)), Booking.conflict.is_not(None))


def count_conflicts(session: Session, teacher: Person | None, *, now: datetime) -> int:
    """Return how many conflicts of one teacher, or of all, there are."""
    return int(read_rows(session, _COUNT[teacher is not None], _values(teacher, now=now))[0][0])


def upcoming_conflicts(session: Session, teacher: Person | None, *, now: datetime) -> list[Conflict]:
    """Return the conflicts of one teacher, or of all, the next one first, in one statement.

    An appointment that somebody decided to keep is left out, unless its time was closed after that.
    """
    return [
        Conflict(*row) for row in read_rows(session, _ALL[teacher is not None], _values(teacher, now=now))
    ]


def conflicts_page(
    session: Session, teacher: Person | None, after: str | None, *, now: datetime
) -> tuple[Cut, list[Conflict]]:
    """Return a page of the conflicts: see `KeyedList`."""
    cut = _LIST[teacher is not None].read_page(session, _values(teacher, now=now), after)
    return cut, [Conflict(*row) for row in read_rows(session, _OF_PAGE, {"ids": cut.ids})]


def _values(teacher: Person | None, *, now: datetime) -> dict[str, object]:
    return {"now": now, "teacher": teacher.id if teacher else None}


def cancel_conflicting(
    session: Session, actor: Person, booking_id: str, *, now: datetime, zone: ZoneInfo
) -> Booking:
    """Cancel a conflicting appointment as the teacher's cancellation: it does not count against the learner.

    Refusals: `already_begun`, `already_cancelled`.
    """
    booking = booking_for(session, actor, booking_id)
    check_may_manage(actor, booking.teacher_id)
    return cancel(session, actor, booking, "", cancelled_by_teacher=True, now=now, zone=zone)
