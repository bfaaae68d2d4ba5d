"""The page on which a slot is chosen: whose free slots, and of which two weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Date, String, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from lms.domain.booking import caps
from lms.domain.booking.availability_search import (
    DAY,
    FreeSlot,
    SearchTerms,
    find_free_slots,
    iso_week_of,
)
from lms.domain.booking.video_rooms import HAS_ADDRESS
from lms.domain.people.directory import has_role
from lms.extensions import read_rows
from lms.models import Availability, Booking, DayKind, Organisation, Person, Role, RuleMode, SpecialDay

PAGE_DAYS = 14
SHOWN_TEACHERS = 4


@dataclass(frozen=True)
class Teacher:
    """A teacher as the picker names the choice."""

    id: str
    name: str


_LEARNER = bindparam("learner", type_=String)
_MET = exists().where(Booking.learner_id == _LEARNER, Booking.teacher_id == Person.id)
_TODAY = bindparam("today", type_=Date)
_WEEKLY = exists().where(
    Availability.teacher_id == Person.id,
    or_(Availability.mode != RuleMode.VIDEO, HAS_ADDRESS),
    or_(Availability.valid_until.is_(None), Availability.valid_until >= _TODAY),
)
_DATED = exists().where(
    SpecialDay.teacher_id == Person.id,
    SpecialDay.kind == DayKind.OPEN,
    SpecialDay.date_until >= _TODAY,
    or_(SpecialDay.mode != RuleMode.VIDEO, HAS_ADDRESS),
)
_CHOOSABLE = (
    select(Person.id, Person.short_name)
    .where(Person.deactivated_at.is_(None), has_role(Role.TEACHER), or_(_WEEKLY, _DATED))
    .order_by(_MET.desc(), Person.name_key, Person.id)
)


def choosable_teachers(session: Session, learner_id: str, today: date) -> list[Teacher]:
    """Return the teachers who give hours from today on: those whom the learner met first, then by name."""
    rows = read_rows(session, _CHOOSABLE, {"learner": learner_id, "today": today})
    return [Teacher(id_, name) for id_, name in rows]


@dataclass(frozen=True)
class PickerPage:
    """Free slots of two weeks; where there are none, of the first two weeks that have some."""

    first: date
    hours: list[FreeSlot]
    earlier: date | None
    later: date | None
    full: bool = False  # the learner has reached the cap on upcoming appointments
    is_opened: bool = True  # False: no teacher gives hours, from today on
    others: Sequence[Teacher] = ()  # who give hours too, but are not shown
    teacher_id: str | None = None  # the only one who is shown, by choice


def load_picker_page(
    session: Session,
    organisation: Organisation,
    terms: SearchTerms,
    wanted: date | None,
    *,
    teacher_id: str | None = None,
    now: datetime,
) -> PickerPage:
    """Return the slots of two weeks from the wanted day; the first weeks with slots where these have none.

    Those of one teacher, or of four at most: the four whom the learner met or who have slots.
    """
    today = now.astimezone(terms.zone).date()
    horizon = today + timedelta(days=organisation.horizon_days)
    first = max(today, min(wanted or today, horizon))
    last = min(first + (PAGE_DAYS - 1) * DAY, horizon)
    load = caps.count_load(session, organisation, [terms.learner_id], moving=terms.moving, now=now)
    if load.is_full(terms.learner_id):
        return PickerPage(first, [], None, None, full=True)
    teachers = [] if terms.moving else choosable_teachers(session, terms.learner_id, today)
    chosen = next((teacher for teacher in teachers if teacher.id == teacher_id), None)
    shown = [chosen] if chosen else teachers[:SHOWN_TEACHERS]

    def free(begin: date, end: date, some: Sequence[Teacher]) -> list[FreeSlot]:
        ids = [teacher.id for teacher in some]
        found = find_free_slots(session, organisation, terms, begin, end, teacher_ids=ids, now=now)
        return [
            hour
            for hour in found
            if not load.is_week_full(terms.learner_id, iso_week_of(hour.starts, zone=terms.zone))
        ]

    hours = free(first, last, shown)
    if not hours and (last < horizon or len(shown) < len(teachers)):
        some = shown if chosen else teachers
        rest = free(first, horizon, some)
        if rest:
            day = rest[0].starts.astimezone(terms.zone).date()
            if day > last:
                first = day
                last = min(first + (PAGE_DAYS - 1) * DAY, horizon)
            soon = [hour for hour in rest if hour.starts.astimezone(terms.zone).date() <= last]
            with_hours = {hour.teacher_id for hour in soon}
            shown = [teacher for teacher in some if teacher.id in with_hours][:SHOWN_TEACHERS]
            ids = {teacher.id for teacher in shown}
            hours = [hour for hour in soon if terms.moving or hour.teacher_id in ids]
    earlier = max(today, first - PAGE_DAYS * DAY) if first > today else None
    others = [teacher for teacher in teachers if teacher not in shown]
    later = last + DAY if last < horizon else None
    return PickerPage(
        first,
        hours,
        earlier,
        later,
        is_opened=bool(teachers or terms.moving),
        others=others,
        teacher_id=chosen.id if chosen else None,
    )


def nearest_slots(hours: list[FreeSlot], to: datetime, limit: int = 12) -> list[FreeSlot]:
    """Return the free slots closest to a moment, the nearest first, those of one hour in their order."""
    return sorted(hours, key=lambda hour: (abs(hour.starts - to), hour.starts))[:limit]
