"""Quarter-hours of people and rooms: the unique keys that make a double booking impossible."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from lms.domain.booking.slots import cells
from lms.models import HOLDING, Booking, Claim, ExternalBusyTime, ExternalCalendar, Person, Room

Held = tuple[str, int]  # a person or a room, and the quarter-hour


def lock_people(session: Session, *person_ids: str) -> None:
    """Lock these people, so that bookings of the same person follow each other (on SQLite all writes do).

    In one order, so that two who hold each other's people do not wait for ever. The lock lets rows that
    only point at a person pass: homework does not wait for an appointment.
    """
    session.execute(
        select(Person.id)
        .where(Person.id.in_(set(person_ids)))
        .order_by(Person.id)
        .with_for_update(key_share=True)
    ).all()


def lock_rooms(session: Session, room_ids: Collection[str]) -> None:
    """After the people, so that the order is one."""
    if room_ids:
        session.execute(
            select(Room.id).where(Room.id.in_(room_ids)).order_by(Room.id).with_for_update(key_share=True)
        ).all()


def occupied(
    session: Session,
    starts: datetime,
    ends: datetime,
    *,
    but: Collection[str] = (),
    person_id: str | None = None,
) -> set[Held]:
    """Return the claims in [starts, ends), without those of some bookings."""
    span = cells(starts, ends)
    where = [Claim.cell >= span.start, Claim.cell < span.stop]
    if but:
        where.append(Claim.booking_id.not_in(but))
    if person_id is not None:
        where.append(Claim.person_id == person_id)
    rows = session.execute(select(Claim.person_id, Claim.room_id, Claim.cell).where(*where))
    return {(person or room or "", cell) for person, room, cell in rows}


def externally_occupied(
    session: Session, begin: datetime, end: datetime, teacher_id: str | None = None
) -> set[Held]:
    """Which quarter-hours of [begin, end) are busy elsewhere, and whose: like `claims.taken`."""
    where = [ExternalBusyTime.ends > begin, ExternalBusyTime.starts < end]
    if teacher_id is not None:
        where.append(ExternalCalendar.teacher_id == teacher_id)
    rows = session.execute(
        select(ExternalCalendar.teacher_id, ExternalBusyTime.starts, ExternalBusyTime.ends)
        .join(ExternalCalendar, ExternalCalendar.id == ExternalBusyTime.calendar_id)
        .where(*where)
    )
    return {
        (teacher, cell)
        for teacher, starts, ends in rows
        for cell in cells(max(starts, begin), min(ends, end))
    }


def cells_of(booking: Booking) -> set[Held]:
    """Return what an active booking holds: the learner for the hour, teacher and room with the buffer."""
    hosts = [booking.teacher_id] if booking.room_id is None else [booking.teacher_id, booking.room_id]
    held = {(host, cell) for host in hosts for cell in cells(booking.starts, booking.blocked_until)}
    return held | {(booking.learner_id, cell) for cell in cells(booking.starts, booking.ends)}


def claim(session: Session, booking: Booking) -> None:
    """Give back what the booking held and claim what it holds now.

    Raises IntegrityError when any of it belongs to another booking.
    """
    release(session, booking)
    rows = [
        {
            "booking_id": booking.id,
            "person_id": None if host == booking.room_id else host,
            "room_id": host if host == booking.room_id else None,
            "cell": cell,
        }
        for host, cell in sorted(cells_of(booking))
    ]
    session.execute(insert(Claim).values(rows))


def release(session: Session, booking: Booking) -> None:
    """Delete the claims of the booking."""
    session.execute(delete(Claim).where(Claim.booking_id == booking.id))


def find_mismatches(session: Session) -> list[str]:
    """Where claims and bookings disagree, a line each; empty when claims = f(bookings)."""
    held: dict[str, set[Held]] = defaultdict(set)
    rows = session.execute(select(Claim.booking_id, Claim.person_id, Claim.room_id, Claim.cell))
    for booking_id, person_id, room_id, cell in rows:
        held[booking_id].add((person_id or room_id or "", cell))
    found = []
    for booking in session.scalars(select(Booking).order_by(Booking.starts, Booking.id)).yield_per(500):
        should = cells_of(booking) if booking.state in HOLDING else set()
        has = held.get(booking.id, set())
        if missing := should - has:
            found.append(f"booking {booking.id} ({booking.state}): {len(missing)} claims are missing")
        if extra := has - should:
            found.append(f"booking {booking.id} ({booking.state}): {len(extra)} claims too many")
    return found
