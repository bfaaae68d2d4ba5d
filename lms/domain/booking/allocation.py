"""Steps that booking, moving and offering a slot have in common: notice, room, claims, notifications."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from lms.domain import outbox
from lms.domain.booking import caps, occupancy, reminders
from lms.domain.booking.availability_search import SearchTerms, iso_week_of, load_timetable, notice_for
from lms.domain.booking.slots import Slot, blocked_until
from lms.domain.errors import Refused
from lms.models import (
    AppointmentRecord,
    Booking,
    BookingState,
    Mode,
    Organisation,
    OutboxItem,
    Outcome,
    Person,
)
from lms.refusal_codes import RefusalCode

# Kinds of messages that tell both people of what is agreed.
AGREED = ("booking_made", "booking_moved", "booking_retimed")


def new_booking(
    learner_id: str, teacher_id: str, by_id: str, state: BookingState, *, now: datetime
) -> Booking:
    """Return a new booking, not yet added to the session and without a slot."""
    return Booking(
        uid=str(uuid.uuid4()),
        teacher_id=teacher_id,
        learner_id=learner_id,
        state=state,
        sequence=0,
        # The name of the video room: it cannot be guessed and is never used for another booking.
        video_key=secrets.token_hex(16),
        booked_by_id=by_id,
        booked_at=now,
        cancelled_by_teacher=False,
        record=AppointmentRecord(question="", private_note="", next_step=""),
        changed_at=now,
    )


def check_notice(organisation: Organisation, starts: datetime, *, no_lead: bool, now: datetime) -> None:
    """Check that the start is neither too soon nor too far.

    `no_lead`: the teacher books an own slot, or the slot was offered.

    Refusals: `too_far`, `too_soon`.
    """
    notice = notice_for(organisation, no_lead=no_lead)
    if notice.is_too_soon(starts, now=now):
        raise Refused(RefusalCode.TOO_SOON)
    if notice.is_too_far(starts, now=now):
        raise Refused(RefusalCode.TOO_FAR)


def find_bookable_slot(
    session: Session,
    organisation: Organisation,
    learner: Person,
    teacher_id: str,
    starts: datetime,
    mode: Mode,
    *,
    offer: Booking | None = None,
    now: datetime,
    zone: ZoneInfo,
) -> Slot:
    """Return the slot of a new appointment after its checks: person, availability, room, calendars, caps.

    `offer`: the offer that is accepted; its own claims and its place in the caps do not count. The people
    are locked and the notice is checked before.

    Refusals: `busy_yourself`, `not_bookable`, `slot_gone`, `slot_taken`, `too_many_open`, `week_full`.
    """
    session.refresh(learner, ["deactivated_at"])  # may have changed while this waited for the lock
    if not learner.takes_appointments or teacher_id == learner.id:
        raise Refused(RefusalCode.NOT_BOOKABLE)
    slot = find_slot(session, organisation, learner.id, teacher_id, starts, mode, moving=offer, zone=zone)
    load = caps.count_load(session, organisation, [learner.id], but=[offer.id] if offer else (), now=now)
    caps.check_weekly_cap(load, learner.id, iso_week_of(starts, zone=zone))
    caps.check_open_cap(load, learner.id)
    return slot


def find_slot(
    session: Session,
    organisation: Organisation,
    learner_id: str,
    teacher_id: str,
    starts: datetime,
    mode: Mode,
    *,
    moving: Booking | None = None,
    shown_at: datetime | None = None,
    zone: ZoneInfo,
) -> Slot:
    """Return the slot that the availability offers at this time, in a free room; lock its rooms.

    `moving` keeps its own hour within the open time, also when no slot begins then any more. `shown_at`, for
    a page: nothing is locked, and offers that are over then hold nothing.

    Refusals: `busy_yourself`, `slot_gone`, `slot_taken`.
    """
    day = starts.astimezone(zone).date()
    table = load_timetable(session, day, day, teacher_ids=[teacher_id], zone=zone)
    if moving is not None and (moving.teacher_id, moving.starts) == (teacher_id, starts):
        offered = table.kept_by(moving)
    else:
        offered = table.offered(day, day)
    candidates = [slot for slot in offered if (slot.starts, slot.mode) == (starts, mode)]
    if not candidates:
        raise Refused(RefusalCode.SLOT_GONE)
    if moving is not None:  # the same room again, where that is possible
        candidates.sort(key=lambda slot: slot.room_id != moving.room_id)
    buffer = timedelta(minutes=organisation.onsite_buffer_minutes)
    if shown_at is None:
        occupancy.lock_rooms(session, {slot.room_id for slot in candidates if slot.room_id})
    until = blocked_until(candidates[0], buffer)
    but = {moving.id} if moving else ()
    taken = occupancy.load_occupancy(session, organisation, starts, until, but=but, shown_at=shown_at)
    for slot in candidates:
        if taken.is_free(slot, learner_id):
            return slot
    if any(host == teacher_id for host, _cell in taken.elsewhere):
        raise Refused(RefusalCode.SLOT_GONE)
    if not taken.is_person_free(learner_id, starts, candidates[0].ends):
        raise Refused(RefusalCode.BUSY_YOURSELF)
    raise Refused(RefusalCode.SLOT_TAKEN)


def find_refusal(
    session: Session,
    organisation: Organisation,
    terms: SearchTerms,
    teacher_id: str,
    starts: datetime,
    *,
    now: datetime,
) -> Refused:
    """Return why the learner cannot have this slot, in any mode; `slot_taken` when nothing else forbids it.

    For a page that shows the slot: nothing is locked.
    """
    try:
        check_notice(organisation, starts, no_lead=terms.actor_id == teacher_id, now=now)
    except Refused as refusal:
        return refusal
    refusals = []
    for mode in Mode:
        try:
            find_slot(
                session,
                organisation,
                terms.learner_id,
                teacher_id,
                starts,
                mode,
                moving=terms.moving,
                shown_at=now,
                zone=terms.zone,
            )
        except Refused as refusal:
            refusals.append(refusal)
    # A mode that is not offered at all says less than one that is taken.
    refusals.sort(key=lambda refusal: refusal.code == RefusalCode.SLOT_GONE)
    return refusals[0] if len(refusals) == len(Mode) else Refused(RefusalCode.SLOT_TAKEN)


def set_slot(booking: Booking, slot: Slot, organisation: Organisation, *, zone: ZoneInfo) -> None:
    """Set start, end, local start, ISO week, mode and room of the booking from the slot."""
    booking.starts, booking.ends = slot.starts, slot.ends
    booking.blocked_until = blocked_until(slot, timedelta(minutes=organisation.onsite_buffer_minutes))
    booking.local_start = slot.starts.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    booking.time_zone = zone.key
    booking.iso_week = iso_week_of(slot.starts, zone=zone)
    booking.mode, booking.room_id = slot.mode, slot.room_id


def save_and_claim(session: Session, booking: Booking) -> None:
    """Save the booking and its claims; the unique keys of `claim` decide between simultaneous transactions.

    Runs in a savepoint: a refused booking leaves no row, and the transaction can try another slot.

    Refusals: `slot_taken`.
    """
    try:
        with session.begin_nested():
            session.add(booking)
            session.flush()
            occupancy.claim(session, booking)
    except IntegrityError:
        raise Refused(RefusalCode.SLOT_TAKEN) from None


def participants(session: Session, booking: Booking) -> tuple[Person, Person]:
    """Return the learner and the teacher."""
    return session.get_one(Person, booking.learner_id), session.get_one(Person, booking.teacher_id)


def notify_both(
    session: Session, booking: Booking, kind: str, *, actor_id: str | None, now: datetime
) -> None:
    """Post a message to the learner and the teacher, and the learner's reminders that are not due yet.

    `actor_id`: who changed the appointment; None when no person did.
    """
    learner, teacher = participants(session, booking)
    last = min(booking.starts, now + outbox.KEEP_TRYING)
    for person in (learner, teacher):
        outbox.post(
            session,
            kind,
            person,
            booking.id,
            sequence=booking.sequence,
            expires_at=last,
            actor_id=actor_id,
            shown_until=booking.starts,
            now=now,
        )
    reminders.post_reminders(session, booking, learner, now=now)


def notify_again(session: Session, booking: Booking, sequence: int, *, now: datetime) -> None:
    """Post again what a cancellation that was taken back had stopped: messages of that sequence, reminders.

    What had been sent before the cancellation is not repeated.
    """
    stopped = select(OutboxItem).where(
        OutboxItem.about_id == booking.id,
        OutboxItem.sequence == sequence,
        OutboxItem.kind.in_(AGREED),
        OutboxItem.outcome == Outcome.VOID,
    )
    last = min(booking.starts, now + outbox.KEEP_TRYING)
    for item in session.scalars(stopped.options(joinedload(OutboxItem.person))).all():
        outbox.post(
            session,
            item.kind,
            item.person,
            booking.id,
            sequence=booking.sequence,
            expires_at=last,
            now=now,
        )
    reminders.post_reminders(session, booking, session.get_one(Person, booking.learner_id), now=now)
