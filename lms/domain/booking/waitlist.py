"""The waitlist: learners who found no slot wait, and freed slots are offered in their order.

An offer is a booking in the state `offered`, with claims like any other. It is made in the transaction that
freed the slot, so that nobody can book the slot before the first learner on the waitlist.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from lms.domain import audit_log, outbox
from lms.domain.booking import allocation, kept, occupancy, stored_conflicts
from lms.domain.booking.offers import (
    FreedTime,
    lock_people_and_waitlist,
    offer_to_waitlist,
)
from lms.domain.booking.queries import with_people
from lms.domain.errors import Absent, Refused
from lms.domain.people import locks
from lms.models import (
    AFTERNOON,
    EVENING,
    MORNING,
    AuditAction,
    Booking,
    BookingState,
    Mode,
    NoticeKind,
    Organisation,
    Person,
    WaitlistEntry,
    WaitlistOutcome,
)
from lms.refusal_codes import RefusalCode

# Longer than any horizon of an organisation; `offer_to_waitlist` applies the horizon.
LONGEST_HORIZON = timedelta(days=366)
# How long a worker may be down without a day of the horizon being missed.
NEW_DAYS = timedelta(days=7)
# Offers in a row without an answer that end an entry.
MOST_SILENCES = 2

# -- entries -------------------------------------------------------------------------------------


def join_waitlist(
    session: Session,
    actor: Person,
    learner: Person,
    teacher_id: str | None,
    parts: int,
    mode: Mode | None,
    *,
    now: datetime,
) -> WaitlistEntry:
    """Add the learner to the waitlist, or change the terms of the active entry, which keeps its place.

    Refusals: `no_part_of_day`, `not_bookable`, `teacher_gone`.
    """
    if not learner.takes_appointments:
        raise Refused(RefusalCode.NOT_BOOKABLE)
    if not 1 <= parts <= MORNING | AFTERNOON | EVENING:
        raise Refused(RefusalCode.NO_PART_OF_DAY)
    if teacher_id is not None and not _teaches(session, teacher_id):
        raise Refused(RefusalCode.TEACHER_GONE)
    locks.lock_people(session, learner.id)
    entry = active_entry(session, learner.id)
    if entry is None:
        entry = WaitlistEntry(
            learner_id=learner.id, created_by_id=actor.id, created_at=now, first_choice=False
        )
        session.add(entry)
        outbox.withdraw_notices(session, None, kind=NoticeKind.WAITLIST_ENDED, person_id=learner.id, now=now)
    entry.teacher_id, entry.parts, entry.mode, entry.silences = teacher_id, parts, mode, 0
    session.flush()
    audit_log.record(session, actor, AuditAction.WAITLIST_JOINED, "waitlist_entry", entry.id, now=now)
    return entry


def leave_waitlist(
    session: Session, actor: Person, learner: Person, *, now: datetime, zone: ZoneInfo
) -> None:
    """Close the active entry of the learner, if any; an open offer goes to the next learner."""
    lock_people_and_waitlist(session, learner.id)
    entry = active_entry(session, learner.id)
    if entry is None:
        return
    offer = session.scalar(select_open_offers().where(Booking.waitlist_entry_id == entry.id))
    _close_entry(entry, WaitlistOutcome.WITHDRAWN, now=now)
    if actor.id != learner.id and learner.takes_appointments:
        outbox.post_notice(session, NoticeKind.WAITLIST_ENDED, learner, entry.id, now=now)
    audit_log.record(session, actor, AuditAction.WAITLIST_LEFT, "waitlist_entry", entry.id, now=now)
    if offer is not None:
        release_offer(session, offer, BookingState.DECLINED, now=now)
        offer_to_waitlist(session, FreedTime.by(offer), now=now, zone=zone)


def active_entry(session: Session, learner_id: str) -> WaitlistEntry | None:
    """Return the active waitlist entry of the learner; None when there is none."""
    return session.scalar(
        select(WaitlistEntry)
        .where(WaitlistEntry.learner_id == learner_id, WaitlistEntry.ended_at.is_(None))
        .options(joinedload(WaitlistEntry.teacher).lazyload(Person.role_rows))
    )


def clear_teacher(session: Session, teacher: Person) -> int:
    """Remove a teacher who left from active entries: they wait for any teacher and keep their places.

    Returns the number of these entries.
    """
    wanted = select(WaitlistEntry).where(
        WaitlistEntry.teacher_id == teacher.id, WaitlistEntry.ended_at.is_(None)
    )
    entries = session.scalars(wanted).all()
    for entry in entries:
        entry.teacher_id = None
    return len(entries)


def close_after_booking(session: Session, learner_id: str, *, now: datetime) -> None:
    """Close the entry of a learner who booked, unless an offer is still to be answered."""
    entry = active_entry(session, learner_id)
    if entry is not None and not _has_open_offer(session, entry):
        _close_entry(entry, WaitlistOutcome.BOOKED, now=now)


def give_priority(session: Session, actor: Person, lost: Booking, *, now: datetime) -> None:
    """Put a learner whose appointment the teacher cancelled first on the waitlist, adding an entry if needed.

    Of several such learners, the one who booked first comes first.
    """
    entry = active_entry(session, lost.learner_id)
    if entry is None:
        entry = WaitlistEntry(
            learner_id=lost.learner_id,
            parts=MORNING | AFTERNOON | EVENING,
            created_by_id=actor.id,
            created_at=lost.booked_at,
        )
        session.add(entry)
    entry.first_choice = True
    session.flush()


# -- offers --------------------------------------------------------------------------------------


def offer_for(session: Session, actor: Person, booking_id: str) -> Booking:
    """Return an offer to the actor, open or not. Raises `Absent` when it is none of the actor's."""
    offer = session.scalar(
        with_people().where(
            Booking.id == booking_id,
            Booking.learner_id == actor.id,
            Booking.waitlist_entry_id.is_not(None),
        )
    )
    if offer is None:
        raise Absent
    return offer


