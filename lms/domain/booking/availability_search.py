"""Slots that a learner can book: those that the availability offers and that are not claimed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Date, String, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from lms.domain.booking import occupancy, slots
from lms.domain.booking.occupancy import Occupancy
from lms.domain.booking.slots import Notice, Rule, Slot, Special
from lms.domain.booking.video_rooms import HAS_ADDRESS
from lms.domain.people.directory import has_role
from lms.extensions import read_rows
from lms.models import Availability, Booking, Mode, Organisation, Person, Role, Room, SpecialDay
from lms.normal_forms import name_key

DAY = timedelta(days=1)


class FreeSlot(NamedTuple):
    """One hour of one teacher that can be booked now, by video, on site or in both modes."""

    starts: datetime
    ends: datetime
    teacher_id: str
    teacher: str
    modes: tuple[Mode, ...]
    room_id: str | None = None
    room: str = ""


@dataclass(frozen=True)
class Timetable:
    """Slots that the teachers offer on some dates, before any booking."""

    zone: ZoneInfo
    buffer: timedelta  # after an hour on site
    rules: list[Rule] = field(default_factory=list)
    specials: list[Special] = field(default_factory=list)
    teachers: dict[str, str] = field(default_factory=dict)
    rooms: dict[str, str] = field(default_factory=dict)
    without_video: set[str] = field(default_factory=set)  # teachers for whom no video address is set

    def offered(self, first: date, last: date) -> list[Slot]:
        """Return the offered slots from `first` to `last` (included)."""
        found = _compute_slots(
            tuple(self.rules), tuple(self.specials), first, last, zone=self.zone, buffer=self.buffer
        )
        return [slot for slot in found if self.has_place(slot)] if self.without_video else list(found)

    def has_place(self, slot: Slot) -> bool:
        """Return whether there is an address for an hour by video; hours on site have their room."""
        return slot.mode.is_onsite or slot.teacher_id not in self.without_video

    def open_at(self, teacher_id: str, starts: datetime, *, holidays: bool = True) -> list[Slot]:
        """Return the slots of this hour within the open time, for who has it already: see `open_slots_at`.

        `holidays` False ignores public holidays.
        """
        closed = slots.belgian_holidays([starts.astimezone(self.zone).year]) if holidays else {}
        return slots.open_slots_at(starts, teacher_id, self.rules, self.specials, closed, self.zone)

    def kept_by(self, booking: Booking) -> list[Slot]:
        """Return the slots of the hour that a booking has: in its mode, or in another that has a place."""
        found = self.open_at(booking.teacher_id, booking.starts)
        return [slot for slot in found if slot.mode == booking.mode or self.has_place(slot)]

    def add_teacher(self, teacher_id: str, name: str, has_video: bool) -> None:
        """Remember the name of a teacher, and whether there is an address for hours by video."""
        self.teachers[teacher_id] = name
        if not has_video:
            self.without_video.add(teacher_id)

    def place(self, room_id: str | None, name: str, closed_at: datetime | None) -> str | None:
        """Remember the name of a room and return its id; None for no room or a closed one."""
        if room_id is None or closed_at is not None:
            return None
        self.rooms[room_id] = name
        return room_id

    def free_hour(self, found: list[Slot]) -> FreeSlot:
        """Return the slots of one hour of one teacher as one choice."""
        slot = found[0]
        room_id = found[-1].room_id  # on site comes after video
        return FreeSlot(
            slot.starts,
            slot.ends,
            slot.teacher_id,
            self.teachers.get(slot.teacher_id, ""),
            tuple([slot.mode for slot in found]),
            room_id,
            self.rooms.get(room_id or "", ""),
        )


@lru_cache(maxsize=64)  # rules seldom change, and every learner of the same teachers looks at the same weeks
def _compute_slots(
    rules: tuple[Rule, ...],
    specials: tuple[Special, ...],
    first: date,
    last: date,
    *,
    zone: ZoneInfo,
    buffer: timedelta,
) -> tuple[Slot, ...]:
    holidays = slots.belgian_holidays(range(first.year, last.year + 1))
    return tuple(slots.offered_slots(rules, specials, holidays, first, last, zone, buffer))


# Statements are built once: what they ask for changes, they do not.
_BUFFER = select(Organisation.onsite_buffer_minutes).where(Organisation.id == 1).scalar_subquery()
_TEACHES = and_(Person.deactivated_at.is_(None), has_role(Role.TEACHER))
_PLACE = (Person.short_name, HAS_ADDRESS, Room.id, Room.name, Room.closed_at, _BUFFER)
_FIRST, _LAST = bindparam("first", type_=Date), bindparam("last", type_=Date)
_TEACHERS = bindparam("teacher_ids", expanding=True, type_=String)
_RULES = (
    select(
        Availability.teacher_id,
        Availability.weekday,
        Availability.start_wall,
        Availability.end_wall,
        Availability.valid_from,
        Availability.valid_until,
        Availability.mode,
        *_PLACE,
    )
    .join(Person, Person.id == Availability.teacher_id)
    .outerjoin(Room, Room.id == Availability.room_id)
    .where(
        _TEACHES,
        Availability.valid_from <= _LAST,
        or_(Availability.valid_until.is_(None), Availability.valid_until >= _FIRST),
    )
)
_SPECIALS = (
    select(
        SpecialDay.teacher_id,
        SpecialDay.date_from,
        SpecialDay.date_until,
        SpecialDay.start_wall,
        SpecialDay.end_wall,
        SpecialDay.kind,
        SpecialDay.mode,
        SpecialDay.created_at,
        SpecialDay.id,
        *_PLACE,
    )
    .outerjoin(Person, Person.id == SpecialDay.teacher_id)
    .outerjoin(Room, Room.id == SpecialDay.room_id)
    .where(
        or_(SpecialDay.teacher_id.is_(None), _TEACHES),
        SpecialDay.date_from <= _LAST,
        SpecialDay.date_until >= _FIRST,
    )
)
_RULES_OF = _RULES.where(Availability.teacher_id.in_(_TEACHERS))
_SPECIALS_OF = _SPECIALS.where(or_(SpecialDay.teacher_id.is_(None), SpecialDay.teacher_id.in_(_TEACHERS)))


def load_timetable(
    session: Session,
    first: date,
    last: date,
    *,
    teacher_ids: Collection[str] | None = None,
    zone: ZoneInfo,
) -> Timetable:
    """Load weekly rules and special days of the dates, in two statements.

    `teacher_ids`: of these teachers; None for all. Deactivated teachers and closed rooms are left out.
    """
    asked: dict[str, Any] = {"first": first, "last": last}
    if teacher_ids is None:
        rules, days = read_rows(session, _RULES, asked), read_rows(session, _SPECIALS, asked)
    else:
        asked["teacher_ids"] = list(teacher_ids)
        rules, days = read_rows(session, _RULES_OF, asked), read_rows(session, _SPECIALS_OF, asked)
    # Without hours the buffer does not matter.
    minutes = next((row[-1] for row in (*rules, *days)), 0)
    table = Timetable(zone, timedelta(minutes=minutes))
    for *rule, teacher, has_video, room_id, room, closed_at, _minutes in rules:
        table.add_teacher(rule[0], teacher, has_video)
        values = [*rule, table.place(room_id, room, closed_at)]
        table.rules.append(Rule(*values))
    for *day, created_at, id_, teacher, has_video, room_id, room, closed_at, _minutes in days:
        values = [*day, table.place(room_id, room, closed_at), created_at, id_]
        table.specials.append(Special(*values))
        if day[0] is not None:
            table.add_teacher(day[0], teacher, has_video)
    return table


@dataclass(frozen=True)
class SearchTerms:
    """The learner for whom slots are searched, and the conditions of the search."""

    learner_id: str
    zone: ZoneInfo
    actor_id: str | None = None  # who books: the own slots of a teacher have no lead time
    moving: Booking | None = None  # its own slot counts as free, and only its teacher is searched


def notice_for(organisation: Organisation, *, no_lead: bool) -> Notice:
    """Return lead time and horizon of a booking; `no_lead` leaves the lead time out."""
    lead = timedelta(0) if no_lead else timedelta(hours=organisation.lead_hours)
    return Notice(lead, timedelta(days=organisation.horizon_days))


def free_slots(
    offered: Iterable[Slot],
    taken: Occupancy,
    notice: Notice,
    learner_id: str | None = None,
    *,
    now: datetime,
) -> list[Slot]:
    """Return the slots that can be booked now: one per teacher, hour and mode, in the first free room.

    With a learner, slots at which the learner has something else are left out too.
    """
    earliest, latest = notice.bounds(now=now)
    chosen: dict[tuple[datetime, str, bool], Slot] = {}
    for slot in sorted(offered, key=slots.slot_order):
        key = slot.starts, slot.teacher_id, slot.room_id is None  # by video; compared faster than a mode
        if earliest <= slot.starts <= latest and key not in chosen and taken.is_free(slot, learner_id):
            chosen[key] = slot
    return list(chosen.values())


def find_free_slots(
    session: Session,
    organisation: Organisation,
    terms: SearchTerms,
    first: date,
    last: date,
    *,
    teacher_ids: Collection[str] | None = None,
    now: datetime,
) -> list[FreeSlot]:
    """Return every hour that the learner can book from `first` to `last` (included), in four statements.

    `teacher_ids`: with these teachers; None for all.
    """
    zone, moving = terms.zone, terms.moving
    if moving:
        teacher_ids = [moving.teacher_id]
    table = load_timetable(session, first, last, teacher_ids=teacher_ids, zone=zone)
    begin, end = slots.instants(first, last + DAY, zone)
    taken = occupancy.load_occupancy(
        session,
        organisation,
        begin,
        end,
        but={moving.id} if moving else (),
        hosts=[terms.learner_id, *table.teachers, *table.rooms],
        shown_at=now,
        kept_by=None if moving else terms.learner_id,
    )
    offered = table.offered(first, last)
    if moving and first <= moving.starts.astimezone(zone).date() <= last:
        offered += table.kept_by(moving)
    own = [slot for slot in offered if slot.teacher_id == terms.actor_id]
    others = [slot for slot in offered if slot.teacher_id != terms.actor_id] if own else offered
    found: list[Slot] = []
    for some, no_lead in ((others, False), (own, True)):
        notice = notice_for(organisation, no_lead=no_lead)
        found += free_slots(some, taken, notice, terms.learner_id, now=now)
    groups: dict[tuple[datetime, str], list[Slot]] = {}
    for slot in found:
        groups.setdefault((slot.starts, slot.teacher_id), []).append(slot)
    hours = [table.free_hour(group) for group in groups.values()]
    by_name = {teacher_id: name_key(name) for teacher_id, name in table.teachers.items()}
    return sorted(hours, key=lambda hour: (hour.starts, by_name[hour.teacher_id], hour.teacher_id))


def find_free_slot(
    session: Session,
    organisation: Organisation,
    terms: SearchTerms,
    teacher_id: str,
    starts: datetime,
    *,
    now: datetime,
) -> FreeSlot | None:
    """Return the hour of this teacher at this time; None when the learner cannot book it."""
    day = starts.astimezone(terms.zone).date()
    found = find_free_slots(session, organisation, terms, day, day, teacher_ids=[teacher_id], now=now)
    return next((hour for hour in found if (hour.teacher_id, hour.starts) == (teacher_id, starts)), None)


@lru_cache(maxsize=4096)
def iso_week_of(moment: datetime, *, zone: ZoneInfo) -> str:
    """Return the ISO week of the local date, such as 2026-W48."""
    year, week, _ = moment.astimezone(zone).isocalendar()
    return f"{year}-W{week:02d}"
