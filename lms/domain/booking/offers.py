"""What becomes free is offered to those who wait, in their order and in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import Session

from lms.domain import audit_log, outbox
from lms.domain.booking import allocation, caps, occupancy
from lms.domain.booking.availability_search import iso_week_of, load_timetable
from lms.domain.booking.slots import HOUR, Slot, blocked_until, instants
from lms.domain.errors import Refused
from lms.models import (
    AFTERNOON,
    EVENING,
    MORNING,
    AuditAction,
    Booking,
    BookingState,
    Organisation,
    Person,
    WaitlistEntry,
)

LONGEST_OFFER = timedelta(hours=12)
# Nearer than this nobody is asked: the hour is simply free.
NEAREST_OFFER = timedelta(hours=3)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class FreedTime:
    """Time that became free, and of whom: a teacher, perhaps a room, from when to when."""

    teacher_id: str | None
    room_id: str | None
    begin: datetime
    end: datetime
    learner_id: str | None = None  # who gave it back is not asked whether she wants it

    @classmethod
    def by(cls, booking: Booking) -> FreedTime:
        return cls(
            booking.teacher_id, booking.room_id, booking.starts, booking.blocked_until, booking.learner_id
        )

    @classmethod
    def on(cls, first: date, last: date, zone: ZoneInfo, teacher_id: str | None = None) -> FreedTime:
        """Whole days, `last` included; without a teacher, of everybody."""
        return cls(teacher_id, None, *instants(first, last, zone))

    def concerns(self, slot: Slot, buffer: timedelta) -> bool:
        touched = slot.starts < self.end and self.begin < blocked_until(slot, buffer)
        everybody = self.teacher_id is None and self.room_id is None
        same = slot.teacher_id == self.teacher_id or (
            slot.room_id is not None and slot.room_id == self.room_id
        )
        return touched and (everybody or same)


def offer_deadline(starts: datetime, *, now: datetime) -> datetime:
    """Twelve hours to answer, or half of the time that is left."""
    return now + min(LONGEST_OFFER, (starts - now) / 2)


def offer_to_waitlist(session: Session, freed: FreedTime, *, now: datetime, zone: ZoneInfo) -> list[Booking]:
    """Offer what became free to those who wait, each at most one hour, in their order.

    Who is busy then, or has all the appointments she may have, is skipped and keeps her place.
    """
    service = session.get_one(Organisation, 1)
    begin = max(freed.begin - 2 * HOUR, now + NEAREST_OFFER)  # an hour before it, and its buffer
    end = min(freed.end, now + timedelta(days=service.horizon_days))
    unasked = session.scalars(active_entries().where(~_has_open_offer()))
    waiting = [entry for entry in unasked if entry.learner_id != freed.learner_id]
    if not waiting or begin >= end:
        return []
    line_up = _OfferRound(session, service, zone, waiting, begin, end, now)
    offers = []
    for entry in waiting:
        offer = line_up.offer_to(entry, freed)
        if offer is not None:
            offers.append(offer)
    return offers


class _OfferRound:
    """The free hours and the terms of those who wait, in as many statements for one as for thirty."""

    def __init__(
        self,
        session: Session,
        service: Organisation,
        zone: ZoneInfo,
        waiting: Sequence[WaitlistEntry],
        begin: datetime,
        end: datetime,
        now: datetime,
    ) -> None:
        self.session, self.service, self.zone, self.now = session, service, zone, now
        first, last = begin.astimezone(zone).date(), end.astimezone(zone).date()
        offered = load_timetable(session, first, last, zone=zone).offered(first, last)
        self.slots = [slot for slot in offered if begin <= slot.starts <= end]
        self.taken = occupancy.load_occupancy(session, service, begin, end + DAY)
        self.refused = _declined_slots(session, waiting)
        self.load = caps.count_load(session, service, [entry.learner_id for entry in waiting], now=now)

    def offer_to(self, entry: WaitlistEntry, freed: FreedTime) -> Booking | None:
        if self.load.is_full(entry.learner_id):
            return None
        for slot in self.slots:
            if (
                freed.concerns(slot, self.taken.buffer)
                and self._would_do(entry, slot)
                and self.taken.is_free(slot, entry.learner_id)
            ):
                offer = self._offer(entry, slot)
                if offer is not None:
                    return offer
        return None

    def _would_do(self, entry: WaitlistEntry, slot: Slot) -> bool:
        week = iso_week_of(slot.starts, zone=self.zone)
        return (
            entry.teacher_id in (None, slot.teacher_id)
            and entry.mode in (None, slot.mode)
            and bool(entry.parts & part_of_day(slot.starts, zone=self.zone))
            and entry.learner_id != slot.teacher_id
            and (entry.id, slot.teacher_id, slot.starts) not in self.refused
            and not self.load.is_week_full(entry.learner_id, week)
        )

    def _offer(self, entry: WaitlistEntry, slot: Slot) -> Booking | None:
        session, now = self.session, self.now
        offer = allocation.new_booking(
            entry.learner_id, slot.teacher_id, entry.learner_id, BookingState.OFFERED, now=now
        )
        offer.waitlist_entry_id, offer.expires_at = entry.id, offer_deadline(slot.starts, now=now)
        allocation.set_slot(offer, slot, self.service, zone=self.zone)
        self.taken.held.update(occupancy.cells_of(offer))
        try:
            allocation.save_and_claim(session, offer)
        except Refused:  # somebody was faster, on PostgreSQL: the hour is not free any more
            return None
        learner = session.get_one(Person, entry.learner_id)
        outbox.post(session, "booking_offer", learner, offer.id, expires_at=offer.expires_at, now=now)
        audit_log.record(session, None, AuditAction.HOUR_OFFERED, "booking", offer.id, now=now)
        return offer


def part_of_day(starts: datetime, *, zone: ZoneInfo) -> int:
    """Morning until noon, evening from 17 h, on the wall."""
    hour = starts.astimezone(zone).hour
    return MORNING if hour < 12 else AFTERNOON if hour < 17 else EVENING


def active_entries() -> Select[WaitlistEntry]:
    """All active learners who wait, the first in line first."""
    return (
        select(WaitlistEntry)
        .join(Person, Person.id == WaitlistEntry.learner_id)
        .where(WaitlistEntry.ended_at.is_(None), Person.deactivated_at.is_(None))
        .order_by(WaitlistEntry.first_choice.desc(), WaitlistEntry.created_at, WaitlistEntry.id)
    )


def _has_open_offer() -> ColumnElement[bool]:
    return exists().where(
        Booking.waitlist_entry_id == WaitlistEntry.id, Booking.state == BookingState.OFFERED
    )


def _declined_slots(
    session: Session, waiting: Sequence[WaitlistEntry]
) -> set[tuple[str | None, str, datetime]]:
    """The hours to which somebody said no already: she is not asked twice."""
    rows = session.execute(
        select(Booking.waitlist_entry_id, Booking.teacher_id, Booking.starts).where(
            Booking.waitlist_entry_id.in_([entry.id for entry in waiting]),
            Booking.state == BookingState.DECLINED,
        )
    )
    return {(entry_id, teacher_id, starts) for entry_id, teacher_id, starts in rows}