def open_offers(session: Session, learner: Person, *, now: datetime) -> Sequence[Booking]:
    """Return the offers that the learner can still accept, the earliest first."""
    return session.scalars(
        select_open_offers()
        .where(Booking.learner_id == learner.id, Booking.expires_at > now)
        .order_by(Booking.starts)
    ).all()


def find_held_offer(
    session: Session, learner: Person, teacher_id: str, starts: datetime, *, now: datetime
) -> Booking | None:
    """Return the open offer of the learner for this hour of this teacher; None when there is none."""
    held = (offer for offer in open_offers(session, learner, now=now) if offer.starts == starts)
    return next((offer for offer in held if offer.teacher_id == teacher_id), None)


def accept_offer(
    session: Session,
    actor: Person,
    offer: Booking,
    *,
    mode: Mode | None = None,
    now: datetime,
    zone: ZoneInfo,
) -> Booking:
    """Turn the offer into an appointment and close the waitlist entry, after the checks of a booking.

    The lead time does not apply: an offer may be nearer than that. `mode` None: as it was offered. A slot
    that is kept for the learner is given up, as by a booking.

    Refusals: `busy_yourself`, `not_bookable`, `offer_over`, `slot_gone`, `slot_taken`, `too_far`,
    `too_many_open`, `too_soon`, `week_full`.
    """
    given_up = kept.lock_and_give_up(session, offer.learner_id, offer.teacher_id)
    session.refresh(offer)
    _check_open(offer, now=now)
    organisation, learner = session.get_one(Organisation, 1), session.get_one(Person, offer.learner_id)
    allocation.check_notice(organisation, offer.starts, no_lead=True, now=now)
    wanted = offer.teacher_id, offer.starts, mode or offer.mode
    slot = allocation.find_bookable_slot(
        session, organisation, learner, *wanted, offer=offer, now=now, zone=zone
    )
    allocation.set_slot(offer, slot, organisation, zone=zone)
    offer.state, offer.expires_at = BookingState.BOOKED, None
    offer.booked_by_id, offer.booked_at, offer.changed_at = actor.id, now, now
    allocation.save_and_claim(session, offer)
    entry = session.get_one(WaitlistEntry, offer.waitlist_entry_id)
    if entry.ended_at is None:
        _close_entry(entry, WaitlistOutcome.ACCEPTED, now=now)
    outbox.void_items(session, offer.id, now=now)
    allocation.notify_both(session, offer, "booking_made", actor_id=actor.id, now=now)
    audit_log.record(session, actor, AuditAction.BOOKING_MADE, "booking", offer.id, detail="offer", now=now)
    kept.offer_given_up(session, given_up, now=now, zone=zone)
    return offer


def decline_offer(session: Session, actor: Person, offer: Booking, *, now: datetime, zone: ZoneInfo) -> None:
    """Decline the offer; the slot goes to the next learner.

    The entry keeps its place, and this slot is not offered to it again.

    Refusals: `offer_over`.
    """
    lock_people_and_waitlist(session, offer.learner_id, offer.teacher_id)
    session.refresh(offer)
    _check_open(offer, now=now)
    release_offer(session, offer, BookingState.DECLINED, now=now)
    session.get_one(WaitlistEntry, offer.waitlist_entry_id).silences = 0
    audit_log.record(session, actor, AuditAction.OFFER_DECLINED, "booking", offer.id, now=now)
    offer_to_waitlist(session, FreedTime.by(offer), now=now, zone=zone)


