"""Withdraw open offers and end kept slots that a closing covers: nobody may come to what is closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from lms.domain import outbox
from lms.domain.booking import caps, kept, occupancy, stored_conflicts, waitlist
from lms.domain.booking.availability_search import load_timetable, notice_for
from lms.domain.booking.coverage import Coverage
from lms.domain.booking.offers import FreedTime, offer_to_waitlist
from lms.domain.booking.slots import Slot
from lms.models import Booking, BookingState, NoticeKind, Organisation


def withdraw_uncovered_offers(
    session: Session, *, teacher_id: str | None = None, now: datetime, zone: ZoneInfo
) -> None:
    """Withdraw every open offer that could not be booked now, and free every kept slot that is closed.

    Each learner keeps the place on the waitlist. Appointments stay: those that are closed say so from now on.

    `teacher_id`: only hours of this teacher were closed; None: perhaps those of all.

    Called in the transaction of each change that closes something: a day, a rule, a room, a role, a cap, the
    horizon, an external calendar. The conditions are those of `allocation.find_bookable_slot`, for all offers
    in a constant number of statements.
    """
    session.flush()
    # The learner of an open offer is always on the waitlist, and so locked.
    stored_conflicts.lock_and_store(session, teacher_id, now=now, zone=zone)
    open_now = waitlist.select_open_offers().where(Booking.expires_at > now).order_by(Booking.starts)
    offers = session.scalars(open_now.execution_options(populate_existing=True)).all()
    uncovered = _uncovered(session, offers, now=now, zone=zone) if offers else []
    for offer in uncovered:
        waitlist.release_offer(session, offer, BookingState.EXPIRED, now=now)
        outbox.post_notice(session, NoticeKind.OFFER_WITHDRAWN, offer.learner, offer.id, now=now)
    ended = _closed_kept(session, now=now, zone=zone)
    for booking in ended:
        kept.release_kept(session, booking)
    for booking in ended:
        offer_to_waitlist(session, FreedTime.by(booking), now=now, zone=zone)
    for offer in uncovered:
        # The freed room may make a slot of another teacher possible, for this learner too.
        freed = replace(FreedTime.by(offer), learner_id=None)
        offer_to_waitlist(session, freed, now=now, zone=zone)


def _uncovered(
    session: Session, offers: Sequence[Booking], *, now: datetime, zone: ZoneInfo
) -> list[Booking]:
    organisation = session.get_one(Organisation, 1)
    ids = {offer.id for offer in offers}
    days = [offer.starts.astimezone(zone).date() for offer in offers]
    table = load_timetable(session, min(days), max(days), zone=zone)
    begin, end = min(offer.starts for offer in offers), max(offer.blocked_until for offer in offers)
    taken = occupancy.load_occupancy(session, organisation, begin, end, but=ids)
    load = caps.count_load(session, organisation, {offer.learner_id for offer in offers}, but=ids, now=now)
    notice = notice_for(organisation, no_lead=True)

    def is_covered(offer: Booking) -> bool:
        slot = Slot(offer.teacher_id, offer.starts, offer.ends, offer.mode, offer.room_id)
        return (
            offer.learner.is_active
            and slot in table.open_at(slot.teacher_id, slot.starts)
            and taken.is_free(slot, offer.learner_id)
            and notice.allows(offer.starts, now=now)
            and not load.is_full(offer.learner_id)
            and not load.is_week_full(offer.learner_id, offer.iso_week)
        )

    return [offer for offer in offers if not is_covered(offer)]


def _closed_kept(session: Session, *, now: datetime, zone: ZoneInfo) -> list[Booking]:
    """Return the kept slots that their learners could not take back, or not any more."""
    found = session.scalars(kept.select_kept().execution_options(populate_existing=True)).all()
    if not found:
        return []
    hours = Coverage(session, found, zone)
    return [
        booking
        for booking in found
        if not kept.can_be_taken_back(booking, now=now)
        or not booking.learner.takes_appointments
        or hours.against(booking) is not None
    ]
