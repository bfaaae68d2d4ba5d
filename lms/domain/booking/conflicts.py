"""Upcoming appointments that the availability no longer covers: listed, never changed by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import String, bindparam, select
from sqlalchemy.orm import Session

from lms.domain.booking import occupancy
from lms.domain.booking.appointments import cancel
from lms.domain.booking.coverage import ConflictReason, Coverage
from lms.domain.booking.occupancy import Held
from lms.domain.booking.permissions import check_may_manage
from lms.domain.booking.queries import booking_for, with_people
from lms.domain.booking.slots import cells
from lms.domain.paging import Cut, cut_page
from lms.extensions import UTCDateTime
from lms.models import Booking, BookingState, Person, Room


@dataclass(frozen=True)
class Conflict:
    """A conflicting appointment and the reason.

    `left`: the teacher left. `closed`: a special day or a holiday. `outside`: no rule covers it any more.
    `busy`: the teacher is busy in an external calendar. `room`: its room was closed.
    """

    booking: Booking
    why: ConflictReason


# Built once, because the start page of the team and every page of the agenda counts conflicts.
_AHEAD = (
    select(
        Booking.id,
        Booking.teacher_id,
        Booking.starts,
        Booking.ends,
        Booking.blocked_until,
        Booking.mode,
        Booking.room_id,
        Booking.conflict_accepted_at,
        Room.closed_at,
    )
    .outerjoin(Room, Room.id == Booking.room_id)
    .where(Booking.state == BookingState.BOOKED, Booking.starts > bindparam("now", type_=UTCDateTime))
    .order_by(Booking.starts, Booking.id)
)
_AHEAD_OF_TEACHER = _AHEAD.where(Booking.teacher_id == bindparam("teacher", type_=String))
_PEOPLE = with_people().where(Booking.id.in_(bindparam("ids", expanding=True)))


def count_conflicts(session: Session, teacher: Person | None, *, now: datetime, zone: ZoneInfo) -> int:
    """Return how many conflicts of one teacher, or of all, there are: without the people."""
    return len(_find(session, teacher, now=now, zone=zone)[1])


def upcoming_conflicts(
    session: Session, teacher: Person | None, *, now: datetime, zone: ZoneInfo
) -> list[Conflict]:
    """Return the conflicts of one teacher, or of all, the next one first, in a constant number of statements.

    An appointment that somebody decided to keep is left out, unless its time was closed after that.
    """
    hours, ids = _find(session, teacher, now=now, zone=zone)
    return _load(session, hours, ids)


def conflicts_page(
    session: Session, teacher: Person | None, after: str | None, *, now: datetime, zone: ZoneInfo
) -> tuple[Cut, list[Conflict]]:
    """Return a page of the conflicts: see `cut_page`."""
    hours, ids = _find(session, teacher, now=now, zone=zone)
    cut = cut_page(ids, after)
    return cut, _load(session, hours, cut.ids)


def _load(session: Session, hours: Coverage | None, ids: Sequence[str]) -> list[Conflict]:
    if hours is None:
        return []
    found = {booking.id: booking for booking in session.scalars(_PEOPLE, {"ids": ids})}
    return [
        Conflict(found[each], hours.against(found[each]) or ConflictReason.BUSY)
        for each in ids
        if each in found
    ]


def _find(
    session: Session, teacher: Person | None, *, now: datetime, zone: ZoneInfo
) -> tuple[Coverage | None, list[str]]:
    """Return the ids of the conflicts, the next one first, and the open time; None without appointments."""
    wanted = _AHEAD if teacher is None else _AHEAD_OF_TEACHER
    values = {"now": now} if teacher is None else {"now": now, "teacher": teacher.id}
    ahead: Sequence[Any] = session.execute(wanted, values).all()
    if not ahead:
        return None, []
    hours = Coverage(session, ahead, zone, teacher=teacher)
    end = max(each.blocked_until for each in ahead)
    busy = occupancy.externally_occupied(session, ahead[0].starts, end, [teacher.id] if teacher else None)
    return hours, [each.id for each in ahead if _is_conflict(each, hours, busy)]


def _is_conflict(row: Any, hours: Coverage, busy: set[Held]) -> bool:
    accepted_at = row.conflict_accepted_at
    if accepted_at is not None:
        room_closed = row.closed_at is not None and row.closed_at > accepted_at
        return room_closed or hours.is_closed_after(row, accepted_at)
    return not hours.covers(row) or (
        bool(busy) and any((row.teacher_id, cell) in busy for cell in cells(row.starts, row.blocked_until))
    )


def cancel_conflicting(
    session: Session, actor: Person, booking_id: str, *, now: datetime, zone: ZoneInfo
) -> Booking:
    """Cancel a conflicting appointment as the teacher's cancellation: it does not count against the learner.

    Refusals: `already_begun`, `already_cancelled`.
    """
    booking = booking_for(session, actor, booking_id)
    check_may_manage(actor, booking.teacher_id)
    return cancel(session, actor, booking, "", cancelled_by_teacher=True, now=now, zone=zone)
