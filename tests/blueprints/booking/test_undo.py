"""One tap takes a cancelled appointment back: from its page, from the list, from the start page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lms import clock
from lms.models import BookingState
from tests import factories
from tests.support.appointments import at, booked, state, visitor, week_and_luc
from tests.support.school import School


@pytest.mark.parametrize("start", ["/bookings/{}", "/bookings", "/"])
def test_one_tap_takes_it_back_without_script(school: School, start: str) -> None:
    school.write(week_and_luc)
    made = booked(school, at("09:00"))
    browser = visitor(school)
    page = browser.get(f"/bookings/{made}")
    assert "annulé tard" not in page.text
    browser.submit(page, action="/cancellation")
    assert state(school, made) == BookingState.CANCELLED
    page = browser.get(start.format(made))
    assert "Vous gardez ce rendez-vous" in browser.submit(page, action="/cancellation/undo").text
    assert state(school, made) == BookingState.BOOKED
    # The old page, sent again.
    assert "Vous gardez ce rendez-vous" in browser.submit(page, action="/cancellation/undo").text


def test_the_team_sees_that_the_hour_is_kept_and_nobody_else_takes_it_back(school: School) -> None:
    school.write(week_and_luc)
    made = booked(school, at("09:00"))
    browser = visitor(school)
    page = browser.submit(browser.get(f"/bookings/{made}"), action="/cancellation")
    nadia = visitor(school, factories.nadia)
    assert "encore reprendre" in nadia.get(f"/bookings/{made}").text
    week = f"{at('09:00'):%G-W%V}"
    assert "libre à" in nadia.get(f"/agenda?week={week}").text
    stranger = visitor(school, factories.oksana)
    answer = stranger.client.post(f"/bookings/{made}/cancellation/undo", data={"csrf_token": "x"})
    assert answer.status_code in (400, 404)
    assert "Reprendre ce rendez-vous" in page.text
    assert state(school, made) == BookingState.CANCELLED


def test_inside_the_notice_period_the_page_says_before_the_tap_that_it_counts_as_late(school: School) -> None:
    school.write(week_and_luc)
    school.write(lambda s: setattr(factories.organisation(s), "late_cancel_hours", 168))
    school.write(lambda s: setattr(factories.organisation(s), "lead_hours", 0))
    made = booked(school, at("09:00"))
    page = visitor(school).get(f"/bookings/{made}")
    near = at("09:00") - clock.now() < timedelta(hours=168)
    assert ("annulé tard" in page.text) == near
