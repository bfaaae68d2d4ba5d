"""Quarter-hours of people and rooms: the unique keys that make a double booking impossible."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    String,
    bindparam,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from lms.domain.booking.slots import Slot, blocked_cells, cells
from lms.extensions import UTCDateTime, read_rows
from lms.models import (
    HOLDING,
    Booking,
    BookingState,
    Claim,
    ExternalBusyTime,
    ExternalCalendar,
    Organisation,
    Room,
)

Held = tuple[str, int]  # a person or a room, and the quarter-hour


@dataclass(frozen=True)
class Occupancy:
    """The quarter-hours that are taken in some time, by bookings or in external calendars."""

    held: dict[str, set[int]]  # of each person and room
    elsewhere: set[Held]  # only those from external calendars
    buffer: timedelta  # after an appointment on site

    def is_free(self, slot: Slot, learner_id: str | None = None) -> bool:
        """Return whether teacher and room of the slot are free, and the learner where there is one."""
        span = blocked_cells(slot.starts, slot.ends, slot.room_id is not None, self.buffer)
        return (
            self._is_host_free(slot.teacher_id, span)
            and (slot.room_id is None or self._is_host_free(slot.room_id, span))
            and (learner_id is None or self.is_person_free(learner_id, slot.starts, slot.ends))
        )

    def is_person_free(self, person_id: str, starts: datetime, ends: datetime) -> bool:
        """Return whether no quarter-hour of the person in [starts, ends) is taken."""
        return self._is_host_free(person_id, cells(starts, ends))

    def add(self, more: Iterable[Held]) -> None:
        """Let these quarter-hours be taken too."""
        for host, cell in more:
            self.held.setdefault(host, set()).add(cell)

    def _is_host_free(self, host: str, span: range) -> bool:
        taken = self.held.get(host)
        return taken is None or taken.isdisjoint(span)


def load_occupancy(
    session: Session,
    organisation: Organisation,
    begin: datetime,
    end: datetime,
    *,
    but: Collection[str] = (),
    hosts: Collection[str] | None = None,
    shown_at: datetime | None = None,
    kept_by: str | None = None,
) -> Occupancy:
    """Load what is taken in [begin, end), without the claims of the bookings `but`, in two statements.

    `hosts`: only what these people and rooms have; None for all. `shown_at`, for a page: offers and kept
    slots that are over then hold nothing, although they are not closed yet. `kept_by`: what is kept for this
    learner counts as free, because a new booking gives it up.
    """
    elsewhere = externally_occupied(session, begin, end, hosts)
    buffer = timedelta(minutes=organisation.onsite_buffer_minutes)
    held = _claims(session, begin, end, but=but, hosts=hosts, shown_at=shown_at, kept_by=kept_by)
    taken = Occupancy(held, elsewhere, buffer)
    taken.add(elsewhere)
    return taken


def lock_rooms(session: Session, room_ids: Collection[str]) -> None:
    """Lock these rooms. Call it after `lock_people`: one order of locks, so that nothing can deadlock."""
    if room_ids:
        session.execute(
            select(Room.id).where(Room.id.in_(room_ids)).order_by(Room.id).with_for_update(key_share=True)
        ).all()


def _claims(
    session: Session,
    starts: datetime,
    ends: datetime,
    *,
    but: Collection[str] = (),
    hosts: Collection[str] | None = None,
    shown_at: datetime | None = None,
    kept_by: str | None = None,
) -> dict[str, set[int]]:
    """Return the quarter-hours in [starts, ends) by host, for the arguments of `load_occupancy`."""
    span = cells(starts, ends)
    asked: dict[str, Any] = {"first": span.start, "beyond": span.stop}
    if hosts is not None:
        asked["hosts"] = list(hosts)
    if but:
        asked["but"] = list(but)
    if shown_at is not None:
        asked["shown_at"] = shown_at
    if kept_by is not None:
        asked["kept_by"] = kept_by
    rows = read_rows(session, _select_claims(frozenset(asked)), asked)
    return {host: {int(cell) for cell in held.split(",")} for host, held in rows if host}


@cache
def _select_claims(asked: frozenset[str]) -> CompoundSelect[str | None, str]:
    """Return the statement of `_claims` for what is asked; each is built once.

    It has one row for each host, because one for each quarter-hour takes the page five times as long.
    """
    where = [Claim.cell >= bindparam("first", type_=Integer), Claim.cell < bindparam("beyond", type_=Integer)]
    if "but" in asked:
        where.append(Claim.booking_id.not_in(bindparam("but", expanding=True, type_=String)))
    # Open offers and kept slots are few, and each has its index.
    ignored: list[Select[str]] = []
    if "shown_at" in asked:
        shown_at = bindparam("shown_at", type_=UTCDateTime)
        ignored.append(
            select(Booking.id).where(
                Booking.state == BookingState.OFFERED,
                Booking.waitlist_entry_id.is_not(None),  # so is every offer; the index begins with it
                Booking.expires_at <= shown_at,
            )
        )
        ignored.append(select(Booking.id).where(Booking.kept_until <= shown_at))
    if "kept_by" in asked:
        learner_id = bindparam("kept_by", type_=String)
        ignored.append(
            select(Booking.id).where(Booking.kept_until.is_not(None), Booking.learner_id == learner_id)
        )
    if ignored:
        where.append(Claim.booking_id.not_in(union_all(*ignored)))
    hosts = bindparam("hosts", expanding=True, type_=String)
    quarters = func.aggregate_strings(cast(Claim.cell, String), ",")
    return union_all(
        *(
            select(host, quarters)
            .where(*where, host.in_(hosts) if "hosts" in asked else host.is_not(None))
            .group_by(host)
            for host in (Claim.person_id, Claim.room_id)
        )
    )


_BUSY = (
    select(ExternalCalendar.teacher_id, ExternalBusyTime.starts, ExternalBusyTime.ends)
    .join(ExternalCalendar, ExternalCalendar.id == ExternalBusyTime.calendar_id)
    .where(
        ExternalBusyTime.ends > bindparam("begin", type_=UTCDateTime),
        ExternalBusyTime.starts < bindparam("end", type_=UTCDateTime),
    )
)
_BUSY_OF = _BUSY.where(ExternalCalendar.teacher_id.in_(bindparam("ids", expanding=True, type_=String)))


def externally_occupied(
    session: Session, begin: datetime, end: datetime, teacher_ids: Collection[str] | None = None
) -> set[Held]:
    """Return the quarter-hours of [begin, end) that are busy in external calendars.

    `teacher_ids`: in those of these teachers; None for all.
    """
    asked: dict[str, Any] = {"begin": begin, "end": end}
    if teacher_ids is None:
        rows = read_rows(session, _BUSY, asked)
    else:
        rows = read_rows(session, _BUSY_OF, asked | {"ids": list(teacher_ids)})
    return {
        (teacher, cell)
        for teacher, starts, ends in rows
        for cell in cells(max(starts, begin), min(ends, end))
    }


def has_claims() -> ColumnElement[bool]:
    """Return the condition of `Booking.has_claims`."""
    return or_(Booking.state.in_(HOLDING), Booking.kept_until.is_not(None))


def cells_of(booking: Booking) -> set[Held]:
    """Return the claims of a booking: the learner for the hour, teacher and room with the buffer."""
    hosts = _quarter_hours((booking.teacher_id, booking.room_id), booking.starts, booking.blocked_until)
    return hosts | _quarter_hours((booking.learner_id,), booking.starts, booking.ends)


def _quarter_hours(hosts: Iterable[str | None], starts: datetime, ends: datetime) -> set[Held]:
    return {(host, cell) for host in hosts if host is not None for cell in cells(starts, ends)}


def claim(session: Session, booking: Booking) -> None:
    """Replace the claims of the booking by those of its current slot.

    Raises IntegrityError when another booking has one of them.
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
    """Return a line for each booking whose claims are not those of `cells_of`; empty when all agree."""
    held: dict[str, set[Held]] = defaultdict(set)
    rows = session.execute(select(Claim.booking_id, Claim.person_id, Claim.room_id, Claim.cell))
    for booking_id, person_id, room_id, cell in rows:
        held[booking_id].add((person_id or room_id or "", cell))
    found = []
    for booking in session.scalars(select(Booking).order_by(Booking.starts, Booking.id)).yield_per(500):
        expected = cells_of(booking) if booking.has_claims else set()
        actual = held.get(booking.id, set())
        if missing := expected - actual:
            found.append(f"booking {booking.id} ({booking.state}): {len(missing)} claims are missing")
        if extra := actual - expected:
            found.append(f"booking {booking.id} ({booking.state}): {len(extra)} claims too many")
    return found
