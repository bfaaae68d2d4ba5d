"""Book, move, cancel: the one path on which an appointment changes."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain import journal, outbox
from lms.domain.booking import claims
from lms.domain.booking.hours import timetable, week_of
from lms.domain.errors import Refused
from lms.domain.slots import HOUR, Mode, Slot, cells, free_at
from lms.models import Booking, Person, Service

REMINDER = timedelta(hours=24)


def book(
    session: Session,
    learner: Person,
    by: Person,
    teacher_id: str,
    starts: datetime,
    mode: Mode,
    now: datetime,
    zone: ZoneInfo = BRUSSELS,
) -> Booking:
    """Book one hour for a learner, by herself or on her behalf. Refused when it cannot be."""
    if not learner.is_learner or not learner.is_active or teacher_id == learner.id:
        raise Refused("not_bookable")
    service = session.get_one(Service, 1)
    on_behalf = by.id != learner.id
    _in_time(service, starts, now, on_behalf=on_behalf)
    claims.hold_people(session, learner.id, teacher_id)
    slot = _place(session, service, learner.id, teacher_id, starts, mode, zone)
    _week_has_room(session, service, learner.id, week_of(starts, zone))
    _few_enough_open(session, service, learner.id, now)
    booking = Booking(
        uid=str(uuid.uuid4()),
        teacher_id=teacher_id,
        learner_id=learner.id,
        state="booked",
        sequence=0,
        # The room of the video call: nobody guesses it, and no other learner ever had it.
        video_key=secrets.token_hex(16),
        booked_by_id=by.id,
        booked_at=now,
        late_cancel=False,
        changed_at=now,
    )
    _put(booking, slot, service, zone)
    session.add(booking)
    _claim(session, booking)
    _tell(session, booking, "booking_made", now)
    journal.note(session, by, "booking_made", "booking", booking.id, now=now)
    return booking


def move(
    session: Session,
    booking: Booking,
    by: Person,
    starts: datetime,
    mode: Mode,
    now: datetime,
    zone: ZoneInfo = BRUSSELS,
) -> Booking:
    """Another hour of the same teacher: the same booking, its sequence one higher.

    Another teacher is another booking: cancel and book.
    """
    service = session.get_one(Service, 1)
    claims.hold_people(session, booking.learner_id, booking.teacher_id)
    session.refresh(booking)
    _still_ahead(booking, now)
    if (booking.starts, booking.mode) == (starts, mode):
        return booking
    _in_time(service, starts, now, on_behalf=by.id != booking.learner_id)
    learner_id, teacher_id = booking.learner_id, booking.teacher_id
    slot = _place(session, service, learner_id, teacher_id, starts, mode, zone, moving=booking)
    if (week := week_of(starts, zone)) != booking.week:
        _week_has_room(session, service, learner_id, week)
    booking.sequence += 1
    booking.changed_at = now
    _put(booking, slot, service, zone)
    _claim(session, booking)
    outbox.void(session, booking.id, now)
    _tell(session, booking, "booking_moved", now)
    journal.note(session, by, "booking_moved", "booking", booking.id, now=now)
    return booking


def cancel(session: Session, booking: Booking, by: Person, reason: str, now: datetime) -> Booking:
    """Give the hour back. Late is late only when the learner herself cancels."""
    service = session.get_one(Service, 1)
    claims.hold_people(session, booking.learner_id, booking.teacher_id)
    session.refresh(booking)
    _still_ahead(booking, now)
    booking.state = "cancelled"
    booking.sequence += 1
    booking.changed_at = now
    booking.cancelled_at, booking.cancelled_by_id, booking.reason = now, by.id, reason[:200]
    late = booking.starts - now < timedelta(hours=service.late_cancel_hours)
    booking.late_cancel = late and by.id == booking.learner_id
    session.flush()
    claims.release(session, booking)
    outbox.void(session, booking.id, now)
    for person in _both(session, booking):
        outbox.post(session, "booking_cancelled", person, booking.id, sequence=booking.sequence, now=now)
    journal.note(session, by, "booking_cancelled", "booking", booking.id, now=now)
    return booking


def _still_ahead(booking: Booking, now: datetime) -> None:
    if booking.state != "booked":
        raise Refused("already_cancelled")
    if booking.starts <= now:
        raise Refused("already_begun")


def _in_time(service: Service, starts: datetime, now: datetime, *, on_behalf: bool) -> None:
    """The team may book for the next hour; nobody books the past."""
    lead = timedelta(hours=service.lead_hours)
    if starts <= now or (starts < now + lead and not on_behalf):
        raise Refused("too_soon")
    if starts > now + timedelta(days=service.horizon_days):
        raise Refused("too_far")


def _place(
    session: Session,
    service: Service,
    learner_id: str,
    teacher_id: str,
    starts: datetime,
    mode: Mode,
    zone: ZoneInfo,
    *,
    moving: Booking | None = None,
) -> Slot:
    """The hour as the rules of that day offer it now, in a room that is free."""
    day = starts.astimezone(zone).date()
    offered = timetable(session, day, day, zone, teacher_id=teacher_id).offered(day, day)
    ways = [slot for slot in offered if (slot.starts, slot.mode) == (starts, mode)]
    if not ways:
        raise Refused("slot_gone")
    buffer = timedelta(minutes=service.onsite_buffer_minutes)
    claims.hold_rooms(session, {slot.room_id for slot in ways if slot.room_id})
    held = claims.taken(session, starts, free_at(ways[0], buffer), but=moving.id if moving else None)
    if any((learner_id, cell) in held for cell in cells(starts, starts + HOUR)):
        raise Refused("busy_yourself")
    whole = cells(starts, free_at(ways[0], buffer))
    for slot in ways:
        hosts = (teacher_id, slot.room_id)
        if not any((host, cell) in held for host in hosts for cell in whole):
            return slot
    raise Refused("slot_taken")


def _week_has_room(session: Session, service: Service, learner_id: str, week: str) -> None:
    count = session.scalar(
        select(func.count()).where(
            Booking.learner_id == learner_id, Booking.week == week, Booking.state == "booked"
        )
    )
    if (count or 0) >= service.weekly_cap:
        raise Refused("week_full", number=service.weekly_cap)


def _few_enough_open(session: Session, service: Service, learner_id: str, now: datetime) -> None:
    count = session.scalar(
        select(func.count()).where(
            Booking.learner_id == learner_id, Booking.ends > now, Booking.state == "booked"
        )
    )
    if (count or 0) >= service.open_cap:
        raise Refused("too_many_open", number=service.open_cap)


def _put(booking: Booking, slot: Slot, service: Service, zone: ZoneInfo) -> None:
    booking.starts, booking.ends = slot.starts, slot.ends
    booking.free_at = free_at(slot, timedelta(minutes=service.onsite_buffer_minutes))
    booking.wall_start = slot.starts.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    booking.time_zone = zone.key
    booking.week = week_of(slot.starts, zone)
    booking.mode, booking.room_id = slot.mode, slot.room_id


def _claim(session: Session, booking: Booking) -> None:
    """The unique keys have the last word, whatever was seen before."""
    try:
        with session.begin_nested():
            session.flush()
            claims.occupy(session, booking)
    except IntegrityError:
        raise Refused("slot_taken") from None


def _both(session: Session, booking: Booking) -> tuple[Person, Person]:
    return session.get_one(Person, booking.learner_id), session.get_one(Person, booking.teacher_id)


def _tell(session: Session, booking: Booking, kind: str, now: datetime) -> None:
    """A mail to both sides, and a reminder to the learner unless its time has passed already."""
    learner, teacher = _both(session, booking)
    last = min(booking.starts, now + outbox.KEEP_TRYING)
    for person in (learner, teacher):
        outbox.post(session, kind, person, booking.id, sequence=booking.sequence, expires_at=last, now=now)
    due = booking.starts - REMINDER
    if due > now:
        outbox.post(
            session,
            "booking_reminder",
            learner,
            booking.id,
            sequence=booking.sequence,
            due_at=due,
            expires_at=booking.starts,
            now=now,
        )
