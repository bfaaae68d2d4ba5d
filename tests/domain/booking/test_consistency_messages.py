"""Messages about bookings that were never posted, or posted twice, are found."""

from __future__ import annotations

from sqlalchemy import delete

from lms.models import OutboxItem
from tests.domain.booking.test_consistency import (
    HOUR,
    TEN,
    book,
    cancel,
    fault,
    faults,
    forget,
    hours,
    offered,
)
from tests.factories import NOW
from tests.support.school import School

__all__ = ["hours"]


def test_a_confirmation_that_was_never_posted_is_found(school: School) -> None:
    booking = book(school)
    forget(school, booking, "booking_made")
    assert faults(school) == [
        f"booking {booking.id}: booking_made to {person_id} was never written"
        for person_id in (booking.learner_id, booking.teacher_id)
    ]


def test_a_cancellation_that_was_never_posted_is_found(school: School) -> None:
    booking = book(school)
    school.write(lambda s: cancel(s, booking))
    gone = (OutboxItem.kind == "booking_cancelled", OutboxItem.person_id == booking.learner_id)
    school.write(lambda s: s.execute(delete(OutboxItem).where(*gone)))
    assert (
        fault(school) == f"booking {booking.id}: booking_cancelled to {booking.learner_id} was never written"
    )


def test_an_offer_that_was_never_posted_is_found(school: School) -> None:
    offer = offered(school)
    forget(school, offer, "booking_offer")
    assert fault(school) == f"booking {offer.id}: booking_offer to {offer.learner_id} was never written"


def test_a_reminder_that_waits_twice_is_found(school: School) -> None:
    booking = book(school)
    values = {"dedupe": "another", "kind": "booking_soon", "person_id": booking.learner_id}
    times = {"created_at": NOW, "due_at": TEN - 2 * HOUR, "expires_at": TEN}
    school.write(lambda s: s.add(OutboxItem(about_id=booking.id, sequence=0, **values, **times)))
    assert fault(school) == f"booking {booking.id}: booking_soon of sequence 0 was written 2 times"
