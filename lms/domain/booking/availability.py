"""When teachers receive: weekly rules and dated exceptions. None of it ever touches a booking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from config import BRUSSELS
from lms.domain import journal
from lms.domain.booking import waitlist
from lms.domain.booking.finders import with_people
from lms.domain.errors import Absent, Refused
from lms.domain.slots import belgian_holidays
from lms.models import Availability, Booking, Person, Room, Service, SpecialDay

LONGEST = timedelta(days=366)


@dataclass(frozen=True)
class Hours:
    """What a teacher offers: from when to when, in which way, and where when on site."""

    start: time | None
    end: time | None
    mode: str = "video"
    room: str = ""


def rules_of(session: Session, teacher: Person, today: date) -> Sequence[Availability]:
    """Her weekly hours, those of today and of later."""
    return session.scalars(
        select(Availability)
        .where(
            Availability.teacher_id == teacher.id,
            or_(Availability.valid_until.is_(None), Availability.valid_until >= today),
        )
        .options(joinedload(Availability.room))
        .order_by(Availability.weekday, Availability.start_wall, Availability.valid_from)
    ).all()


def add_rule(
    session: Session,
    teacher: Person,
    weekday: int,
    hours: Hours,
    valid_from: date,
    valid_until: date | None,
    now: datetime,
    zone: ZoneInfo = BRUSSELS,
) -> Availability:
    """New hours are offered to those who wait, in the same transaction."""
    if hours.start is None or hours.end is None:
        raise Refused("hours_missing")
    _sensible(hours.start, hours.end)
    _in_order(valid_from, valid_until)
    rule = Availability(
        teacher_id=teacher.id,
        weekday=weekday,
        start_wall=hours.start,
        end_wall=hours.end,
        valid_from=valid_from,
        valid_until=valid_until,
        mode=hours.mode,
        room_id=_room_id(session, hours),
    )
    session.add(rule)
    session.flush()
    journal.note(session, teacher, "availability_changed", "availability", rule.id, detail="added", now=now)
    _opened(session, valid_from, valid_until or now.date() + LONGEST, now, zone, teacher.id)
    return rule


def end_rule(session: Session, teacher: Person, rule_id: str, last: date, now: datetime) -> None:
    """The rule holds until `last`; one that would end before it begins goes altogether."""
    rule = _rule_for(session, teacher, rule_id)
    if last < rule.valid_from:
        delete_rule(session, teacher, rule_id, now)
        return
    rule.valid_until = last
    journal.note(session, teacher, "availability_changed", "availability", rule.id, detail="ended", now=now)


def delete_rule(session: Session, teacher: Person, rule_id: str, now: datetime) -> None:
    session.delete(_rule_for(session, teacher, rule_id))
    journal.note(session, teacher, "availability_changed", "availability", rule_id, detail="deleted", now=now)


def specials_for(session: Session, person: Person, today: date) -> Sequence[SpecialDay]:
    """The exceptions that touch a person: her own and those of the whole service, not over yet."""
    return session.scalars(
        select(SpecialDay)
        .where(
            SpecialDay.date_until >= today,
            or_(SpecialDay.teacher_id.is_(None), SpecialDay.teacher_id == person.id),
        )
        .options(joinedload(SpecialDay.room))
        .order_by(SpecialDay.date_from, SpecialDay.start_wall, SpecialDay.id)
    ).all()


def close(
    session: Session,
    by: Person,
    teacher: Person | None,
    dates: tuple[date, date],
    hours: Hours,
    reason: str,
    now: datetime,
) -> SpecialDay:
    """Nobody can book then any more; what is booked stays until somebody cancels it.

    Without a teacher it closes the whole service. That, and the days of others, is the coordinator's to say.
    """
    _may(by, teacher.id if teacher else None)
    if (hours.start is None) != (hours.end is None):
        raise Refused("hours_missing")
    if hours.start is not None and hours.end is not None and hours.end <= hours.start:
        raise Refused("hours_backward")
    return _special(session, by, teacher, "closed", dates, hours, reason, now)


def open_extra(
    session: Session,
    by: Person,
    teacher: Person | None,
    dates: tuple[date, date],
    hours: Hours,
    reason: str,
    now: datetime,
    zone: ZoneInfo = BRUSSELS,
) -> SpecialDay:
    """Hours beside the weekly ones, on a holiday too. Without hours the weekly ones run on a holiday,
    of one teacher or (without one) of the whole service. What opens is offered to those who wait."""
    _may(by, teacher.id if teacher else None)
    if (hours.start is None) != (hours.end is None) or (hours.start is not None and teacher is None):
        raise Refused("hours_missing")
    if hours.start is not None and hours.end is not None:
        _sensible(hours.start, hours.end)
    special = _special(session, by, teacher, "open", dates, hours, reason, now)
    _opened(session, *dates, now, zone, special.teacher_id)
    return special


def delete_special(
    session: Session, by: Person, special_id: str, now: datetime, zone: ZoneInfo = BRUSSELS
) -> None:
    special = session.get(SpecialDay, special_id)
    if special is None:
        raise Absent
    _may(by, special.teacher_id)
    session.delete(special)
    session.flush()
    journal.note(session, by, "exception_deleted", "special_day", special_id, now=now)
    if special.kind == "closed":
        _opened(session, special.date_from, special.date_until, now, zone, special.teacher_id)


def rooms(session: Session) -> Sequence[Room]:
    return session.scalars(select(Room).where(Room.closed_at.is_(None)).order_by(Room.name)).all()


def holidays_between(first: date, last: date, language: str) -> list[tuple[date, str]]:
    named = belgian_holidays(range(first.year, last.year + 1), language)
    return [(day, name) for day, name in sorted(named.items()) if first <= day <= last]


def holidays_ahead(service: Service, today: date, language: str) -> list[tuple[date, str]]:
    """The public holidays within the horizon: closed unless a teacher opens hours then."""
    return holidays_between(today, today + timedelta(days=service.horizon_days), language)


@dataclass(frozen=True)
class Stray:
    """A booking that its teacher's hours no longer cover."""

    booking: Booking
    closed: bool  # closed that day; otherwise outside the weekly hours


