"""The printed ticket: what stands on it, in whose language, and when there is none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms import clock
from lms.domain.booking import appointments, queries
from lms.models import Booking, Person
from tests import factories
from tests.factories import wall
from tests.support.pages import Page, Visitor
from tests.support.school import School

MONDAY = factories.coming_monday()
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def prepared(school: School) -> None:
    def opens(session: Session) -> None:
        service = factories.organisation(session)
        service.directions, service.phone = "Bus 41, arrêt Pont", "071 12 34 56"
        factories.all_week(session, factories.nadia(session), mode="both")
        factories.samira(session).language = "ar"

    school.write(opens)


def booked(school: School, mode: str = "onsite", who: Any = factories.samira, **more: Any) -> str:
    starts = wall(MONDAY.isoformat(), "09:00")
    return school.write(
        lambda s: factories.booked(s, who(s), factories.nadia(s), starts, mode, now=clock.now(), **more).id
    )


def visitor(school: School, who: Callable[[Session], Person]) -> Visitor:
    return school.visitor(school.write(who))


def slip(page: Page) -> str:
    assert page.status == 200
    return next(part for part in page.root.all("article") if "slip" in part.get("class")).text


def test_the_ticket_says_when_with_whom_and_how_to_come(school: School) -> None:
    text = slip(visitor(school, factories.samira).get(f"/bookings/{booked(school)}/ticket"))
    for said in (
        "Passerelle Charleroi",
        f"lundi {MONDAY.day}",
        "9 h 00",
        "heure de Belgique",
        "Avec Nadia",
        "Salle 2",
        "Rue du Pont 1, 6000 Charleroi",
        "Bus 41, arrêt Pont",
        "071 12 34 56",
    ):
        assert said in text


def test_the_ticket_is_in_french_and_under_it_in_the_learners_language_whoever_prints(school: School) -> None:
    page = visitor(school, factories.nadia).get(f"/bookings/{booked(school)}/ticket")
    spoken = [(e.get("lang"), e.get("dir")) for e in page.root.all("span") if e.get("lang")]
    assert set(spoken) == {("fr", "ltr"), ("ar", "rtl")}
    assert spoken[0] == ("fr", "ltr")
    assert "بتوقيت بلجيكا" in slip(page)
    assert "الاثنين" in slip(page)


@pytest.mark.parametrize("language", ["fr", "ps"])
def test_a_language_without_our_sentences_has_french_alone(school: School, language: str) -> None:
    school.write(lambda s: setattr(factories.samira(s), "language", language))
    page = visitor(school, factories.samira).get(f"/bookings/{booked(school)}/ticket")
    assert {e.get("lang") for e in page.root.all("span") if e.get("lang")} == {"fr"}


def test_a_lesson_by_video_has_its_address_in_the_square_and_in_letters(school: School) -> None:
    made = booked(school, "video")
    page = visitor(school, factories.samira).get(f"/bookings/{made}/ticket")
    assert "Ouvrez ce lien avec votre téléphone." in slip(page)
    assert f"localhost/s/{made}" in slip(page)
    assert "Bus 41" not in slip(page)
    (drawing,) = [part for part in page.root.all("div") if part.get("class") == "qr"]
    assert drawing.all("path")


@pytest.mark.parametrize("on", [True, False])
def test_the_hygiene_text_stands_there_while_it_is_wanted(school: School, on: bool) -> None:
    def wanted(session: Session) -> None:
        service = factories.organisation(session)
        service.hygiene_notice, service.hygiene_text = on, "Lavez-vous les mains."

    school.write(wanted)
    text = slip(visitor(school, factories.samira).get(f"/bookings/{booked(school)}/ticket"))
    assert ("Lavez-vous les mains." in text) is on


def test_the_clock_shows_the_hour_of_the_wall(school: School) -> None:
    page = visitor(school, factories.samira).get(f"/bookings/{booked(school)}/ticket")
    hands = [part.get("transform") for part in page.root.all("path") if "hand" in part.get("class")]
    assert hands == ["rotate(270.0 24 24)", "rotate(0 24 24)"]


def test_a_cancelled_appointment_has_no_ticket_and_its_page_says_so(school: School) -> None:
    made = booked(school)

    def cancelled(session: Session) -> None:
        samira = factories.samira(session)
        appointments.cancel(
            session, samira, queries.booking_for(session, samira, made), "", now=clock.now(), zone=BRUSSELS
        )

    school.write(cancelled)
    page = visitor(school, factories.samira).get(f"/bookings/{made}/ticket")
    assert page.url == f"/bookings/{made}"
    assert not any("/ticket" in link for link in page.links().values())


def put(school: School, made: str, starts: datetime) -> None:
    def shift(session: Session) -> None:
        booking = session.get_one(Booking, made)
        booking.starts, booking.ends, booking.blocked_until = starts, starts + HOUR, starts + HOUR

    school.write(shift)


def test_who_comes_late_still_has_a_ticket_and_who_comes_after_has_none(school: School) -> None:
    made, samira = booked(school), visitor(school, factories.samira)
    begun = clock.now().replace(minute=0, second=0, microsecond=0)
    put(school, made, begun)
    assert samira.get(f"/bookings/{made}/ticket").url.endswith("/ticket")
    put(school, made, begun - 2 * HOUR)
    assert samira.get(f"/bookings/{made}/ticket").url == f"/bookings/{made}"


def test_the_page_of_an_appointment_leads_to_ticket_and_calendar(school: School) -> None:
    made = booked(school)
    links = visitor(school, factories.samira).get(f"/bookings/{made}").links().values()
    assert f"/bookings/{made}/ticket" in links
    assert f"/bookings/{made}/calendar.ics" in links
    # A calendar is one's own: who is not at the lesson only prints.
    links = visitor(school, factories.claire).get(f"/bookings/{made}").links().values()
    assert f"/bookings/{made}/ticket" in links
    assert f"/bookings/{made}/calendar.ics" not in links


def test_the_team_prints_for_her_and_strangers_do_not(school: School) -> None:
    made = booked(school)
    for who, status in (
        (factories.nadia, 200),
        (factories.luc, 200),
        (factories.claire, 200),
        (factories.oksana, 404),
        (factories.farid, 404),
    ):
        assert visitor(school, who).get(f"/bookings/{made}/ticket").status == status
    farid = school.write(factories.farid).id
    school.write(lambda s: setattr(factories.samira(s), "social_worker_id", farid))
    assert school.visitor(farid).get(f"/bookings/{made}/ticket").status == 200
    assert school.visitor().get(f"/bookings/{made}/ticket").url.startswith("/card?next=")
