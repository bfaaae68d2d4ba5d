"""Offer freed time to the waitlist, in its order and in the transaction that freed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, exists, select, union
from sqlalchemy.orm import Session

from lms.domain import audit_log, outbox
from lms.domain.booking import allocation, caps, occupancy
from lms.domain.booking.availability_search import iso_week_of, load_timetable
from lms.domain.booking.quiet_hours import after_awake
from lms.domain.booking.slots import HOUR, Slot, blocked_until, instants
from lms.domain.errors import Refused
from lms.domain.people import locks
from lms.models import (
    AFTERNOON,
    EVENING,
    MORNING,
    AuditAction,
    Booking,
    BookingState,
    NoticeKind,
    Organisation,
    Person,
    WaitlistEntry,
)

LONGEST_OFFER = timedelta(hours=12)
# A slot that starts sooner than this is not offered: anybody can book it.
NEAREST_OFFER = timedelta(hours=3)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class FreedTime:
    """Time that became free: of a teacher and perhaps a room, from `begin` to `end`; without both, of all."""

    teacher_id: str | None
    room_id: str | None
    begin: datetime
    end: datetime
    learner_id: str | None = None  # who freed it, and gets no offer for it

    @classmethod
    def by(cls, booking: Booking) -> FreedTime:
        """Return the time that a booking frees."""
        return cls(
            booking.teacher_id, booking.room_id, booking.starts, booking.blocked_until, booking.learner_id
        )

    @classmethod
    def on(cls, first: date, last: date, zone: ZoneInfo, teacher_id: str | None = None) -> FreedTime:
        """Return whole days, `last` included; of all teachers when `teacher_id` is None."""
        return cls(teacher_id, None, *instants(first, last, zone))

    def concerns(self, slot: Slot, buffer: timedelta) -> bool:
        """Return whether the slot may have become possible by this freed time."""
        touched = slot.starts < self.end and self.begin < blocked_until(slot, buffer)
        of_all = self.teacher_id is None and self.room_id is None
        same = slot.teacher_id == self.teacher_id or (
            slot.room_id is not None and slot.room_id == self.room_id
        )
        return touched and (of_all or same)


def offer_deadline(
    organisation: Organisation, starts: datetime, *, now: datetime, zone: ZoneInfo
) -> datetime | None:
    """Return until when an offer can be accepted: twelve hours, or half of the time before its start.

    Both are counted without the quiet hours. None when the slot starts before they are over.
    """
    return after_awake(organisation, LONGEST_OFFER, now, starts, zone=zone)


def offer_to_waitlist(session: Session, freed: FreedTime, *, now: datetime, zone: ZoneInfo) -> list[Booking]:
    """Offer freed time to the learners on the waitlist, in their order; each gets at most one slot.

    A learner who is busy then or has reached a cap is skipped and keeps the place. Returns the offers.
    """
    organisation = session.get_one(Organisation, 1)
    # A slot that starts an hour and its buffer before may have become possible too.
    begin = max(freed.begin - 2 * HOUR, now + NEAREST_OFFER)
    end = min(freed.end, now + timedelta(days=organisation.horizon_days))
    without_offer = session.scalars(active_entries().where(~_has_open_offer()))
    waiting = [entry for entry in without_offer if entry.learner_id != freed.learner_id]
    if not waiting or begin >= end:
        return []
    offer_round = _OfferRound(session, organisation, zone, waiting, begin, end, now)
    offers = []
    for entry in waiting:
        offer = offer_round.offer_to(entry, freed)
        if offer is not None:
            offers.append(offer)
    return offers


class _OfferRound:
    """Slots, occupancy and caps for one round of offers, loaded in a constant number of statements."""

    def __init__(
        self,
        session: Session,
        organisation: Organisation,
        zone: ZoneInfo,
        waiting: Sequence[WaitlistEntry],
        begin: datetime,
        end: datetime,
        now: datetime,
    ) -> None:
        self.session, self.organisation, self.zone, self.now = session, organisation, zone, now
        first, last = begin.astimezone(zone).date(), end.astimezone(zone).date()
        offered = load_timetable(session, first, last, zone=zone).offered(first, last)
        self.slots = [slot for slot in offered if begin <= slot.starts <= end]
        self.taken = occupancy.load_occupancy(session, organisation, begin, end + DAY)
        self.refused = _declined_slots(session, waiting)
        self.load = caps.count_load(session, organisation, [entry.learner_id for entry in waiting], now=now)

    def offer_to(self, entry: WaitlistEntry, freed: FreedTime) -> Booking | None:
        if self.load.is_full(entry.learner_id):
            return None
        for slot in self.slots:
            if (
                freed.concerns(slot, self.taken.buffer)
                and self._is_acceptable(entry, slot)
                and self.taken.is_free(slot, entry.learner_id)
            ):
                offer = self._offer(entry, slot)
                if offer is not None:
                    return offer
        return None

    def _is_acceptable(self, entry: WaitlistEntry, slot: Slot) -> bool:
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
        deadline = offer_deadline(self.organisation, slot.starts, now=now, zone=self.zone)
        if deadline is None:
            return None
        offer = allocation.new_booking(
            entry.learner_id, slot.teacher_id, entry.learner_id, BookingState.OFFERED, now=now
        )
        offer.waitlist_entry_id, offer.expires_at = entry.id, deadline
        allocation.set_slot(offer, slot, self.organisation, zone=self.zone)
        self.taken.add(occupancy.cells_of(offer))
        try:
            allocation.save_and_claim(session, offer)
        except Refused:  # on PostgreSQL another transaction may have taken the slot
            return None
        learner = session.get_one(Person, entry.learner_id)
        until = offer.expires_at
        # The new offer says more than that the last one was taken back.
        outbox.withdraw_notices(session, None, kind=NoticeKind.OFFER_WITHDRAWN, person_id=learner.id, now=now)
        outbox.post(session, "booking_offer", learner, offer.id, expires_at=until, shown_until=until, now=now)
        audit_log.record(session, None, AuditAction.HOUR_OFFERED, "booking", offer.id, now=now)
        return offer


def lock_people_and_waitlist(session: Session, *person_ids: str) -> None:
    """Lock these people, all learners on the waitlist and those for whom a slot is kept.

    Freed time may be offered to any of them, and a closing may end any kept slot.
    """
    waiting = select(WaitlistEntry.learner_id).where(WaitlistEntry.ended_at.is_(None))
    keeping = select(Booking.learner_id).where(Booking.kept_until.is_not(None))
    locks.lock_people(session, *person_ids, *session.scalars(union(waiting, keeping)))


def part_of_day(starts: datetime, *, zone: ZoneInfo) -> int:
    """Return the part of the day of a start, in local time: morning until noon, evening from 17 h."""
    hour = starts.astimezone(zone).hour
    return MORNING if hour < 12 else AFTERNOON if hour < 17 else EVENING


def active_entries() -> Select[WaitlistEntry]:
    """Select the waitlist entries of active learners, in the order of the waitlist."""
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
    """Return the declined slots as (entry, teacher, start): the same slot is not offered twice."""
    rows = session.execute(
        select(Booking.waitlist_entry_id, Booking.teacher_id, Booking.starts).where(
            Booking.waitlist_entry_id.in_([entry.id for entry in waiting]),
            Booking.state == BookingState.DECLINED,
        )
    )
    return {(entry_id, teacher_id, starts) for entry_id, teacher_id, starts in rows}
