"""Appointments, special days and the waitlist of the school that `./dev bench` measures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, islice
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain.booking.slots import cells
from lms.models import AppointmentRecord, Booking, Claim, Person, SpecialDay, WaitlistEntry
from tools.bench_rows import Rows, add_message

ZONE = ZoneInfo("Europe/Brussels")
# Appointments ahead of each teacher; of so many of them no rule of anybody covers the hour.
AHEAD, UNCOVERED = 25, 8
HOURS, LATE_HOURS = range(9, 17), (20,)
# Of past appointments: one in so many was missed, in one of so many a next step was agreed.
MISSED, AGREED = 10, 3
# Special days of each teacher: so many of the past, so many ahead.
PAST_DAYS, COMING_DAYS = 10, 8


def add_bookings(
    session: Session, rows: Rows, number: int, learners: Sequence[Person], teachers: Sequence[Person]
) -> None:
    """Add appointments until there are `number`: `AHEAD` of each teacher, the others in the past."""
    taken = {tuple(pair) for pair in session.execute(select(Claim.person_id, Claim.cell))}
    today = rows.now.astimezone(ZONE).date()
    past = (number - (session.scalar(select(func.count(Booking.id))) or 0)) // len(teachers) - AHEAD
    for place, teacher in enumerate(teachers):
        starts = [
            *islice(_hours(today, -1, HOURS), max(0, past)),
            *islice(_hours(today, 1, HOURS), 0, 2 * (AHEAD - UNCOVERED), 2),
            *islice(_hours(today, 1, LATE_HOURS), UNCOVERED),
        ]
        for each, start in enumerate(starts):
            learner = learners[(each * len(teachers) + place) % len(learners)]
            held = cells(start, start + timedelta(hours=1))
            if taken.isdisjoint((person.id, cell) for person in (teacher, learner) for cell in held):
                add_booking(rows, teacher, learner, start, each + place)


def _hours(today: date, step: int, hours: Sequence[int]) -> Iterator[datetime]:
    """Yield the hours of the working days after (step 1) or before today (-1)."""
    for days in count(1):
        day = today + timedelta(days=step * days)
        if day.weekday() < 5:
            for hour in hours:
                yield datetime.combine(day, time(hour), ZONE).astimezone(UTC)


def add_booking(rows: Rows, teacher: Person, learner: Person, starts: datetime, number: int = 1) -> None:
    """Add an appointment by video with its record, claims and messages.

    `number`: which it is of those of its teacher; it decides what became of a past one.
    """
    booking, ends = rows.id("book"), starts + timedelta(hours=1)
    booked_at = min(rows.now, starts) - timedelta(days=3)
    past = starts < rows.now - timedelta(days=2)
    rows.add(
        Booking,
        id=booking,
        uid=f"{booking}@bench",
        teacher_id=teacher.id,
        learner_id=learner.id,
        starts=starts,
        ends=ends,
        blocked_until=ends,
        local_start=starts.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M"),
        time_zone=ZONE.key,
        iso_week=starts.astimezone(ZONE).strftime("%G-W%V"),
        mode="video",
        state="booked",
        video_key=booking.rjust(32, "0"),
        booked_by_id=learner.id,
        booked_at=booked_at,
        changed_at=booked_at,
    )
    attendance = "done" if number % MISSED else "no_show"
    marked = {"attendance": attendance, "marked_at": ends, "marked_by_id": teacher.id}
    nobody = dict.fromkeys(marked)
    next_step = "" if number % AGREED or not past else "Relire la leçon."
    rows.add(AppointmentRecord, booking_id=booking, next_step=next_step, **(marked if past else nobody))
    _add_reminders(rows, learner, booking, booked_at, starts)
    for person in (teacher, learner):
        add_message(rows, "booking_made", person.id, booking, booked_at)
        for cell in cells(starts, ends):
            rows.add(Claim, booking_id=booking, person_id=person.id, cell=cell)


def add_hourly(rows: Rows, number: int, learners: Sequence[Person], teachers: Sequence[Person]) -> datetime:
    """Add an appointment at each hour from tomorrow on, with the people in turn; return the first hour."""
    begin = rows.now + timedelta(days=1)
    begin -= timedelta(seconds=begin.timestamp() % 3600)
    for each in range(number):
        starts = begin + timedelta(hours=each)
        add_booking(rows, teachers[each % len(teachers)], learners[each % len(learners)], starts)
    return begin


def _add_reminders(rows: Rows, learner: Person, booking: str, booked_at: datetime, starts: datetime) -> None:
    for kind, lead in (("booking_reminder", 24), ("booking_soon", 2)):
        add_message(rows, kind, learner.id, booking, booked_at, due=starts - timedelta(hours=lead))


def add_special_days(rows: Rows, teachers: Sequence[Person]) -> None:
    """Add days off of each teacher, past ones and coming ones."""
    today = rows.now.date()
    for place, teacher in enumerate(teachers):
        for number in (*range(-PAST_DAYS, 0), *range(1, COMING_DAYS + 1)):
            # Far ahead: nobody has an appointment then.
            day = today + timedelta(days=number * 9 + place % 7 + (120 if number > 0 else 0))
            rows.add(
                SpecialDay,
                id=rows.id("day"),
                teacher_id=teacher.id,
                kind="closed",
                date_from=day,
                date_until=day,
                created_by_id=teacher.id,
                created_at=rows.now - timedelta(days=100),
            )


def add_waitlist(session: Session, rows: Rows, learners: Sequence[Person]) -> None:
    """Let all but a few learners wait, and let each have waited before."""
    waiting = set(session.scalars(select(WaitlistEntry.learner_id)))
    for number, learner in enumerate(learners):
        ended = rows.now - timedelta(days=30)
        for ended_at, outcome in ((ended, "booked"), (None, None)):
            if ended_at is None and (number % 10 == 0 or learner.id in waiting):
                continue
            rows.add(
                WaitlistEntry,
                id=rows.id("wait"),
                learner_id=learner.id,
                created_by_id=learner.id,
                created_at=rows.now - timedelta(days=60 if ended_at else 5, minutes=number),
                ended_at=ended_at,
                outcome=outcome,
            )
