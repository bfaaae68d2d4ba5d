"""Which upcoming appointments the availability no longer covers, kept on the rows of the bookings (ADR 34).

It follows from rules, special days, rooms, roles, external calendars and decisions. Whatever changes one of
these calls `store_conflicts` in its transaction; `flask booking check` compares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import String, bindparam, select, union, update
from sqlalchemy.orm import Session

from lms.domain.booking import occupancy
from lms.domain.booking.coverage import Coverage
from lms.domain.booking.offers import lock_people_and_waitlist
from lms.domain.booking.slots import cells
from lms.domain.people import locks
from lms.extensions import UTCDateTime, read_rows
from lms.models import Booking, BookingState, ConflictReason, PersonRole, Role, Room

_AHEAD = (
    select(
        Booking.id,
        Booking.teacher_id,
        Booking.starts,
        Booking.ends,
        Booking.blocked_until,
        Booking.mode,
        Booking.room_id,
        Booking.conflict,
        Booking.conflict_accepted_at,
        Room.closed_at.label("room_closed_at"),
    )
    .outerjoin(Room, Room.id == Booking.room_id)
    .where(Booking.state == BookingState.BOOKED, Booking.starts > bindparam("now", type_=UTCDateTime))
    .order_by(Booking.starts, Booking.id)
)
_AHEAD_OF_TEACHER = _AHEAD.where(Booking.teacher_id == bindparam("teacher", type_=String))


def store_conflicts(
    session: Session, teacher_id: str | None = None, *, now: datetime, zone: ZoneInfo
) -> None:
    """Write on each upcoming appointment of one teacher, or of all, why it is not covered any more.

    Whose teacher is not locked, and was cancelled or decided about meanwhile, stays as it is.
    """
    session.flush()
    changed: dict[tuple[ConflictReason | None, ConflictReason | None], list[str]] = defaultdict(list)
    for row, reason in _compare(session, teacher_id, now=now, zone=zone):
        changed[row.conflict, reason].append(row.id)
    for (before, reason), ids in changed.items():
        session.execute(
            update(Booking)
            .where(
                Booking.id.in_(ids),
                Booking.state == BookingState.BOOKED,
                Booking.conflict.is_not_distinct_from(before),
            )
            .values(conflict=reason)
        )


def lock_and_store(session: Session, teacher_id: str | None = None, *, now: datetime, zone: ZoneInfo) -> None:
    """Lock the teacher, or all, with the learners on the waitlist, and do so: their hours have changed.

    Nobody books or changes hours of these teachers meanwhile.
    """
    lock_people_and_waitlist(session, *([teacher_id] if teacher_id else all_teachers(session, now=now)))
    store_conflicts(session, teacher_id, now=now, zone=zone)


def store_all(session: Session, *, now: datetime, zone: ZoneInfo) -> None:
    """Lock the teachers and do so for all: what is open also follows from the code and its settings."""
    locks.lock_people(session, *all_teachers(session, now=now))
    store_conflicts(session, now=now, zone=zone)


def find_conflict_faults(session: Session, *, now: datetime, zone: ZoneInfo) -> list[str]:
    """Return a line for each upcoming appointment that says something else than what covers it."""
    return [
        f"booking {row.id}: the conflict on it is {row.conflict or 'none'} instead of {reason or 'none'}"
        for row, reason in _compare(session, None, now=now, zone=zone)
    ]


def all_teachers(session: Session, *, now: datetime) -> Sequence[str]:
    """Return the ids of all who teach or have appointments ahead: who changes hours of all locks them.

    Also those without an appointment, whose first one may be booked at this moment.
    """
    ahead = select(Booking.teacher_id).where(Booking.state == BookingState.BOOKED, Booking.starts > now)
    return session.scalars(
        union(ahead, select(PersonRole.person_id).where(PersonRole.role == Role.TEACHER))
    ).all()


def _compare(
    session: Session, teacher_id: str | None, *, now: datetime, zone: ZoneInfo
) -> Iterator[tuple[Any, ConflictReason | None]]:
    """Yield the appointments that say something else than what covers them, each with what it has to say."""
    query = _AHEAD if teacher_id is None else _AHEAD_OF_TEACHER
    ahead: Sequence[Any] = read_rows(session, query, {"now": now, "teacher": teacher_id})
    if not ahead:
        return
    hours = Coverage(session, ahead, zone, teacher_id=teacher_id)
    end = max(row.blocked_until for row in ahead)
    busy = occupancy.externally_occupied(session, ahead[0].starts, end, [teacher_id] if teacher_id else None)
    for row in ahead:
        reason = hours.against(row)
        if reason is None and busy and row.conflict_accepted_at is None:
            held = ((row.teacher_id, cell) for cell in cells(row.starts, row.blocked_until))
            reason = None if busy.isdisjoint(held) else ConflictReason.BUSY
        if reason != row.conflict:
            yield row, reason
