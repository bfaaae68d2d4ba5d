"""Availability of teachers: weekly rules and special days. A change here never changes a booking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session, joinedload, lazyload

from lms.domain import audit_log
from lms.domain.booking import stored_hours, withdrawal
from lms.domain.booking.deleted_hours import DeletedHours, remember_hours
from lms.domain.booking.permissions import check_may_manage
from lms.domain.booking.slots import belgian_holidays
from lms.domain.errors import Absent, Refused
from lms.domain.people import organisation
from lms.domain.people.directory import BY_NAME, has_role
from lms.extensions import read_rows
from lms.models import (
    AuditAction,
    Availability,
    DayKind,
    Person,
    PersonRole,
    Role,
    Room,
    RuleMode,
    SpecialDay,
)
from lms.refusal_codes import RefusalCode

LONGEST = timedelta(days=366)

# Built once, because the pages of the hours run them.
_OPEN_ROOMS = select(Room.id, Room.name).where(Room.closed_at.is_(None)).order_by(Room.name_key)
_TEACHER_NAMES = (
    select(Person.id, Person.name)
    .join(PersonRole, PersonRole.person_id == Person.id)
    .where(PersonRole.role == Role.TEACHER, Person.deactivated_at.is_(None))
    .order_by(*BY_NAME)
)


@dataclass(frozen=True)
class WeeklyHours:
    """Hours of a rule: from when to when, in which mode, and in which room when on site."""

    start: time | None
    end: time | None
    mode: RuleMode = RuleMode.VIDEO
    room: str = ""


def rules_of(session: Session, teacher: Person, today: date) -> Sequence[Availability]:
    """Return the weekly rules of the teacher that have not ended before today."""
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
    hours: WeeklyHours,
    valid_from: date,
    valid_until: date | None,
    *,
    now: datetime,
    zone: ZoneInfo,
) -> Availability:
    """Add a weekly rule of the teacher; offer the new slots to the waitlist in the same transaction.

    The same hours entered twice are one rule: a rule that touches the new dates is extended to them, so that
    deleting it has an effect.

    Refusals: `dates_backward`, `dates_too_long`, `hours_backward`, `hours_missing`, `hours_too_short`,
    `room_missing`.
    """
    if hours.start is None or hours.end is None:
        raise Refused(RefusalCode.HOURS_MISSING)
    _check_hours(hours.start, hours.end)
    _check_dates(valid_from, valid_until)
    rule = Availability(
        teacher_id=teacher.id,
        weekday=weekday,
        start_wall=hours.start,
        end_wall=hours.end,
        mode=hours.mode,
        room_id=_room_id(session, hours),
        valid_from=valid_from,
        valid_until=valid_until,
    )
    return stored_hours.store_rule(session, teacher, rule, detail="added", now=now, zone=zone)


def add_rules(
    session: Session,
    teacher: Person,
    weekdays: Sequence[int],
    hours: WeeklyHours,
    dates: tuple[date, date | None],
    *,
    now: datetime,
    zone: ZoneInfo,
) -> tuple[list[int], list[int]]:
    """Add the same hours on several weekdays; return the weekdays that got them and those that had them.

    `dates`: the first and the last day, None for without end. A weekday has the hours when a rule with the
    same times, mode and room applies on all these dates.

    Refusals: `dates_backward`, `dates_too_long`, `hours_backward`, `hours_missing`, `hours_too_short`,
    `room_missing`.
    """
    first, last = dates
    _check_dates(first, last)
    room_id = _room_id(session, hours)
    known = rules_of(session, teacher, first)
    added: list[int] = []
    present: list[int] = []
    for weekday in weekdays:
        if any(_covers(rule, weekday, hours, room_id, dates) for rule in known):
            present.append(weekday)
        else:
            add_rule(session, teacher, weekday, hours, first, last, now=now, zone=zone)
            added.append(weekday)
    return added, present


def copy_day(
    session: Session,
    teacher: Person,
    source: int,
    weekdays: Sequence[int],
    today: date,
    *,
    now: datetime,
    zone: ZoneInfo,
) -> list[int]:
    """Give other weekdays the hours of one, from today on; return the weekdays that got some.

    Hours that a weekday has already stay one rule. Rules whose room was closed are left out: copying would
    open it again.

    Refusals: `dates_backward`, `dates_too_long`, `hours_backward`, `hours_missing`, `hours_too_short`,
    `room_missing`.
    """
    changed: set[int] = set()
    for rule in [rule for rule in rules_of(session, teacher, today) if rule.weekday == source]:
        if rule.room is not None and rule.room.closed_at is not None:
            continue
        hours = WeeklyHours(rule.start_wall, rule.end_wall, rule.mode, rule.room.name if rule.room else "")
        others = [weekday for weekday in weekdays if weekday != source]
        dates = max(rule.valid_from, today), rule.valid_until
        added, _present = add_rules(session, teacher, others, hours, dates, now=now, zone=zone)
        changed.update(added)
    return sorted(changed)


def _covers(
    rule: Availability,
    weekday: int,
    hours: WeeklyHours,
    room_id: str | None,
    dates: tuple[date, date | None],
) -> bool:
    """Return whether the rule gives the same slots on all these dates already.

    Hours that begin later within the rule can make other slots, so the times must be the same.
    """
    first, last = dates
    return (
        (rule.weekday, rule.start_wall, rule.end_wall, rule.mode, rule.room_id)
        == (weekday, hours.start, hours.end, hours.mode, room_id)
        and rule.valid_from <= first
        and (rule.valid_until is None or (last is not None and last <= rule.valid_until))
    )


def end_rule(
    session: Session, teacher: Person, rule_id: str, last: date, *, now: datetime, zone: ZoneInfo
) -> DeletedHours | None:
    """End a rule with the day `last`. Raises `Absent`. Open offers after that day are withdrawn.

    A rule that would end before it begins is deleted, and returned to be restored; otherwise None.
    """
    rule = _rule_for(session, teacher, rule_id)
    if last < rule.valid_from:
        return delete_rule(session, teacher, rule_id, now=now, zone=zone)
    rule.valid_until = last
    audit_log.record(
        session, teacher, AuditAction.AVAILABILITY_CHANGED, "availability", rule.id, detail="ended", now=now
    )
    withdrawal.withdraw_uncovered_offers(session, teacher_id=teacher.id, now=now, zone=zone)
    return None


def delete_rule(
    session: Session, teacher: Person, rule_id: str, *, now: datetime, zone: ZoneInfo
) -> DeletedHours:
    """Delete a weekly rule of the teacher; withdraw its open offers. Raises Absent for another teacher's.

    Returns what `restore_hours` needs to write it again.
    """
    rule = _rule_for(session, teacher, rule_id)
    deleted = remember_hours(rule, now=now)
    session.delete(rule)
    audit_log.record(
        session, teacher, AuditAction.AVAILABILITY_CHANGED, "availability", rule_id, detail="deleted", now=now
    )
    withdrawal.withdraw_uncovered_offers(session, teacher_id=teacher.id, now=now, zone=zone)
    return deleted


def close_days(
    session: Session,
    actor: Person,
    teacher: Person | None,
    dates: tuple[date, date],
    hours: WeeklyHours,
    reason: str,
    *,
    now: datetime,
    zone: ZoneInfo,
) -> SpecialDay:
    """Close days, or hours of them, for new bookings; existing bookings stay until somebody cancels them.

    Open offers of these days are withdrawn.

    `teacher` None closes the whole organisation. That, and the days of others, only a coordinator may close.

    Refusals: `dates_backward`, `dates_too_long`, `hours_backward`, `hours_missing`, `room_missing`.
    """
    check_may_manage(actor, teacher.id if teacher else None)
    if (hours.start is None) != (hours.end is None):
        raise Refused(RefusalCode.HOURS_MISSING)
    if hours.start is not None and hours.end is not None and hours.end <= hours.start:
        raise Refused(RefusalCode.HOURS_BACKWARD)
    special = _special(session, actor, teacher, DayKind.CLOSED, dates, hours, reason, now=now)
    return stored_hours.store_special(session, actor, special, now=now, zone=zone)


def add_extra_hours(
    session: Session,
    actor: Person,
    teacher: Person | None,
    dates: tuple[date, date],
    hours: WeeklyHours,
    reason: str,
    *,
    now: datetime,
    zone: ZoneInfo,
) -> SpecialDay:
    """Add hours besides the weekly rules, also on a holiday; offer the new slots to the waitlist.

    Without hours, the weekly rules apply on a holiday: those of the teacher or (None) of everybody.

    Refusals: `dates_backward`, `dates_too_long`, `hours_backward`, `hours_missing`, `hours_too_short`,
    `room_missing`.
    """
    check_may_manage(actor, teacher.id if teacher else None)
    if (hours.start is None) != (hours.end is None) or (hours.start is not None and teacher is None):
        raise Refused(RefusalCode.HOURS_MISSING)
    if hours.start is not None and hours.end is not None:
        _check_hours(hours.start, hours.end)
    special = _special(session, actor, teacher, DayKind.OPEN, dates, hours, reason, now=now)
    return stored_hours.store_special(session, actor, special, now=now, zone=zone)


def delete_special(
    session: Session, actor: Person, special_id: str, *, now: datetime, zone: ZoneInfo
) -> DeletedHours:
    """Delete a special day: what becomes possible is offered, what was offered in it withdrawn.

    Raises Absent. Returns what `restore_hours` needs to write it again.
    """
    special = session.get(SpecialDay, special_id)
    if special is None:
        raise Absent
    check_may_manage(actor, special.teacher_id)
    deleted = remember_hours(special, now=now)
    session.delete(special)
    session.flush()
    audit_log.record(session, actor, AuditAction.EXCEPTION_DELETED, "special_day", special_id, now=now)
    if special.is_closure:
        stored_hours.offer_days_of(session, special, now=now, zone=zone)
    else:
        withdrawal.withdraw_uncovered_offers(session, teacher_id=special.teacher_id, now=now, zone=zone)
    return deleted


def open_rooms(session: Session) -> Sequence[Row[str, str]]:
    """Return id and name of the rooms that are not closed, by name."""
    return read_rows(session, _OPEN_ROOMS, {})


def holidays_between(first: date, last: date, language: str) -> list[tuple[date, str]]:
    """Return the Belgian public holidays from `first` to `last`, with their names in the language."""
    named = belgian_holidays(range(first.year, last.year + 1), language)
    return [(day, name) for day, name in sorted(named.items()) if first <= day <= last]


def teacher_names(session: Session) -> dict[str, str]:
    """Return the names of the teachers who give appointments now by id, in the order of their names."""
    return {row.id: row.name for row in read_rows(session, _TEACHER_NAMES, {})}


def active_teachers(session: Session) -> Sequence[Person]:
    """Return the teachers who give appointments now, by name."""
    return session.scalars(
        select(Person)
        .where(Person.deactivated_at.is_(None), has_role(Role.TEACHER))
        .options(lazyload(Person.role_rows))
        .order_by(*BY_NAME)
    ).all()


def _special(
    session: Session,
    actor: Person,
    teacher: Person | None,
    kind: DayKind,
    dates: tuple[date, date],
    hours: WeeklyHours,
    reason: str,
    *,
    now: datetime,
) -> SpecialDay:
    _check_dates(*dates)
    opens = kind == DayKind.OPEN and hours.start is not None
    return SpecialDay(
        teacher_id=teacher.id if teacher else None,
        kind=kind,
        date_from=dates[0],
        date_until=dates[1],
        start_wall=hours.start,
        end_wall=hours.end,
        mode=hours.mode if opens else None,
        room_id=_room_id(session, hours) if opens else None,
        reason=reason[:120],
        created_by_id=actor.id,
        created_at=now,
    )


def _rule_for(session: Session, teacher: Person, rule_id: str) -> Availability:
    rule = session.get(Availability, rule_id)
    if rule is None or rule.teacher_id != teacher.id:
        raise Absent
    return rule


def _check_hours(start: time, end: time) -> None:
    if end <= start:
        raise Refused(RefusalCode.HOURS_BACKWARD)
    if (end.hour - start.hour) * 60 + end.minute - start.minute < 60:
        raise Refused(RefusalCode.HOURS_TOO_SHORT)


def _check_dates(first: date, last: date | None) -> None:
    if last is not None and last < first:
        raise Refused(RefusalCode.DATES_BACKWARD)
    if last is not None and last - first > LONGEST:
        raise Refused(RefusalCode.DATES_TOO_LONG)


def _room_id(session: Session, hours: WeeklyHours) -> str | None:
    """Return the id of the room with that name, creating or reopening it; None for hours by video."""
    if hours.mode == RuleMode.VIDEO:
        return None
    if not hours.room:
        raise Refused(RefusalCode.ROOM_MISSING)
    return organisation.open_room(session, hours.room[:60]).id