def strays(session: Session, teacher: Person | None, now: datetime, zone: ZoneInfo) -> list[Stray]:
    """Appointments ahead that lie in a closed time or outside the weekly hours: a warning, never a deed.

    Those that somebody decided to keep are not told again. Without a teacher, of everybody.
    """
    ahead = (
        with_people()
        .where(Booking.state == "booked", Booking.starts > now, Booking.kept_at.is_(None))
        .order_by(Booking.starts)
    )
    if teacher is not None:
        ahead = ahead.where(Booking.teacher_id == teacher.id)
    found = session.scalars(ahead).all()
    if not found:
        return []
    first, last = found[0].starts.astimezone(zone).date(), found[-1].starts.astimezone(zone).date()
    rules = session.scalars(select(Availability)).all()
    specials = session.scalars(
        select(SpecialDay).where(SpecialDay.date_from <= last, SpecialDay.date_until >= first)
    ).all()
    holidays = belgian_holidays(range(first.year, last.year + 1))
    strange = []
    for booking in found:
        day = booking.starts.astimezone(zone).date()
        today = [
            one
            for one in specials
            if one.date_from <= day <= one.date_until and one.teacher_id in (None, booking.teacher_id)
        ]
        opened = any(one.kind == "open" and _covers(one, booking, zone) for one in today)
        closed = any(one.kind == "closed" and _touches(one, booking, zone) for one in today)
        lifted = opened or any(one.kind == "open" and one.start_wall is None for one in today)
        if closed or (day in holidays and not lifted):
            strange.append(Stray(booking, closed=True))
        elif not opened and not any(_weekly(rule, booking, day, zone) for rule in rules):
            strange.append(Stray(booking, closed=False))
    return strange


