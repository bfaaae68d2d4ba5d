"""Slots that a learner can book: those that the availability offers and that are not claimed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from lms.domain.booking import caps, occupancy, slots
from lms.domain.booking.occupancy import Occupancy
from lms.domain.booking.slots import Notice, Rule, Slot, Special
from lms.domain.people.directory import has_role
from lms.models import Availability, Booking, Mode, Organisation, Person, Role, Room, SpecialDay
from lms.normal_forms import name_key

PAGE_DAYS = 14
DAY = timedelta(days=1)


@dataclass(frozen=True)
class FreeSlot:
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

    def offered(self, first: date, last: date) -> list[Slot]:
        """Return the offered slots from `first` to `last` (included)."""
        holidays = slots.belgian_holidays(range(first.year, last.year + 1))
        return slots.offered_slots(self.rules, self.specials, holidays, first, last, self.zone, self.buffer)

    def open_at(self, teacher_id: str, starts: datetime, *, holidays: bool = True) -> list[Slot]:
        """Return the slots of this hour within the open time, for who has it already: see `open_slots_at`.

        `holidays` False ignores public holidays.
        """
        closed = slots.belgian_holidays([starts.astimezone(self.zone).year]) if holidays else {}
        return slots.open_slots_at(starts, teacher_id, self.rules, self.specials, closed, self.zone)

    def place(self, room_id: str | None, name: str, closed_at: datetime | None) -> str | None:
        """Remember the name of a room and return its id; None for no room or a closed one."""
        if room_id is None or closed_at is not None:
            return None
        self.rooms[room_id] = name
        return room_id

    def free_hour(self, found: list[Slot]) -> FreeSlot:
        """Return the slots of one hour of one teacher as one choice."""
        slot = found[0]
        room_id = next((slot.room_id for slot in found if slot.room_id), None)
        return FreeSlot(
            slot.starts,
            slot.ends,
            slot.teacher_id,
            self.teachers.get(slot.teacher_id, ""),
            tuple(slot.mode for slot in found),
            room_id,
            self.rooms.get(room_id or "", ""),
        )


def load_timetable(
    session: Session, first: date, last: date, *, teacher_id: str | None = None, zone: ZoneInfo
) -> Timetable:
    """Load weekly rules and special days of the dates, in two statements.

    Deactivated teachers and closed rooms are left out.
    """
    buffer = select(Organisation.onsite_buffer_minutes).where(Organisation.id == 1).scalar_subquery()
    active = and_(Person.deactivated_at.is_(None), has_role(Role.TEACHER))
    weekly = (
        select(Availability, Person.short_name, Room.name, Room.closed_at, buffer)
        .join(Person, Person.id == Availability.teacher_id)
        .outerjoin(Room, Room.id == Availability.room_id)
        .where(
            active,
            Availability.valid_from <= last,
            or_(Availability.valid_until.is_(None), Availability.valid_until >= first),
        )
    )
    dated = (
        select(SpecialDay, Person.short_name, Room.name, Room.closed_at, buffer)
        .outerjoin(Person, Person.id == SpecialDay.teacher_id)
        .outerjoin(Room, Room.id == SpecialDay.room_id)
        .where(
            or_(SpecialDay.teacher_id.is_(None), active),
            SpecialDay.date_from <= last,
            SpecialDay.date_until >= first,
        )
    )
    if teacher_id is not None:
        weekly = weekly.where(Availability.teacher_id == teacher_id)
        dated = dated.where(or_(SpecialDay.teacher_id.is_(None), SpecialDay.teacher_id == teacher_id))
    rules, days = session.execute(weekly).all(), session.execute(dated).all()
    # Without hours the buffer does not matter.
    minutes = next((minutes for *_row, minutes in (*rules, *days)), 0)
    table = Timetable(zone, timedelta(minutes=minutes))
    for rule, teacher, room, closed_at, _minutes in rules:
        table.rules.append(
            Rule(
                rule.teacher_id,
                rule.weekday,
                rule.start_wall,
                rule.end_wall,
                rule.valid_from,
                rule.valid_until,
                rule.mode,
                table.place(rule.room_id, room, closed_at),
            )
        )
        table.teachers[rule.teacher_id] = teacher
    for day, teacher, room, closed_at, _minutes in days:
        table.specials.append(
            Special(
                day.teacher_id,
                day.date_from,
                day.date_until,
                day.start_wall,
                day.end_wall,
                day.kind,
                day.mode,
                table.place(day.room_id, room, closed_at),
                day.created_at,
                day.id,
            )
        )
        if day.teacher_id is not None:
            table.teachers[day.teacher_id] = teacher
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
    chosen: dict[tuple[datetime, str, Mode], Slot] = {}
    for slot in sorted(offered, key=slots.slot_order):
        key = slot.starts, slot.teacher_id, slot.mode
        if key not in chosen and notice.allows(slot.starts, now=now) and taken.is_free(slot, learner_id):
            chosen[key] = slot
    return list(chosen.values())


def find_free_slots(
    session: Session,
    organisation: Organisation,
    terms: SearchTerms,
    first: date,
    last: date,
    *,
    now: datetime,
) -> list[FreeSlot]:
    """Return every hour that the learner can book from `first` to `last` (included), in four statements."""
    zone, moving = terms.zone, terms.moving
    table = load_timetable(session, first, last, teacher_id=moving.teacher_id if moving else None, zone=zone)
    begin, end = slots.instants(first, last + DAY, zone)
    taken = occupancy.load_occupancy(
        session,
        organisation,
        begin,
        end,
        but={moving.id} if moving else (),
        shown_at=now,
        kept_by=None if moving else terms.learner_id,
    )
    offered = table.offered(first, last)
    if moving and first <= moving.starts.astimezone(zone).date() <= last:
        offered += table.open_at(moving.teacher_id, moving.starts)
    found: list[Slot] = []
    for own in (False, True):
        some = [slot for slot in offered if (slot.teacher_id == terms.actor_id) == own]
        notice = notice_for(organisation, no_lead=own)
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
    found = find_free_slots(session, organisation, terms, day, day, now=now)
    return next((hour for hour in found if (hour.teacher_id, hour.starts) == (teacher_id, starts)), None)


@dataclass(frozen=True)
class PickerPage:
    """Free slots of two weeks; where there are none, of the first two weeks that have some."""

    first: date
    hours: list[FreeSlot]
    earlier: date | None
    later: date | None
    full: bool = False  # the learner has reached the cap on upcoming appointments


def iso_week_of(moment: datetime, *, zone: ZoneInfo) -> str:
    """Return the ISO week of the local date, such as 2026-W48."""
    year, week, _ = moment.astimezone(zone).isocalendar()
    return f"{year}-W{week:02d}"


def load_picker_page(
    session: Session, organisation: Organisation, terms: SearchTerms, wanted: date | None, *, now: datetime
) -> PickerPage:
    """Return the slots of two weeks from the wanted day; the first weeks with slots where these have none."""
    today = now.astimezone(terms.zone).date()
    horizon = today + timedelta(days=organisation.horizon_days)
    first = max(today, min(wanted or today, horizon))
    last = min(first + (PAGE_DAYS - 1) * DAY, horizon)
    load = caps.count_load(session, organisation, [terms.learner_id], moving=terms.moving, now=now)
    if load.is_full(terms.learner_id):
        return PickerPage(first, [], None, None, full=True)

    def free(begin: date, end: date) -> list[FreeSlot]:
        found = find_free_slots(session, organisation, terms, begin, end, now=now)
        return [
            hour
            for hour in found
            if not load.is_week_full(terms.learner_id, iso_week_of(hour.starts, zone=terms.zone))
        ]

    hours = free(first, last)
    if not hours and last < horizon:
        rest = free(last + DAY, horizon)
        if rest:
            first = rest[0].starts.astimezone(terms.zone).date()
            last = min(first + (PAGE_DAYS - 1) * DAY, horizon)
            hours = [hour for hour in rest if hour.starts.astimezone(terms.zone).date() <= last]
    earlier = max(today, first - PAGE_DAYS * DAY) if first > today else None
    return PickerPage(first, hours, earlier, last + DAY if last < horizon else None)


def nearest_slots(hours: list[FreeSlot], to: datetime, limit: int = 12) -> list[FreeSlot]:
    """Return the free slots closest to a moment, the nearest first, those of one hour in their order."""
    return sorted(hours, key=lambda hour: (abs(hour.starts - to), hour.starts))[:limit]
