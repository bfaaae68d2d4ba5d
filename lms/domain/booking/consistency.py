"""Check all bookings in the database.

The checks do not rely on the functions that write bookings: overlaps are computed from the times, not from
the claims, and reminders are compared with the current booking. One line for each fault, with ids and
never with names.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from lms.domain.booking import occupancy
from lms.models import HOLDING, Booking, BookingState, Claim, OutboxItem, Outcome, WaitlistEntry

# How long before the start each reminder is due. Repeated here on purpose: an accidental change in
# `reminders` is then found.
LEADS = {"booking_reminder": timedelta(hours=24), "booking_soon": timedelta(hours=2)}
# An expired offer is closed within a minute while a worker runs.
OFFER_LATE = timedelta(minutes=10)


class CheckedCount(NamedTuple):
    bookings: int
    claims: int


def count_checked(session: Session) -> CheckedCount:
    """Return how many bookings and claims a check looks at."""
    counts = select(
        select(func.count(Booking.id)).scalar_subquery(), select(func.count(Claim.id)).scalar_subquery()
    )
    return CheckedCount(*session.execute(counts).one())


def find_faults(session: Session, *, now: datetime) -> list[str]:
    """Return a line for each fault; empty when the bookings are consistent. One statement for each check."""
    return [
        *_overlaps(session),
        *occupancy.find_mismatches(session),
        *_wrong_local_start(session, now=now),
        *_contradictory_reminders(session),
        *_missing_reminders(session, now=now),
        *_repeated_reminders(session),
        *_stale_offers(session, now=now),
    ]


def _overlaps(session: Session) -> Iterator[str]:
    """Find bookings that begin before an earlier booking of the same person or room has ended."""
    rows = session.execute(
        select(
            Booking.id, Booking.teacher_id, Booking.learner_id, Booking.room_id,
            Booking.starts, Booking.ends, Booking.blocked_until,
        ).where(Booking.state.in_(HOLDING))
        .order_by(Booking.starts, Booking.id)
    )  # fmt: skip
    until: dict[str, tuple[datetime, str]] = {}
    for row in rows:
        held = {row.learner_id: row.ends, row.teacher_id: row.blocked_until, row.room_id: row.blocked_until}
        for host, ends in held.items():
            if host is None:
                continue
            last = until.get(host)
            if last is not None and row.starts < last[0]:
                yield f"booking {row.id}: overlaps booking {last[1]} of {host}"
            if last is None or ends > last[0]:
                until[host] = ends, row.id


def _wrong_local_start(session: Session, *, now: datetime) -> Iterator[str]:
    """Find upcoming bookings whose instant is not their local time: new time zone data, or a fault."""
    rows = session.execute(
        select(Booking.id, Booking.starts, Booking.local_start, Booking.time_zone)
        .where(Booking.state.in_(HOLDING), Booking.starts > now)
        .order_by(Booking.starts, Booking.id)
    )
    for row in rows:
        try:
            shown = f"{row.starts.astimezone(ZoneInfo(row.time_zone)):%Y-%m-%dT%H:%M}"
        except (ValueError, ZoneInfoNotFoundError):
            yield f"booking {row.id}: the zone {row.time_zone} is not known"
            continue
        if shown != row.local_start:
            yield f"booking {row.id}: agreed for {row.local_start}, stands at {shown}: flask booking retime"


def _contradictory_reminders(session: Session) -> Iterator[str]:
    """Find open reminders that contradict their booking."""
    rows = session.execute(
        select(OutboxItem, Booking)
        .outerjoin(Booking, Booking.id == OutboxItem.about_id)
        .where(OutboxItem.kind.in_(LEADS), OutboxItem.closed_at.is_(None))
        .order_by(OutboxItem.due_at, OutboxItem.id)
    )
    for item, booking in rows:
        for fault in _contradictions(item, booking):
            yield f"{item.kind} {item.id} of booking {item.about_id}: {fault}"


def _contradictions(item: OutboxItem, booking: Booking | None) -> Iterator[str]:
    if booking is None:
        yield "there is no such booking"
        return
    if not booking.is_booked:
        yield f"the booking is {booking.state}"
    if item.person_id != booking.learner_id:
        yield "it goes to somebody else"
    if item.sequence != booking.sequence:
        yield f"it is of sequence {item.sequence}, the booking of {booking.sequence}"
        return
    due = booking.starts - LEADS[item.kind]
    # A failed attempt postpones `due_at`; nothing makes it earlier.
    if item.due_at < due or (item.due_at > due and item.attempts == 0):
        yield f"due {_format(item.due_at)} instead of {_format(due)}"
    if item.expires_at > booking.starts:
        yield f"kept until {_format(item.expires_at)}, after the hour has begun"


def _missing_reminders(session: Session, *, now: datetime) -> Iterator[str]:
    """Find upcoming appointments without a reminder, although they were booked before it was due."""
    for kind, lead in LEADS.items():
        reminds = and_(
            OutboxItem.about_id == Booking.id,
            OutboxItem.kind == kind,
            OutboxItem.sequence == Booking.sequence,
            # A reminder that was closed as void before it was due does not count.
            or_(
                OutboxItem.outcome.is_(None),
                OutboxItem.outcome != Outcome.VOID,
                OutboxItem.closed_at >= OutboxItem.due_at,
            ),
        )
        rows = session.execute(
            select(Booking.id, Booking.starts, Booking.booked_at, Booking.changed_at)
            .outerjoin(OutboxItem, reminds)
            .where(Booking.state == BookingState.BOOKED, Booking.starts > now, OutboxItem.id.is_(None))
            .order_by(Booking.starts, Booking.id)
        )
        for row in rows:
            if max(row.booked_at, row.changed_at) < row.starts - lead:
                yield f"booking {row.id}: {kind} was never written"


def _repeated_reminders(session: Session) -> Iterator[str]:
    rows = session.execute(
        select(OutboxItem.about_id, OutboxItem.kind, OutboxItem.sequence, func.count().label("times"))
        .where(OutboxItem.kind.in_(LEADS), OutboxItem.outcome == Outcome.SENT)
        .group_by(OutboxItem.about_id, OutboxItem.kind, OutboxItem.sequence)
        .having(func.count() > 1)
        .order_by(OutboxItem.about_id, OutboxItem.kind, OutboxItem.sequence)
    )
    for row in rows:
        yield f"booking {row.about_id}: {row.kind} of sequence {row.sequence} was sent {row.times} times"


def _stale_offers(session: Session, *, now: datetime) -> Iterator[str]:
    """Find offers that hold a slot although they have expired or nobody can accept them."""
    rows = session.execute(
        select(Booking, WaitlistEntry)
        .join(WaitlistEntry, WaitlistEntry.id == Booking.waitlist_entry_id)
        .where(Booking.state == BookingState.OFFERED)
        .order_by(Booking.starts, Booking.id)
    )
    for booking, entry in rows:
        if booking.expires_at is None or booking.expires_at > booking.starts:
            yield f"offer {booking.id}: open until its hour has begun"
        elif booking.expires_at < now - OFFER_LATE:
            yield f"offer {booking.id}: ran out {_format(booking.expires_at)} and still holds its hour"
        if entry.ended_at is not None:
            yield f"offer {booking.id}: the waitlist entry {entry.id} has ended"
        if entry.learner_id != booking.learner_id:
            yield f"offer {booking.id}: the waitlist entry {entry.id} is somebody else's"


def _format(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%MZ}"
