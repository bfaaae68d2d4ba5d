"""Compare the messages about bookings in the outbox with the bookings: too many, missing, contradictory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.models import Booking, BookingState, OutboxItem, Outcome

# How long before the start each reminder is due. Repeated here on purpose: an accidental change in
# `reminders` is then found.
LEADS = {"booking_reminder": timedelta(hours=24), "booking_soon": timedelta(hours=2)}
# The state in which each message makes sense. Repeated for the same reason.
STATES = {
    "booking_made": BookingState.BOOKED,
    "booking_moved": BookingState.BOOKED,
    "booking_retimed": BookingState.BOOKED,
    "booking_cancelled": BookingState.CANCELLED,
    "booking_offer": BookingState.OFFERED,
    **dict.fromkeys(LEADS, BookingState.BOOKED),
}
# The messages of which one must have been posted, by state; a booking with a sequence was changed.
MADE, CHANGED = ("booking_made",), ("booking_moved", "booking_retimed")
CANCELLED, OFFERED = ("booking_cancelled",), ("booking_offer",)


def format_moment(moment: datetime) -> str:
    """Format an instant for a line of the check, such as 2026-11-26 10:00Z."""
    return f"{moment:%Y-%m-%d %H:%MZ}"


def find_message_faults(session: Session, bookings: Sequence[Booking], *, now: datetime) -> list[str]:
    """Return a line for each fault. `bookings`: all bookings, in the order of the lines."""
    items = session.scalars(
        select(OutboxItem).where(OutboxItem.kind.in_(STATES)).order_by(OutboxItem.due_at, OutboxItem.id)
    ).all()
    by_booking: dict[str, list[OutboxItem]] = defaultdict(list)
    for item in items:
        by_booking[item.about_id].append(item)
    booking_of = {booking.id: booking for booking in bookings}
    return [
        *_contradictory(items, booking_of),
        *_missing_reminders(bookings, by_booking, now=now),
        *_repeated(items),
        *_missing_notifications(bookings, by_booking, now=now),
    ]


def _contradictory(items: Sequence[OutboxItem], booking_of: Mapping[str, Booking]) -> Iterator[str]:
    """Find open messages that contradict their booking."""
    for item in items:
        if item.closed_at is None:
            for fault in _contradictions(item, booking_of.get(item.about_id)):
                yield f"{item.kind} {item.id} of booking {item.about_id}: {fault}"


def _contradictions(item: OutboxItem, booking: Booking | None) -> Iterator[str]:
    if booking is None:
        yield "there is no such booking"
        return
    if booking.state != STATES[item.kind]:
        yield f"the booking is {booking.state}"
    if item.person_id not in _recipients(item.kind, booking):
        yield "it goes to somebody else"
    if item.sequence != booking.sequence and item.kind != "booking_offer":
        yield f"it is of sequence {item.sequence}, the booking of {booking.sequence}"
        return
    if item.kind == "booking_cancelled" and booking.kept_until and item.due_at < booking.kept_until:
        yield f"due {format_moment(item.due_at)}, while the learner may still take the appointment back"
    if item.kind not in LEADS:
        return
    due = booking.starts - LEADS[item.kind]
    # A failed attempt postpones `due_at`; nothing makes it earlier.
    if item.due_at < due or (item.due_at > due and item.attempts == 0):
        yield f"due {format_moment(item.due_at)} instead of {format_moment(due)}"
    if item.expires_at > booking.starts:
        yield f"kept until {format_moment(item.expires_at)}, after the hour has begun"


def _recipients(kind: str, booking: Booking) -> tuple[str, ...]:
    """Return the ids of the people to whom a message of this kind goes."""
    if kind in LEADS or kind == "booking_offer":
        return (booking.learner_id,)
    return booking.learner_id, booking.teacher_id


def _missing_reminders(
    bookings: Sequence[Booking], by_booking: Mapping[str, Sequence[OutboxItem]], *, now: datetime
) -> Iterator[str]:
    """Find upcoming appointments without a reminder, although they were booked before it was due."""
    for kind, lead in LEADS.items():
        for booking in bookings:
            if not booking.is_booked or booking.starts <= now:
                continue
            reminds = any(
                item.kind == kind and item.sequence == booking.sequence and _was_not_lost(item)
                for item in by_booking.get(booking.id, ())
            )
            if not reminds and max(booking.booked_at, booking.changed_at) < booking.starts - lead:
                yield f"booking {booking.id}: {kind} was never written"


def _was_not_lost(item: OutboxItem) -> bool:
    """Return whether a reminder counts: one that was closed as void before it was due does not."""
    return item.outcome != Outcome.VOID or (item.closed_at is not None and item.closed_at >= item.due_at)


def _repeated(items: Sequence[OutboxItem]) -> Iterator[str]:
    """Find messages that were sent, or will be sent, more than once for the same change."""
    counted = [item for item in items if item.outcome in (None, Outcome.SENT)]
    times = Counter(_change(item) for item in counted)
    sent = Counter(_change(item) for item in counted if item.outcome == Outcome.SENT)
    for change, count in sorted(times.items()):
        if count > 1:
            how = "was sent" if sent[change] == count else "was written"
            yield f"booking {change[0]}: {change[1]} of sequence {change[2]} {how} {count} times"


def _change(item: OutboxItem) -> tuple[str, str, int, str]:
    """Return the booking, kind and sequence of a message, and its person where two people get one each."""
    return item.about_id, item.kind, item.sequence, "" if item.kind in LEADS else item.person_id


def _missing_notifications(
    bookings: Sequence[Booking], by_booking: Mapping[str, Sequence[OutboxItem]], *, now: datetime
) -> Iterator[str]:
    """Find upcoming bookings whose last change was never posted to one of the people."""
    for booking in bookings:
        if booking.starts <= now:
            continue
        items = by_booking.get(booking.id, ())
        first = _last_notified(booking, items)
        kinds = _expected_kinds(booking, first)
        posted = {
            item.person_id
            for item in items
            if item.kind in kinds and (kinds == OFFERED or first <= item.sequence <= booking.sequence)
        }
        for person_id in _recipients(kinds[0], booking) if kinds else ():
            if person_id not in posted:
                yield f"booking {booking.id}: {' or '.join(kinds)} to {person_id} was never written"


def _last_notified(booking: Booking, items: Sequence[OutboxItem]) -> int:
    """Return the sequence of which both people had to be notified.

    A cancellation that was taken back before anybody was notified needs no message, nor does its undoing.
    """
    sequence = booking.sequence
    while booking.is_booked and sequence >= 2 and _was_taken_back(sequence - 1, items):
        sequence -= 2
    return sequence


def _was_taken_back(sequence: int, items: Sequence[OutboxItem]) -> bool:
    stopped = [item for item in items if item.kind == "booking_cancelled" and item.sequence == sequence]
    return bool(stopped) and all(
        item.outcome == Outcome.VOID and item.closed_at is not None and item.closed_at < item.due_at
        for item in stopped
    )


def _expected_kinds(booking: Booking, sequence: int) -> tuple[str, ...]:
    if booking.is_cancelled:
        return CANCELLED
    if booking.is_booked:
        return CHANGED if sequence else MADE
    return OFFERED if booking.is_offer else ()
