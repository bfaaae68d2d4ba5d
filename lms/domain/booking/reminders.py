"""Reminders of an appointment, a day and two hours before: rows of the outbox that become due then."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from lms.domain import outbox
from lms.models import Booking, Person

DAY_BEFORE = timedelta(hours=24)
SOON = timedelta(hours=2)


def post_reminders(session: Session, booking: Booking, learner: Person, *, now: datetime) -> None:
    """Post the reminders that are not due yet; after a late booking the others are left out.

    The first one expires when the second is due, so that an instance that was down does not send both.
    """
    for kind, due_at, expires_at in (
        ("booking_reminder", booking.starts - DAY_BEFORE, booking.starts - SOON),
        ("booking_soon", booking.starts - SOON, booking.starts),
    ):
        if due_at > now:
            outbox.post(
                session,
                kind,
                learner,
                booking.id,
                sequence=booking.sequence,
                due_at=due_at,
                expires_at=expires_at,
                shown_until=expires_at,
                now=now,
            )