def release_offer(session: Session, offer: Booking, state: BookingState, *, now: datetime) -> None:
    """Close an offer in this state: its time is free and its message is not sent any more."""
    offer.state, offer.changed_at = state, now
    session.flush()
    occupancy.release(session, offer)
    outbox.void_items(session, offer.id, now=now)


def waits_after(entry: WaitlistEntry, offer: Booking) -> bool:
    """Return whether the entry is active after this offer, as if an overdue one were closed already."""
    silences = entry.silences + (offer.is_offer and offer.waitlist_entry_id == entry.id)
    return entry.ended_at is None and silences < MOST_SILENCES


def overdue_offers(session: Session, *, now: datetime) -> list[str]:
    """Return the ids of expired offers that are not closed yet, the oldest first."""
    return list(
        session.scalars(
            select(Booking.id)
            .where(Booking.state == BookingState.OFFERED, Booking.expires_at <= now)
            .order_by(Booking.expires_at, Booking.id)
        )
    )


def expire_offer(session: Session, offer_id: str, *, now: datetime, zone: ZoneInfo) -> None:
    """Expire an unanswered offer and offer the slot to the next learner.

    After the first silence the entry keeps its place and is asked again, for another slot or after the
    others. The second one in a row closes it: it would delay every freed slot.
    """
    offer = session.get(Booking, offer_id)
    if offer is None:
        return
    lock_people_and_waitlist(session, offer.learner_id, offer.teacher_id)
    session.refresh(offer)
    if not offer.is_offer or offer.expires_at is None or offer.expires_at > now:
        return
    release_offer(session, offer, BookingState.EXPIRED, now=now)
    entry = session.get_one(WaitlistEntry, offer.waitlist_entry_id)
    if entry.ended_at is None:
        entry.silences += 1
        if entry.silences == MOST_SILENCES:
            _close_entry(entry, WaitlistOutcome.LAPSED, now=now)
            learner = session.get_one(Person, offer.learner_id)
            outbox.post_notice(session, NoticeKind.WAITLIST_ENDED, learner, entry.id, now=now)
    audit_log.record(session, None, AuditAction.OFFER_EXPIRED, "booking", offer.id, now=now)
    offer_to_waitlist(session, FreedTime.by(offer), now=now, zone=zone)


def offer_new_hours(
    session: Session,
    *,
    teacher_id: str | None = None,
    first: date | None = None,
    last: date | None = None,
    now: datetime,
    zone: ZoneInfo,
) -> None:
    """Offer slots that became possible to the waitlist.

    Appointments that the new hours cover are no conflicts from now on.

    `teacher_id` None: of all teachers; `first` None: from today; `last` None: up to the horizon.
    """
    today = now.astimezone(zone).date()
    ahead = FreedTime.on(first or today, last or today + LONGEST_HORIZON, zone, teacher_id)
    stored_conflicts.lock_and_store(session, teacher_id, now=now, zone=zone)
    offer_to_waitlist(session, ahead, now=now, zone=zone)


def offer_new_days(session: Session, *, now: datetime, zone: ZoneInfo) -> None:
    """Offer the slots of the last days within the horizon, before others can book them.

    Runs every hour of the day. It looks a week back, so that days that came within the horizon while no
    worker ran are offered later.
    """
    horizon = now + timedelta(days=session.get_one(Organisation, 1).horizon_days)
    last = horizon.astimezone(zone).date()
    offer_new_hours(session, first=last - NEW_DAYS, last=last, now=now, zone=zone)


# -- helpers -------------------------------------------------------------------------------------


def select_open_offers() -> Select[Booking]:
    """Select the offers that are neither answered nor closed."""
    return with_people().where(Booking.state == BookingState.OFFERED)


def _has_open_offer(session: Session, entry: WaitlistEntry) -> bool:
    offer = select(Booking.id).where(
        Booking.waitlist_entry_id == entry.id, Booking.state == BookingState.OFFERED
    )
    return session.scalar(offer) is not None


def _close_entry(entry: WaitlistEntry, outcome: WaitlistOutcome, *, now: datetime) -> None:
    entry.ended_at, entry.outcome = now, outcome


def _check_open(offer: Booking, *, now: datetime) -> None:
    if not offer.is_offer or offer.expires_at is None or offer.expires_at <= now:
        raise Refused(RefusalCode.OFFER_OVER)


def _teaches(session: Session, person_id: str) -> bool:
    person = session.get(Person, person_id)
    return person is not None and person.gives_appointments
