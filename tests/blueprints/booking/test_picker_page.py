"""The pages on which a slot is chosen only read: nothing changes before the button."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from config import BRUSSELS
from lms import clock
from lms.domain.booking import appointments
from lms.forms.booking import slot_value
from lms.models import Booking, BookingState
from tests import factories
from tests.support.appointments import at, one_hour_a_week, state, taken, visitor, waits
from tests.support.school import School
from tests.support.waitlist import the_offer


def an_offer_that_is_over(school: School) -> str:
    """Offer the only hour to Samira, long ago; no worker has seen that her time is over."""
    school.write(one_hour_a_week)
    hour = taken(school)
    waits(school)

    def operation(session: Session) -> None:
        booking, nadia = session.get_one(Booking, hour), factories.nadia(session)
        appointments.cancel(session, nadia, booking, "", now=clock.now(), zone=BRUSSELS)

    school.write(operation)
    offer = the_offer(school)
    school.write(
        lambda s: setattr(s.get_one(Booking, offer.id), "expires_at", clock.now() - timedelta(minutes=1))
    )
    return offer.id


def test_to_look_at_an_hour_writes_nothing_and_shows_it_free_when_its_offer_is_over(school: School) -> None:
    offer = an_offer_that_is_over(school)
    hour = school.read(lambda s: slot_value(s.get_one(Booking, offer).teacher_id, at("09:00")))
    browser = visitor(school, factories.oksana)
    browser.get("/bookings/new")
    with school.counting_statements() as sent:
        page = browser.get(f"/bookings/new/confirm?hour={hour}")
    assert page.status == 200
    assert [line for line in sent if not line.lstrip().startswith("SELECT")] == []
    assert state(school, offer) == BookingState.OFFERED
    assert browser.submit(page, action="/bookings").url.endswith("?done=made")
    assert state(school, offer) == BookingState.EXPIRED
