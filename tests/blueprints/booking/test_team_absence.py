"""A day on which the teacher cannot come, from the page before to the message that leaves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms import clock
from lms.models import Booking, BookingState, Person, SpecialDay
from tests import factories
from tests.support.appointments import MONDAY, at, booked, mails_of, token, visitor, week_and_luc
from tests.support.pages import Page, Visitor
from tests.support.school import School


@pytest.fixture(autouse=True)
def hours(school: School) -> None:
    school.write(week_and_luc)


DAY = f"/agenda/absence?day={MONDAY}"


def without_mail(session: Session) -> Person:
    """Grace reads texts by hand: a phone that takes them, no e-mail."""
    found = session.scalars(select(Person).where(Person.name == "Grace")).first()
    if found is None:
        found = factories.learner(session, "Grace")
        found.phone, found.reach = "0470 12 34 56", "hand"
    return found


def states(school: School, *made: str) -> list[tuple[str, bool]]:
    def asked(session: Session) -> list[tuple[str, bool]]:
        found = [session.get_one(Booking, one) for one in made]
        return [(one.state, one.cancelled_by_teacher) for one in found]

    return school.read(asked)


def test_the_page_says_exactly_who_will_be_told_and_how_before_anything_happens(school: School) -> None:
    made = [booked(school, at("10:00")), booked(school, at("11:00"), factories.oksana)]
    made += [booked(school, at("14:00"), without_mail), booked(school, at("10:00", 1))]
    nadia = visitor(school, factories.nadia)
    assert "/agenda/absence" in nadia.get("/agenda").links().values()
    page = nadia.get(DAY)
    form = next(one for one in page.root.all("form") if one.get("method") == "post" and one.all("ul"))
    rows = [item.text for item in form.all("li")]
    assert rows == [
        "10 h 00 Samira par e-mail",
        "11 h 00 Oksana Bondar sans e-mail ni téléphone",
        "14 h 00 Grace à la main",
    ]
    assert states(school, *made) == [(BookingState.BOOKED, False)] * 4


def post_form(browser: Visitor, page: Page, path: str = DAY) -> Page:
    """Press the one button that calls the day off; the form above it only looks."""
    form = next(one for one in page.root.all("form") if one.get("class") == "card")
    data: dict[str, Any] = {
        field.get("name"): field.get("value") for field in form.all("input") if field.get("name")
    }
    response = browser.client.post(
        "/agenda/absence", data=data, follow_redirects=True, headers={"Sec-Fetch-Site": "same-origin"}
    )
    return browser._page(path, response)


def test_one_press_tells_everybody_and_the_second_press_nobody(school: School) -> None:
    made = [booked(school, at("10:00")), booked(school, at("14:00"), without_mail)]
    other_day = booked(school, at("10:00", 1))
    nadia = visitor(school, factories.nadia)
    page = nadia.get(DAY)
    done = post_form(nadia, page)
    assert done.status == 200
    assert "Ce jour est fermé." in done.text
    assert "Personnes prévenues : 1. À prévenir vous-même : 1." in done.text
    assert done.links()["Messages à envoyer"] == "/messages"
    assert states(school, *made, other_day) == [
        (BookingState.CANCELLED, True),
        (BookingState.CANCELLED, True),
        (BookingState.BOOKED, False),
    ]
    told = mails_of(school, "booking_cancelled")
    assert told == ["Grace", "Nadia Dubois", "Nadia Dubois", "Samira"]
    post_form(nadia, page)
    assert mails_of(school, "booking_cancelled") == told
    assert school.read(lambda s: s.scalar(select(func.count()).select_from(SpecialDay))) == 1


def test_nothing_that_a_learner_sees_says_why(school: School) -> None:
    made = booked(school, at("10:00"))
    nadia = visitor(school, factories.nadia)
    post_form(nadia, nadia.get(DAY))
    for path in (f"/bookings/{made}", "/bookings", "/"):
        seen = visitor(school, factories.samira).get(path).text.lower()
        assert not any(word in seen for word in ("malad", "malade", "santé", "congé"))
    assert "ne peut pas venir" in visitor(school, factories.samira).get(f"/bookings/{made}").text


def test_a_day_that_was_called_off_is_opened_again(school: School) -> None:
    made = booked(school, at("10:00"))
    nadia = visitor(school, factories.nadia)
    done = post_form(nadia, nadia.get(DAY))
    page = nadia.get(done.links()["Rouvrir ce jour"])
    nadia.submit(page, action="/deletion")
    assert "Ce jour est fermé." not in nadia.get(DAY).text
    assert states(school, made) == [(BookingState.CANCELLED, True)]
    assert "10 h 00" in visitor(school, factories.oksana).get(f"/bookings/new?from={MONDAY}").text


def test_on_a_day_that_was_closed_before_nobody_is_said_to_be_written_to(school: School) -> None:
    made = booked(school, at("10:00"), without_mail)
    school.write(
        lambda s: factories.closed(s, factories.nadia(s), str(MONDAY), str(MONDAY), factories.nadia(s))
    )
    page = visitor(school, factories.nadia).get(DAY)
    assert "Ce jour est fermé." in page.text
    assert "Messages à envoyer" not in page.links()
    assert states(school, made) == [(BookingState.BOOKED, False)]


def test_a_day_without_appointments_is_closed_all_the_same(school: School) -> None:
    nadia = visitor(school, factories.nadia)
    page = nadia.get(DAY)
    assert "Pas de rendez-vous à annuler" in page.text
    assert "Ce jour est fermé." in post_form(nadia, page).text


def test_the_coordinator_chooses_the_teacher(school: School) -> None:
    made, other = booked(school, at("10:00")), booked(school, at("10:00"), factories.oksana, factories.luc)
    claire = visitor(school, factories.claire)
    page = claire.get(DAY)
    assert [option.text for option in page.root.all("option")] == ["Luc Lambert", "Nadia Dubois"]
    assert "Samira" not in page.text
    nadia_id = school.write(factories.nadia).id
    assert f"/agenda/absence?teacher={nadia_id}" in claire.get(f"/people/{nadia_id}").links().values()
    page = claire.get(f"{DAY}&teacher={nadia_id}")
    assert "Nadia Dubois ne peut pas venir" in page.text
    post_form(claire, page)
    assert states(school, made, other) == [(BookingState.CANCELLED, True), (BookingState.BOOKED, False)]
    learner = school.write(factories.samira).id
    assert claire.get(f"/agenda/absence?teacher={learner}").status == 404


def test_nobody_calls_off_the_day_of_a_colleague(school: School) -> None:
    made = booked(school, at("10:00"))
    nadia_id = school.write(factories.nadia).id
    luc = visitor(school, factories.luc)
    assert luc.get(f"{DAY}&teacher={nadia_id}").status == 404
    data = {"csrf_token": token(luc.get(DAY)), "teacher": nadia_id, "day": MONDAY.isoformat()}
    assert luc.client.post("/agenda/absence", data=data).status_code == 404
    for who in (factories.samira, factories.farid):
        assert visitor(school, who).get(DAY).status == 404
    assert states(school, made) == [(BookingState.BOOKED, False)]


@pytest.mark.parametrize("day", ["", "x", "9999-12-31", "0001-01-01", "2026-02-30"])
def test_a_day_that_is_none_is_today(school: School, day: str) -> None:
    nadia = visitor(school, factories.nadia)
    page = nadia.get(f"/agenda/absence?day={day}")
    assert page.status == 200
    data = {"csrf_token": token(page), "day": day}
    assert nadia.client.post("/agenda/absence", data=data).status_code == 422


def test_a_day_that_is_over_is_refused(school: School) -> None:
    nadia = visitor(school, factories.nadia)
    over = (clock.now() - timedelta(days=2)).date()
    page = post_form(nadia, nadia.get(f"/agenda/absence?day={over}"))
    assert page.status == 422
    assert "Ce jour est passé." in page.text
