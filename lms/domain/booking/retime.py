"""Recompute the instants of bookings after a change of time zone rules.

A booking keeps the local time that people agreed on. New time zone data may give that local time another
instant; then the booking gets that instant, with everything that was derived from the old one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms.domain import audit_log, outbox
from lms.domain.booking import allocation, occupancy, stored_conflicts
from lms.domain.booking.availability_search import iso_week_of
from lms.domain.booking.slots import CELL
from lms.domain.people import locks
from lms.models import AuditAction, Booking

UNREADABLE = "its local time or its zone cannot be read"
MISSING = "its local time does not exist any more"
DOUBLED = "its local time exists twice now"
OFF_GRID = "its local time is no full quarter of an hour any more"
BEGUN = "by its local time it has begun already"


@dataclass(frozen=True)
class Change:
    """A booking with its stored instant (`before`) and the current instant of its local time (`after`)."""

    booking_id: str
    wall: str
    before: datetime
    after: datetime


@dataclass(frozen=True)
class Fault:
    """A booking that cannot be retimed; somebody has to decide about it."""

    booking_id: str
    wall: str
    reason: str


@dataclass(frozen=True)
class Plan:
    changes: list[Change]
    faults: list[Fault]
    # With a collision nothing is changed: people have to decide which of the two bookings moves.
    collisions: list[Fault]


def plan_changes(session: Session, *, now: datetime, zone: ZoneInfo) -> Plan:
    """Return what `apply_changes` would change, in one statement; write nothing."""
    return _plan(_active_bookings(session, now=now), now=now, zone=zone)


def apply_changes(session: Session, *, now: datetime, zone: ZoneInfo) -> Plan:
    """Retime all bookings that can be, in one step; none of them when two collide. Returns what was done."""
    active = _active_bookings(session, now=now)
    locks.lock_people(
        session, *{person_id for each in active for person_id in (each.learner_id, each.teacher_id)}
    )
    occupancy.lock_rooms(session, {each.room_id for each in active if each.room_id})
    session.expire_all()  # they are loaded again under the lock
    bookings = {booking.id: booking for booking in _active_bookings(session, now=now)}
    found = _plan(list(bookings.values()), now=now, zone=zone)
    if found.collisions:
        return Plan([], found.faults, found.collisions)
    moving = [(bookings[change.booking_id], change) for change in found.changes]
    collision = _settle(session, moving, now=now, zone=zone)
    if collision is not None:
        return Plan([], found.faults, [collision])
    for booking, change in moving:
        _notify(session, booking, change, now=now)
    stored_conflicts.store_conflicts(session, now=now, zone=zone)
    return found


def _active_bookings(session: Session, *, now: datetime) -> Sequence[Booking]:
    """Return the bookings that hold claims from now on, the running ones included: nothing may move there."""
    return session.scalars(
        select(Booking)
        .where(occupancy.has_claims(), Booking.blocked_until > now)
        .order_by(Booking.starts, Booking.id)
    ).all()


def _plan(bookings: Sequence[Booking], *, now: datetime, zone: ZoneInfo) -> Plan:
    found = Plan([], [], [])
    for booking in bookings:
        if booking.starts <= now:
            continue
        after = _instant(booking, zone=zone)
        if isinstance(after, datetime) and after <= now:
            after = BEGUN
        if isinstance(after, str):
            found.faults.append(Fault(booking.id, _local_start(booking), after))
        elif after != booking.starts:
            found.changes.append(Change(booking.id, _local_start(booking), booking.starts, after))
    after_of = {change.booking_id: change.after for change in found.changes}
    found.collisions.extend(_collisions(bookings, after_of))
    return found


def _instant(booking: Booking, *, zone: ZoneInfo) -> datetime | str:
    """Return the instant of the local time of a booking, or the reason why there is not exactly one."""
    try:
        wall = datetime.strptime(booking.local_start, "%Y-%m-%dT%H:%M").replace(
            tzinfo=_zone(booking, zone=zone)
        )
    except (ValueError, ZoneInfoNotFoundError):
        return UNREADABLE
    first, second = wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)
    if first != second:
        # `fold=1` gives the earlier instant for a skipped local time, the later one for a repeated one.
        return MISSING if second < first else DOUBLED
    return OFF_GRID if first.timestamp() % CELL else first


def _zone(booking: Booking, *, zone: ZoneInfo) -> ZoneInfo:
    """Return the zone of the booking; the instance may use another one since."""
    return zone if booking.time_zone == zone.key else ZoneInfo(booking.time_zone)


def _local_start(booking: Booking) -> str:
    return f"{booking.local_start} {booking.time_zone}"


def _collisions(bookings: Sequence[Booking], after_of: dict[str, datetime]) -> Iterator[Fault]:
    """Yield the bookings whose new claims another booking has, unmoved or moved from another zone."""
    owner: dict[occupancy.Held, str] = {}
    for booking in bookings:
        shift = after_of.get(booking.id, booking.starts) - booking.starts
        cells = int(shift.total_seconds()) // CELL
        held = [(host, cell + cells) for host, cell in occupancy.cells_of(booking)]
        others = {owner.setdefault(quarter, booking.id) for quarter in held} - {booking.id}
        for other in sorted(others):
            yield Fault(booking.id, _local_start(booking), f"it collides with booking {other}")


def _settle(
    session: Session, moving: list[tuple[Booking, Change]], *, now: datetime, zone: ZoneInfo
) -> Fault | None:
    """Release all claims, then claim the new ones; return the collision that the unique keys found."""
    last: Fault | None = None
    try:
        with session.begin_nested():
            for booking, change in moving:
                occupancy.release(session, booking)
                _set_instant(booking, change, now=now, zone=zone)
            session.flush()
            for booking, change in moving:
                last = Fault(
                    change.booking_id, change.wall, "it collides with a claim that no booking explains"
                )
                occupancy.claim(session, booking)
    except IntegrityError:
        return last
    return None


def _set_instant(booking: Booking, change: Change, *, now: datetime, zone: ZoneInfo) -> None:
    shift = change.after - change.before
    booking.starts, booking.ends, booking.blocked_until = (
        change.after,
        booking.ends + shift,
        booking.blocked_until + shift,
    )
    booking.iso_week = iso_week_of(change.after, zone=_zone(booking, zone=zone))
    booking.changed_at = now
    if booking.is_booked:
        booking.sequence += 1


def _notify(session: Session, booking: Booking, change: Change, *, now: datetime) -> None:
    """Notify both people of a booking; not of an offer, whose message has only the unchanged local time."""
    if booking.is_booked:
        outbox.void_items(session, booking.id, now=now)
        allocation.notify_both(session, booking, "booking_retimed", actor_id=None, now=now)
    detail = f"{change.before:%Y-%m-%dT%H:%MZ} {change.after:%Y-%m-%dT%H:%MZ}"
    audit_log.record(
        session, None, AuditAction.BOOKING_RETIMED, "booking", booking.id, detail=detail, now=now
    )
