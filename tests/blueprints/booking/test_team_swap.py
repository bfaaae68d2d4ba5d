"""Two learners of one teacher exchange their hours, as the people of the team do it."""

from __future__ import annotations

from datetime import datetime

import pytest

from config import BRUSSELS
from lms import clock
from lms.domain.booking import appointments
from lms.models import Booking
from tests import factories
from tests.support.appointments import at, booked, held, mails_of, token, visitor, week_and_luc
from tests.support.school import School


@pytest.fixture(autouse=True)
def hours(school: School) -> None:
    school.write(week_and_luc)


def starts_of(school: School, *made: str) -> list[datetime]:
    return school.read(lambda s: [s.get_one(Booking, one).starts for one in made])


def test_two_learners_exchange_their_hours_and_both_are_told(school: School) -> None:
    one, other = booked(school, at("10:00")), booked(school, at("14:00", 1), factories.oksana)
    nadia = visitor(school, factories.nadia)
    page = nadia.get(f"/bookings/{one}")
    page = nadia.get(page.links()["Échanger avec…"])
    assert "Oksana Bondar" in page.form("/swap").text
    done = nadia.submit(page, {"other": other}, action="/swap")
    assert starts_of(school, one, other) == [at("14:00", 1), at("10:00")]
    said = done.text
    assert said.index("Samira :") < said.index("14 h 00.") < said.index("Oksana Bondar :")
    assert "À prévenir vous-même : 1." in said, "nothing reaches Oksana"
    assert {"Samira", "Oksana Bondar"} <= set(mails_of(school, "booking_moved"))
    again = nadia.submit(page, {"other": other}, action="/swap")
    assert again.status == 200
    assert starts_of(school, one, other) == [at("14:00", 1), at("10:00")], "pressed twice is once"


def test_who_is_elsewhere_then_is_said_beside_the_list(school: School) -> None:
    one, other = booked(school, at("10:00")), booked(school, at("14:00", 1), factories.oksana)
    booked(school, at("14:00", 1), factories.samira, factories.luc)
    nadia = visitor(school, factories.nadia)
    page = nadia.submit(nadia.get(f"/bookings/{one}/swap"), {"other": other}, action="/swap")
    assert page.status == 409
    assert "Une des deux personnes n’est pas libre" in page.text
    assert "Oksana Bondar" in page.form("/swap").text
    assert starts_of(school, one, other) == [at("10:00"), at("14:00", 1)]
    nobody = nadia.submit(page, {"other": None}, action="/swap")
    assert nobody.status == 422
    assert "Choisissez une personne." in nobody.text


def test_later_weeks_stand_under_later(school: School) -> None:
    one, other = booked(school, at("10:00")), booked(school, at("10:00", 21), factories.oksana)
    page = visitor(school, factories.nadia).get(f"/bookings/{one}/swap")
    assert "Oksana Bondar" in page.root.all("main")[0].all("details")[0].text
    assert other in page.html


def test_what_is_over_is_not_exchanged(school: School) -> None:
    one, other, done = (
        booked(school, at("10:00")),
        booked(school, at("11:00"), factories.oksana),
        held(school),
    )
    nadia = visitor(school, factories.nadia)
    page = nadia.get(f"/bookings/{one}/swap")
    school.write(
        lambda s: appointments.cancel(
            s, factories.oksana(s), s.get_one(Booking, other), "", now=clock.now(), zone=BRUSSELS
        )
    )
    late = nadia.submit(page, {"other": other}, action="/swap")
    assert late.status == 409
    assert "déjà annulé" in late.text
    assert "Pas d’autre rendez-vous" in late.text
    school.write(
        lambda s: appointments.cancel(
            s, factories.samira(s), s.get_one(Booking, one), "", now=clock.now(), zone=BRUSSELS
        )
    )
    assert "Rendez-vous annulé" in nadia.get(f"/bookings/{one}/swap").text
    assert "a déjà commencé" in nadia.get(f"/bookings/{done}/swap").text


def test_only_her_teacher_and_the_coordinator_exchange(school: School) -> None:
    one, other = booked(school, at("10:00")), booked(school, at("14:00", 1), factories.oksana)
    for who in (factories.luc, factories.farid, factories.samira):
        browser = visitor(school, who)
        assert browser.get(f"/bookings/{one}/swap").status == 404
        assert "Échanger avec…" not in browser.get(f"/bookings/{one}").links()
        data = {"csrf_token": token(browser.get("/me")), "other": other}
        assert browser.client.post(f"/bookings/{one}/swap", data=data).status_code == 404
    claire = visitor(school, factories.claire)
    claire.submit(claire.get(f"/bookings/{one}/swap"), {"other": other}, action="/swap")
    assert starts_of(school, one, other) == [at("14:00", 1), at("10:00")]
