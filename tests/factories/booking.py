from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms import clock
from lms.domain.booking import appointments
from lms.domain.booking.slots import belgian_holidays
from lms.models import Availability, Booking, Person, Room, SpecialDay
from tests.factories.people import NOW

BRUSSELS = ZoneInfo("Europe/Brussels")


def wall(day: str, hour: str) -> datetime:
    """Return the instant of a local time in Belgium: wall("2026-11-26", "14:30")."""
    return datetime.combine(date.fromisoformat(day), time.fromisoformat(hour), BRUSSELS).astimezone(UTC)


def coming_monday() -> date:
    """Return a Monday in the future, after every lead time and long before the horizon.

    No public holiday is in its week before Sunday, nor on the Monday after.
    """
    day = clock.now().date() + timedelta(days=8)
    day += timedelta(days=-day.weekday() % 7)
    holidays = belgian_holidays([day.year, day.year + 1])
    while any(day + timedelta(days=n) in holidays for n in (*range(6), 7)):
        day += timedelta(days=7)
    return day


def room(session: Session, name: str = "Salle 2") -> Room:
    found = session.scalars(select(Room).where(Room.name == name)).first()
    if found is None:
        found = Room(name=name)
        session.add(found)
        session.flush()
    return found


def rule(
    session: Session, teacher: Person, weekday: int, start: str, end: str, mode: str = "video", **more: Any
) -> Availability:
    """Add a weekly availability rule: rule(s, nadia, 0, "09:00", "12:00")."""
    made = _rule(session, teacher, weekday, start, end, mode, **more)
    session.flush()
    return made


def _rule(
    session: Session, teacher: Person, weekday: int, start: str, end: str, mode: str = "video", **more: Any
) -> Availability:
    made = Availability(
        teacher_id=teacher.id,
        weekday=weekday,
        start_wall=time.fromisoformat(start),
        end_wall=time.fromisoformat(end),
        mode=mode,
        **{
            "room_id": room(session).id if mode != "video" and "room_id" not in more else None,
            "valid_from": date(2026, 1, 1),
            "valid_until": None,
            **more,
        },
    )
    session.add(made)
    return made


def all_week(
    session: Session, teacher: Person, start: str = "09:00", end: str = "17:00", **more: Any
) -> None:
    """Add the same hours on five days. On site each hour is a rule of its own: no pause moves it."""
    step = 1 if more.get("mode", "video") != "video" else 24
    first, last = int(start[:2]), int(end[:2])
    if step == 1:
        more = {"room_id": room(session).id, **more}
    for weekday in range(5):
        for hour in range(first, last, step):
            until = f"{hour + 1:02}:00" if step == 1 else end
            _rule(session, teacher, weekday, f"{hour:02}:{start[3:]}", until, **more)
    session.flush()


def closed(session: Session, teacher: Person | None, first: str, last: str, by: Person) -> SpecialDay:
    made = SpecialDay(
        teacher_id=teacher.id if teacher else None,
        kind="closed",
        date_from=date.fromisoformat(first),
        date_until=date.fromisoformat(last),
        created_by_id=by.id,
        created_at=NOW,
    )
    session.add(made)
    session.flush()
    return made


def opened(session: Session, teacher: Person, day: str, start: str, end: str) -> SpecialDay:
    """Add extra hours by video on one date."""
    made = SpecialDay(
        teacher_id=teacher.id,
        kind="open",
        date_from=date.fromisoformat(day),
        date_until=date.fromisoformat(day),
        start_wall=time.fromisoformat(start),
        end_wall=time.fromisoformat(end),
        mode="video",
        created_by_id=teacher.id,
        created_at=NOW,
    )
    session.add(made)
    session.flush()
    return made


def booked(
    session: Session,
    learner: Person,
    teacher: Person,
    starts: datetime,
    mode: Any = "video",
    *,
    by: Person | None = None,
    now: datetime = NOW,
) -> Booking:
    return appointments.book(
        session, by or learner, learner, teacher.id, starts, mode, now=now, zone=BRUSSELS
    )
