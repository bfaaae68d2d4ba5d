"""Slots kept for a learner who cancelled and may take the appointment back for some minutes (ADR 28)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from lms.domain.booking import occupancy, offers
from lms.domain.booking.offers import FreedTime
from lms.domain.people import locks
from lms.models import Booking

LONGEST = timedelta(minutes=10)


def keep_until(starts: datetime, *, now: datetime) -> datetime:
    """Return until when a slot is kept: ten minutes, or half of the time before its start."""
    return now + min(LONGEST, (starts - now) / 2)


def can_be_taken_back(booking: Booking, *, now: datetime) -> bool:
    """Return whether the learner can take the cancelled appointment back now."""
    return booking.kept_until is not None and booking.kept_until > now


def select_kept() -> Select[Booking]:
    """Select the bookings whose slot is kept, also those whose time for it is over, with room and learner."""
    return (
        select(Booking)
        .where(Booking.kept_until.is_not(None))
        .options(joinedload(Booking.room), joinedload(Booking.learner))
        .order_by(Booking.starts, Booking.id)
    )


def kept_for(session: Session, learner_id: str) -> Sequence[Booking]:
    """Return what is kept for the learner, also when the time for it is over."""
    return session.scalars(select_kept().where(Booking.learner_id == learner_id)).all()


def overdue_kept(session: Session, *, now: datetime) -> list[str]:
    """Return the ids of the bookings whose slot need not be kept any more, the oldest first."""
    over = select(Booking.id).where(Booking.kept_until <= now).order_by(Booking.kept_until, Booking.id)
    return list(session.scalars(over))


def end_kept(session: Session, booking_id: str, *, now: datetime, zone: ZoneInfo) -> None:
    """Free the slot of a cancellation that was not taken back in time, and offer it to the waitlist."""
    booking = session.get(Booking, booking_id)
    if booking is None:
        return
    offers.lock_people_and_waitlist(session, booking.learner_id, booking.teacher_id)
    session.refresh(booking)
    if booking.is_kept and not can_be_taken_back(booking, now=now):
        release_kept(session, booking)
        offers.offer_to_waitlist(session, FreedTime.by(booking), now=now, zone=zone)


def release_kept(session: Session, booking: Booking) -> None:
    """Keep the slot no longer: its claims are deleted and the cancellation is final."""
    booking.kept_until = None
    session.flush()
    occupancy.release(session, booking)


def lock_and_give_up(session: Session, learner_id: str, *person_ids: str) -> list[Booking]:
    """Lock the learner and these people; release what is kept for the learner, who takes another slot.

    Returns what was released; offer it with `offer_given_up` once the new slot is claimed.
    """
    mine = kept_for(session, learner_id)
    if not mine:
        locks.lock_people(session, learner_id, *person_ids)
        return []
    teacher_ids = [booking.teacher_id for booking in mine]
    offers.lock_people_and_waitlist(session, learner_id, *person_ids, *teacher_ids)
    given_up = []
    for booking in mine:
        session.refresh(booking)
        if booking.is_kept:
            release_kept(session, booking)
            given_up.append(booking)
    return given_up


def offer_given_up(session: Session, given_up: Sequence[Booking], *, now: datetime, zone: ZoneInfo) -> None:
    """Offer the slots that were given up to the waitlist."""
    for booking in given_up:
        offers.offer_to_waitlist(session, FreedTime.by(booking), now=now, zone=zone)
