"""Check all bookings in the database.

The checks do not rely on the functions that write bookings: overlaps are computed from the times, not from
the claims, and messages are compared with the current booking. One line for each fault, with ids and
never with names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from lms.domain.booking import consistency_messages, occupancy
from lms.domain.booking.consistency_messages import format_moment
from lms.models import (
    AppointmentRecord,
    Attendance,
    Booking,
    BookingState,
    Claim,
    Person,
    PersonRole,
    Role,
    WaitlistEntry,
    WaitlistOutcome,
)

# An expired offer is closed within a minute while a worker runs.
OFFER_LATE = timedelta(minutes=10)
HOUR = timedelta(hours=1)


class CheckedCount(NamedTuple):
    bookings: int
    claims: int


@dataclass
class Membership:
    """State and roles of a person."""

    is_active: bool
    roles: set[Role] = field(default_factory=set)


def count_checked(session: Session) -> CheckedCount:
    """Return how many bookings and claims a check looks at."""
    counts = select(
        select(func.count(Booking.id)).scalar_subquery(), select(func.count(Claim.id)).scalar_subquery()
    )
    return CheckedCount(*session.execute(counts).one())


def find_faults(session: Session, *, now: datetime) -> list[str]:
    """Return a line for each fault; empty when the bookings are consistent."""
    bookings = session.scalars(
        select(Booking).options(joinedload(Booking.room)).order_by(Booking.starts, Booking.id)
    ).all()
    holding = [booking for booking in bookings if booking.has_claims]
    upcoming = [booking for booking in holding if booking.starts > now]
    entries = {entry.id: entry for entry in session.scalars(select(WaitlistEntry).order_by(WaitlistEntry.id))}
    people = _load_people(session)
    return [
        *_overlaps(holding),
        *occupancy.find_mismatches(session),
        *_wrong_local_start(upcoming),
        *_wrong_length(holding),
        *_impossible_participants(upcoming, people),
        *_wrong_records(bookings, set(session.scalars(select(AppointmentRecord.booking_id))), now=now),
        *consistency_messages.find_message_faults(session, bookings, now=now),
        *_stale_offers(bookings, entries, now=now),
        *_stale_kept(bookings, now=now),
        *_wrong_entries(bookings, entries, people),
    ]


def _load_people(session: Session) -> dict[str, Membership]:
    rows = session.execute(
        select(Person.id, Person.deactivated_at, PersonRole.role).outerjoin(
            PersonRole, PersonRole.person_id == Person.id
        )
    )
    found: dict[str, Membership] = {}
    for row in rows:
        person = found.setdefault(row.id, Membership(row.deactivated_at is None))
        if row.role is not None:
            person.roles.add(row.role)
    return found


def _overlaps(holding: Sequence[Booking]) -> Iterator[str]:
    """Find bookings that begin before an earlier booking of the same person or room has ended."""
    until: dict[str, tuple[datetime, str]] = {}
    for row in holding:
        held = {row.learner_id: row.ends, row.teacher_id: row.blocked_until, row.room_id: row.blocked_until}
        for host, ends in held.items():
            if host is None:
                continue
            last = until.get(host)
            if last is not None and row.starts < last[0]:
                yield f"booking {row.id}: overlaps booking {last[1]} of {host}"
            if last is None or ends > last[0]:
                until[host] = ends, row.id


def _wrong_local_start(upcoming: Sequence[Booking]) -> Iterator[str]:
    """Find upcoming bookings whose instant is not their local time: new time zone data, or a fault."""
    for row in upcoming:
        try:
            shown = f"{row.starts.astimezone(ZoneInfo(row.time_zone)):%Y-%m-%dT%H:%M}"
        except (ValueError, ZoneInfoNotFoundError):
            yield f"booking {row.id}: the zone {row.time_zone} is not known"
            continue
        if shown != row.local_start:
            yield f"booking {row.id}: agreed for {row.local_start}, stands at {shown}: flask booking retime"


def _wrong_length(holding: Sequence[Booking]) -> Iterator[str]:
    """Find bookings whose week, length or buffer does not follow from their start and mode."""
    for row in holding:
        week = _week_of(row.local_start)
        if week is not None and row.iso_week != week:
            yield f"booking {row.id}: counts for the week {row.iso_week} instead of {week}"
        if row.ends - row.starts != HOUR:
            yield f"booking {row.id}: lasts {row.ends - row.starts} instead of {HOUR}"
        if not row.is_onsite and row.blocked_until != row.ends:
            yield f"booking {row.id}: held until {format_moment(row.blocked_until)}, but has no buffer"


def _week_of(local_start: str) -> str | None:
    """Return the ISO week of a local time; None when it is malformed, which another check finds."""
    try:
        year, week, _ = date.fromisoformat(local_start[:10]).isocalendar()
    except ValueError:
        return None
    return f"{year}-W{week:02d}"


def _impossible_participants(upcoming: Sequence[Booking], people: Mapping[str, Membership]) -> Iterator[str]:
    """Find upcoming bookings of people who left, of teachers who do not teach, and in rooms that closed."""
    for row in upcoming:
        for name, person_id, role in (
            ("learner", row.learner_id, Role.LEARNER),
            ("teacher", row.teacher_id, Role.TEACHER),
        ):
            person = people.get(person_id)
            if person is None or not person.is_active:
                yield f"booking {row.id}: the {name} {person_id} is deactivated"
            elif role not in person.roles:
                yield f"booking {row.id}: the {name} {person_id} is no {name}"
        if row.room is not None and row.room.closed_at is not None:
            yield f"booking {row.id}: the room {row.room_id} is closed"


def _wrong_records(bookings: Sequence[Booking], recorded: set[str], *, now: datetime) -> Iterator[str]:
    """Find bookings whose own columns, or whose attendance, contradict their state.

    The order of instants is not checked: a clock that was set back is no fault of the data.
    """
    for row in bookings:
        if row.is_booked and row.expires_at is not None:
            yield f"booking {row.id}: booked, and still to be answered"
        if row.is_cancelled and row.cancelled_by_id is None:
            yield f"booking {row.id}: cancelled by nobody"
        if not row.is_cancelled and row.cancelled_by_id is not None:
            yield f"booking {row.id}: {row.state}, and cancelled by {row.cancelled_by_id}"
        if row.id not in recorded:
            yield f"booking {row.id}: the record of the appointment is missing"
        elif row.attendance is not None and not _can_have_attendance(row, now=now):
            yield f"booking {row.id}: {row.state}, and marked as {row.attendance}"


def _can_have_attendance(row: Booking, *, now: datetime) -> bool:
    if row.is_cancelled:
        return row.attendance in (Attendance.LATE_CANCEL, Attendance.EXCUSED)
    return row.is_booked and row.starts <= now


def _stale_offers(
    bookings: Sequence[Booking], entries: Mapping[str, WaitlistEntry], *, now: datetime
) -> Iterator[str]:
    """Find offers that hold a slot although they have expired or nobody can accept them."""
    for offer in bookings:
        entry = entries.get(offer.waitlist_entry_id or "")
        if not offer.is_offer or entry is None:
            continue
        if offer.expires_at is None or offer.expires_at > offer.starts:
            yield f"offer {offer.id}: open until its hour has begun"
        elif offer.expires_at < now - OFFER_LATE:
            yield f"offer {offer.id}: ran out {format_moment(offer.expires_at)} and still holds its hour"
        if entry.ended_at is not None:
            yield f"offer {offer.id}: the waitlist entry {entry.id} has ended"
        if entry.learner_id != offer.learner_id:
            yield f"offer {offer.id}: the waitlist entry {entry.id} is somebody else's"


def _stale_kept(bookings: Sequence[Booking], *, now: datetime) -> Iterator[str]:
    """Find cancelled appointments that hold a slot although nobody can take them back any more."""
    for row in bookings:
        if row.kept_until is None:
            continue
        if row.kept_until < now - OFFER_LATE:
            yield f"booking {row.id}: kept until {format_moment(row.kept_until)} and still holds its hour"
        if row.kept_until > row.starts:
            yield f"booking {row.id}: kept until its hour has begun"


def _wrong_entries(
    bookings: Sequence[Booking], entries: Mapping[str, WaitlistEntry], people: Mapping[str, Membership]
) -> Iterator[str]:
    """Find waitlist entries that contradict the bookings made from them, or wait for a teacher who left."""
    accepted = {
        row.waitlist_entry_id
        for row in bookings
        if row.state in (BookingState.BOOKED, BookingState.CANCELLED) and row.waitlist_entry_id
    }
    for row in bookings:
        entry = entries.get(row.waitlist_entry_id or "")
        if entry is not None and not row.is_offer and entry.learner_id != row.learner_id:
            yield f"booking {row.id}: the waitlist entry {entry.id} is somebody else's"
    for entry in entries.values():
        if entry.ended_at is None and entry.id in accepted:
            yield f"waitlist entry {entry.id}: still waits, and its offer was accepted"
        if entry.outcome == WaitlistOutcome.ACCEPTED and entry.id not in accepted:
            yield f"waitlist entry {entry.id}: accepted, and there is no booking of it"
        teacher = people.get(entry.teacher_id) if entry.teacher_id and entry.ended_at is None else None
        if teacher is not None and not (teacher.is_active and Role.TEACHER in teacher.roles):
            yield f"waitlist entry {entry.id}: waits for {entry.teacher_id}, who is no teacher any more"
