"""Appointments of the demo school: availability rules, past and upcoming appointments, the waitlist."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain import outbox
from lms.domain.booking import appointments, attendance, availability_search, waitlist
from lms.models import (
    Availability,
    Booking,
    Mode,
    Notice,
    Organisation,
    OutboxItem,
    Outcome,
    Person,
    Room,
    RuleMode,
)

DAY = timedelta(days=1)


def fill(session: Session, school: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> None:
    """Add availability rules, appointments and waitlist entries of the file to the database."""
    _add_rules(session, school, now.astimezone(zone).date() - 30 * DAY)
    for given in school["past"]:
        _add_past(session, given, zone, now)
    used: set[date] = set()
    for given in school["bookings"]:
        booking = _book(session, given, zone, now, 21 * DAY, used)
        used.add(booking.starts.date())
    for given in school["waiting"]:
        learner = _person(session, given["learner"])
        waitlist.join_waitlist(
            session, learner, learner, None, given["parts"], Mode(given["mode"]), now=now - DAY
        )


def _add_rules(session: Session, school: Mapping[str, Any], since: date) -> None:
    rooms = {room.name: room.id for room in session.scalars(select(Room))}
    for given in school["availability"]:
        session.add(
            Availability(
                teacher_id=_person(session, given["teacher"]).id,
                weekday=given["weekday"],
                start_wall=time.fromisoformat(given["from"]),
                end_wall=time.fromisoformat(given["until"]),
                valid_from=since,
                mode=RuleMode(given["mode"]),
                room_id=rooms.get(given.get("room")),
            )
        )
    session.flush()


def _book(
    session: Session,
    given: Mapping[str, Any],
    zone: ZoneInfo,
    now: datetime,
    ahead: timedelta,
    used: set[date],
) -> Booking:
    """Book the first free slot of the teacher in the mode, on a day without another appointment."""
    learner, teacher = _person(session, given["learner"]), _person(session, given["teacher"])
    mode, today = Mode(given["mode"]), now.astimezone(zone).date()
    free = availability_search.find_free_slots(
        session,
        session.get_one(Organisation, 1),
        availability_search.SearchTerms(learner.id, zone),
        today,
        today + ahead,
        now=now,
    )
    slot = next(
        free_slot
        for free_slot in free
        if free_slot.teacher_id == teacher.id
        and mode in free_slot.modes
        and free_slot.starts.date() not in used
    )
    return appointments.book(session, learner, learner, teacher.id, slot.starts, mode, now=now, zone=zone)


def _add_past(session: Session, given: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> None:
    """Add an appointment of last week; close its messages as sent and seen, so that none leaves today."""
    booking = _book(session, given, zone, now - 8 * DAY, 7 * DAY, set())
    rows = session.scalars(select(OutboxItem).where(OutboxItem.about_id == booking.id)).all()
    for row in rows:
        outbox.close_item(session, row.id, Outcome.SENT, now=row.due_at)
    outbox.mark_notices_seen(session, Notice.about_id == booking.id, now=now)
    teacher = _person(session, given["teacher"])
    if "attendance" in given:
        attendance.mark_attendance(session, teacher, booking, given["attendance"], now=now)
        attendance.write_note(session, teacher, booking, given["note"], given["next_step"], now=now)


def _person(session: Session, name: str) -> Person:
    return session.scalars(select(Person).where(Person.name == name)).one()