def _weekly(rule: Availability, booking: Booking, day: date, zone: ZoneInfo) -> bool:
    return (
        rule.teacher_id == booking.teacher_id
        and rule.weekday == day.weekday()
        and rule.valid_from <= day
        and (rule.valid_until is None or day <= rule.valid_until)
        and _covers(rule, booking, zone)
    )


def _wall(booking: Booking, zone: ZoneInfo) -> tuple[time, time]:
    starts, ends = booking.starts.astimezone(zone), booking.ends.astimezone(zone)
    # An hour that ends at midnight ends with its day.
    return starts.time(), ends.time() if ends.date() == starts.date() else time.max


def _covers(hours: Availability | SpecialDay, booking: Booking, zone: ZoneInfo) -> bool:
    if hours.mode not in (booking.mode, "both") or hours.start_wall is None or hours.end_wall is None:
        return False
    starts, ends = _wall(booking, zone)
    return hours.start_wall <= starts and ends <= hours.end_wall


def _touches(special: SpecialDay, booking: Booking, zone: ZoneInfo) -> bool:
    if special.room_id is not None and special.room_id != booking.room_id:
        return False
    starts, ends = _wall(booking, zone)
    return (special.start_wall or time.min) < ends and starts < (special.end_wall or time.max)


def _special(
    session: Session,
    by: Person,
    teacher: Person | None,
    kind: str,
    dates: tuple[date, date],
    hours: Hours,
    reason: str,
    now: datetime,
) -> SpecialDay:
    _in_order(*dates)
    opens = kind == "open" and hours.start is not None
    special = SpecialDay(
        teacher_id=teacher.id if teacher else None,
        kind=kind,
        date_from=dates[0],
        date_until=dates[1],
        start_wall=hours.start,
        end_wall=hours.end,
        mode=hours.mode if opens else None,
        room_id=_room_id(session, hours) if opens else None,
        reason=reason[:120],
        made_by_id=by.id,
        made_at=now,
    )
    session.add(special)
    session.flush()
    journal.note(session, by, "exception_made", "special_day", special.id, detail=kind, now=now)
    return special


def _rule_for(session: Session, teacher: Person, rule_id: str) -> Availability:
    rule = session.get(Availability, rule_id)
    if rule is None or rule.teacher_id != teacher.id:
        raise Absent
    return rule


def _opened(
    session: Session, first: date, last: date, now: datetime, zone: ZoneInfo, teacher_id: str | None
) -> None:
    waitlist.hold_people(session)
    waitlist.promote(session, waitlist.Freed.on(first, last, zone, teacher_id), now, zone)


def _may(person: Person, teacher_id: str | None) -> None:
    """Her own exceptions are hers; those of others and of the whole service are the coordinator's."""
    if teacher_id != person.id and "coordinator" not in person.roles:
        raise Absent


def _sensible(start: time, end: time) -> None:
    if end <= start:
        raise Refused("hours_backward")
    if (end.hour - start.hour) * 60 + end.minute - start.minute < 60:
        raise Refused("hours_too_short")


def _in_order(first: date, last: date | None) -> None:
    if last is not None and last < first:
        raise Refused("dates_backward")
    if last is not None and last - first > LONGEST:
        raise Refused("dates_too_long")


def _room_id(session: Session, hours: Hours) -> str | None:
    """The room of that name, made when there is none: a room needs nothing but a name."""
    if hours.mode == "video":
        return None
    if not hours.room:
        raise Refused("room_missing")
    room = session.scalars(select(Room).where(func.lower(Room.name) == hours.room.lower()[:60])).first()
    if room is None:
        room = Room(name=hours.room[:60])
        session.add(room)
        session.flush()
    room.closed_at = None
    return room.id
