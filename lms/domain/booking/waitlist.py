"""Who found no hour waits; a freed hour is offered in the order of the line.

An offer is a booking in the state `offered`: it holds its people and its room like any other. It is made
in the transaction that freed the hour, so that nobody can be faster than who waits longest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session, joinedload

from config import BRUSSELS
from lms.domain import journal, outbox
from lms.domain.booking import claims, placing
from lms.domain.booking.busy import held as busy_held
from lms.domain.booking.finders import with_people
from lms.domain.booking.hours import timetable, week_of
from lms.domain.errors import Absent, Refused
from lms.domain.slots import HOUR, Slot, cells, free_at
from lms.models import AFTERNOON, EVENING, HOLDING, MORNING, Booking, Person, Service, WaitlistEntry

LONGEST_OFFER = timedelta(hours=12)
# Nearer than this nobody is asked: the hour is simply free.
NEAREST_OFFER = timedelta(hours=3)
DAY = timedelta(days=1)


# -- the line ------------------------------------------------------------------------------------


def join(
    session: Session,
    learner: Person,
    by: Person,
    teacher_id: str | None,
    parts: int,
    mode: str | None,
    now: datetime,
) -> WaitlistEntry:
    """Wait for an hour. Who waits already says anew what would do, and keeps her place."""
    if not learner.is_learner or not learner.is_active:
        raise Refused("not_bookable")
    if not 1 <= parts <= MORNING | AFTERNOON | EVENING:
        raise Refused("no_part_of_day")
    if teacher_id is not None and not _teaches(session, teacher_id):
        raise Refused("teacher_gone")
    claims.hold_people(session, learner.id)
    entry = entry_of(session, learner.id)
    if entry is None:
        entry = WaitlistEntry(learner_id=learner.id, made_by_id=by.id, made_at=now, first_choice=False)
        session.add(entry)
    entry.teacher_id, entry.parts, entry.mode = teacher_id, parts, mode
    session.flush()
    journal.note(session, by, "waitlist_joined", "waitlist_entry", entry.id, now=now)
    return entry


def leave(session: Session, learner: Person, by: Person, now: datetime, zone: ZoneInfo = BRUSSELS) -> None:
    """Wait no longer. An hour that is being offered goes to the next."""
    hold_people(session, learner.id)
    entry = entry_of(session, learner.id)
    if entry is None:
        return
    offer = session.scalar(_open_offers().where(Booking.waitlist_entry_id == entry.id))
    _end(entry, "withdrawn", now)
    journal.note(session, by, "waitlist_left", "waitlist_entry", entry.id, now=now)
    if offer is not None:
        _give_back(session, offer, "declined", now)
        promote(session, Freed.by(offer), now, zone)


def entry_of(session: Session, learner_id: str) -> WaitlistEntry | None:
    """Her living wish, if she waits."""
    return session.scalar(
        select(WaitlistEntry)
        .where(WaitlistEntry.learner_id == learner_id, WaitlistEntry.ended_at.is_(None))
        .options(joinedload(WaitlistEntry.teacher).lazyload(Person.role_rows))
    )


def line(session: Session) -> Sequence[WaitlistEntry]:
    """All who wait, in their order, with their names: those whose teacher could not come are first."""
    return session.scalars(
        _line().options(
            joinedload(WaitlistEntry.learner).lazyload(Person.role_rows),
            joinedload(WaitlistEntry.teacher).lazyload(Person.role_rows),
        )
    ).all()


def found_an_hour(session: Session, learner_id: str, now: datetime) -> None:
    """Who booked an hour waits no longer, unless one is being offered to her: she still answers that."""
    entry = entry_of(session, learner_id)
    if entry is not None and not _offered(session, entry):
        _end(entry, "booked", now)


def first_choice(session: Session, lost: Booking, by: Person, now: datetime) -> None:
    """Her teacher could not come: she is asked before all others. Of several, who had booked first."""
    entry = entry_of(session, lost.learner_id)
    if entry is None:
        entry = WaitlistEntry(
            learner_id=lost.learner_id,
            parts=MORNING | AFTERNOON | EVENING,
            made_by_id=by.id,
            made_at=lost.booked_at,
        )
        session.add(entry)
    entry.first_choice = True
    session.flush()


# -- offers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Freed:
    """What became free, and from whom: a teacher, perhaps a room, from when to when."""

    teacher_id: str | None
    room_id: str | None
    begin: datetime
    end: datetime
    learner_id: str | None = None  # who gave it back is not asked whether she wants it

    @classmethod
    def by(cls, booking: Booking) -> Freed:
        return cls(booking.teacher_id, booking.room_id, booking.starts, booking.free_at, booking.learner_id)

    @classmethod
    def on(cls, first: date, last: date, zone: ZoneInfo, teacher_id: str | None = None) -> Freed:
        """Whole days, `last` included; without a teacher, of everybody."""
        begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + DAY))
        return cls(teacher_id, None, begin, end)

    def concerns(self, slot: Slot, buffer: timedelta) -> bool:
        touched = slot.starts < self.end and self.begin < free_at(slot, buffer)
        everybody = self.teacher_id is None and self.room_id is None
        same = slot.teacher_id == self.teacher_id or (
            slot.room_id is not None and slot.room_id == self.room_id
        )
        return touched and (everybody or same)


def expires(starts: datetime, now: datetime) -> datetime:
    """Twelve hours to answer, or half of the time that is left."""
    return now + min(LONGEST_OFFER, (starts - now) / 2)


def promote(session: Session, freed: Freed, now: datetime, zone: ZoneInfo = BRUSSELS) -> list[Booking]:
    """Offer what became free to those who wait, each at most one hour, in their order.

    Who is busy then, or has all the appointments she may have, is skipped and keeps her place.
    """
    service = session.get_one(Service, 1)
    begin = max(freed.begin - 2 * HOUR, now + NEAREST_OFFER)  # an hour before it, and its buffer
    end = min(freed.end, now + timedelta(days=service.horizon_days))
    waiting = [entry for entry in session.scalars(_line()) if entry.learner_id != freed.learner_id]
    if not waiting or begin >= end:
        return []
    line_up = _LineUp(session, service, zone, waiting, begin, end, now)
    offers = []
    for entry in waiting:
        offer = line_up.offer_to(entry, freed)
        if offer is not None:
            offers.append(offer)
    return offers


class _LineUp:
    """The free hours and the terms of those who wait, in as many statements for one as for thirty."""

    def __init__(
        self,
        session: Session,
        service: Service,
        zone: ZoneInfo,
        waiting: Sequence[WaitlistEntry],
        begin: datetime,
        end: datetime,
        now: datetime,
    ) -> None:
        self.session, self.service, self.zone, self.now = session, service, zone, now
        first, last = begin.astimezone(zone).date(), end.astimezone(zone).date()
        offered = timetable(session, first, last, zone).offered(first, last)
        self.slots = [slot for slot in offered if begin <= slot.starts <= end]
        until = end + DAY
        self.held = claims.taken(session, begin, until) | busy_held(session, begin, until)
        self.refused = _refused(session, waiting)
        self.ahead, self.weeks = _appointments(session, [entry.learner_id for entry in waiting], now)

    def offer_to(self, entry: WaitlistEntry, freed: Freed) -> Booking | None:
        if self.ahead[entry.learner_id] >= self.service.open_cap:
            return None
        for slot in self.slots:
            if (
                freed.concerns(slot, self._buffer)
                and self._would_do(entry, slot)
                and self._is_free(entry, slot)
            ):
                offer = self._offer(entry, slot)
                if offer is not None:
                    return offer
        return None

    def _would_do(self, entry: WaitlistEntry, slot: Slot) -> bool:
        week = week_of(slot.starts, self.zone)
        return (
            entry.teacher_id in (None, slot.teacher_id)
            and entry.mode in (None, slot.mode)
            and bool(entry.parts & part_of_day(slot.starts, self.zone))
            and entry.learner_id != slot.teacher_id
            and (entry.id, slot.teacher_id, slot.starts) not in self.refused
            and self.weeks[entry.learner_id, week] < self.service.weekly_cap
        )

    def _is_free(self, entry: WaitlistEntry, slot: Slot) -> bool:
        hosts = [slot.teacher_id] if slot.room_id is None else [slot.teacher_id, slot.room_id]
        whole = cells(slot.starts, free_at(slot, self._buffer))
        return not any((host, cell) in self.held for host in hosts for cell in whole) and not any(
            (entry.learner_id, cell) in self.held for cell in cells(slot.starts, slot.ends)
        )

    @property
    def _buffer(self) -> timedelta:
        return timedelta(minutes=self.service.onsite_buffer_minutes)

    def _offer(self, entry: WaitlistEntry, slot: Slot) -> Booking | None:
        session, now = self.session, self.now
        offer = placing.fresh(entry.learner_id, slot.teacher_id, entry.learner_id, "offered", now)
        offer.waitlist_entry_id, offer.expires_at = entry.id, expires(slot.starts, now)
        placing.put(offer, slot, self.service, self.zone)
        session.add(offer)
        try:
            placing.claim(session, offer)
        except Refused:  # somebody was faster, on PostgreSQL: the hour is not free any more
            self.held |= claims.of(offer)
            return None
        self.held |= claims.of(offer)
        learner = session.get_one(Person, entry.learner_id)
        outbox.post(session, "booking_offer", learner, offer.id, expires_at=offer.expires_at, now=now)
        journal.note(session, None, "hour_offered", "booking", offer.id, now=now)
        return offer


def part_of_day(starts: datetime, zone: ZoneInfo) -> int:
    """Morning until noon, evening from 17 h, on the wall."""
    hour = starts.astimezone(zone).hour
    return MORNING if hour < 12 else AFTERNOON if hour < 17 else EVENING


def offer_for(session: Session, person: Person, booking_id: str) -> Booking:
    """An hour that was offered to this learner, whatever came of it. Raises Absent otherwise."""
    offer = session.scalar(
        with_people().where(
            Booking.id == booking_id,
            Booking.learner_id == person.id,
            Booking.waitlist_entry_id.is_not(None),
        )
    )
    if offer is None:
        raise Absent
    return offer


def open_offers(session: Session, learner: Person, now: datetime) -> Sequence[Booking]:
    """The hours she may still say yes to."""
    return session.scalars(
        _open_offers()
        .where(Booking.learner_id == learner.id, Booking.expires_at > now)
        .order_by(Booking.starts)
    ).all()


def accept(session: Session, offer: Booking, by: Person, now: datetime) -> Booking:
    """Yes: the offered hour is hers. Refused with `offer_over` when the time to answer is over."""
    claims.hold_people(session, offer.learner_id, offer.teacher_id)
    session.refresh(offer)
    _still_open(offer, now)
    offer.state, offer.expires_at = "booked", None
    offer.booked_by_id, offer.booked_at, offer.changed_at = by.id, now, now
    entry = session.get_one(WaitlistEntry, offer.waitlist_entry_id)
    if entry.ended_at is None:
        _end(entry, "accepted", now)
    outbox.void(session, offer.id, now)
    placing.tell(session, offer, "booking_made", now)
    journal.note(session, by, "booking_made", "booking", offer.id, detail="offer", now=now)
    return offer


def decline(session: Session, offer: Booking, by: Person, now: datetime, zone: ZoneInfo = BRUSSELS) -> None:
    """No: the hour goes to the next, she keeps her place and is not asked for this hour again."""
    hold_people(session, offer.learner_id, offer.teacher_id)
    session.refresh(offer)
    _still_open(offer, now)
    _give_back(session, offer, "declined", now)
    journal.note(session, by, "offer_declined", "booking", offer.id, now=now)
    promote(session, Freed.by(offer), now, zone)


def due_offers(session: Session, now: datetime) -> list[str]:
    """Offers whose time is over and that nobody closed yet."""
    return list(
        session.scalars(
            select(Booking.id)
            .where(Booking.state == "offered", Booking.expires_at <= now)
            .order_by(Booking.expires_at, Booking.id)
        )
    )


def expire(session: Session, offer_id: str, now: datetime, zone: ZoneInfo = BRUSSELS) -> None:
    """No answer: the hour goes to the next, and who did not answer waits no longer.

    Otherwise one silent phone at the head of the line would hold every hour for half of its time.
    """
    offer = session.get(Booking, offer_id)
    if offer is None:
        return
    hold_people(session, offer.learner_id, offer.teacher_id)
    session.refresh(offer)
    if offer.state != "offered" or offer.expires_at is None or offer.expires_at > now:
        return
    _give_back(session, offer, "expired", now)
    entry = session.get_one(WaitlistEntry, offer.waitlist_entry_id)
    if entry.ended_at is None:
        _end(entry, "lapsed", now)
    journal.note(session, None, "offer_expired", "booking", offer.id, now=now)
    promote(session, Freed.by(offer), now, zone)


def take_back(session: Session, offer: Booking, now: datetime) -> None:
    """The teacher cannot come after all: the offer is over, who got it keeps her place."""
    session.refresh(offer)
    if offer.state == "offered":
        _give_back(session, offer, "expired", now)


def hold_people(session: Session, *person_ids: str) -> None:
    """These people and all who wait: whoever frees an hour may have to offer it to any of them."""
    waiting = session.scalars(select(WaitlistEntry.learner_id).where(WaitlistEntry.ended_at.is_(None)))
    claims.hold_people(session, *person_ids, *waiting)


# -- parts ---------------------------------------------------------------------------------------


def _line() -> Select[WaitlistEntry]:
    """Active learners who wait and to whom nothing is being offered, the first in line first."""
    offered = exists().where(Booking.waitlist_entry_id == WaitlistEntry.id, Booking.state == "offered")
    return (
        select(WaitlistEntry)
        .join(Person, Person.id == WaitlistEntry.learner_id)
        .where(WaitlistEntry.ended_at.is_(None), Person.deactivated_at.is_(None), ~offered)
        .order_by(WaitlistEntry.first_choice.desc(), WaitlistEntry.made_at, WaitlistEntry.id)
    )


def _open_offers() -> Select[Booking]:
    return with_people().where(Booking.state == "offered")


def _offered(session: Session, entry: WaitlistEntry) -> bool:
    return session.scalar(_open_offers().where(Booking.waitlist_entry_id == entry.id)) is not None


def _end(entry: WaitlistEntry, outcome: str, now: datetime) -> None:
    entry.ended_at, entry.outcome = now, outcome


def _still_open(offer: Booking, now: datetime) -> None:
    if offer.state != "offered" or offer.expires_at is None or offer.expires_at <= now:
        raise Refused("offer_over")


def _give_back(session: Session, offer: Booking, state: str, now: datetime) -> None:
    offer.state, offer.changed_at = state, now
    session.flush()
    claims.release(session, offer)
    outbox.void(session, offer.id, now)


def _teaches(session: Session, person_id: str) -> bool:
    person = session.get(Person, person_id)
    return person is not None and person.is_active and "teacher" in person.roles


def _refused(session: Session, waiting: Sequence[WaitlistEntry]) -> set[tuple[str | None, str, datetime]]:
    """The hours to which somebody said no already: she is not asked twice."""
    rows = session.execute(
        select(Booking.waitlist_entry_id, Booking.teacher_id, Booking.starts).where(
            Booking.waitlist_entry_id.in_([entry.id for entry in waiting]), Booking.state == "declined"
        )
    )
    return {(entry_id, teacher_id, starts) for entry_id, teacher_id, starts in rows}


def _appointments(
    session: Session, learner_ids: Sequence[str], now: datetime
) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """How many appointments each learner has ahead, and how many in each week."""
    rows = session.execute(
        select(Booking.learner_id, Booking.week, Booking.ends).where(
            Booking.learner_id.in_(learner_ids), Booking.state.in_(HOLDING), Booking.ends > now - 8 * DAY
        )
    ).all()
    ahead = Counter(learner for learner, _week, ends in rows if ends > now)
    return ahead, Counter((learner, week) for learner, week, _ends in rows)
