"""À savoir: what somebody else changed, on the start page and on a page of its own."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.clock import now
from lms.domain.booking import appointments
from lms.models import Booking, Mode, Notice
from tests import factories
from tests.support.appointments import MONDAY, at, booked
from tests.support.pages import Page, Visitor
from tests.support.school import School


@pytest.fixture
def booking(school: School) -> str:
    """Oksana has an appointment with Nadia, and neither e-mail nor phone."""

    def open_hours(session: Session) -> None:
        factories.organisation(session).horizon_days = 90
        factories.all_week(session, factories.nadia(session))
        factories.oksana(session).language = "fr"

    school.write(open_hours)
    return booked(school, at("10:00"), factories.oksana)


@pytest.fixture
def oksana(school: School, booking: str) -> Visitor:
    return school.visitor(school.read(factories.oksana))


def cancel(school: School, booking: str) -> None:
    school.write(
        lambda s: appointments.cancel(
            s, factories.nadia(s), s.get_one(Booking, booking), "", now=now(), zone=BRUSSELS
        )
    )


def move(school: School, booking: str, hour: str) -> None:
    school.write(
        lambda s: appointments.move(
            s, factories.nadia(s), s.get_one(Booking, booking), at(hour), Mode.VIDEO, now=now(), zone=BRUSSELS
        )
    )


def many_appointments(session: Session) -> None:
    factories.organisation(session).weekly_cap = factories.organisation(session).open_cap = 20


def hero(page: Page) -> str:
    return next(card.text for card in page.root.all("section") if "hero" in card.get("class"))


def test_a_cancelled_appointment_stays_on_the_home_until_she_says_that_she_has_seen_it(
    school: School, booking: str, oksana: Visitor
) -> None:
    cancel(school, booking)
    for _ in range(3):
        assert "Votre rendez-vous est annulé" in hero(oksana.get("/"))
    page = oksana.get("/")
    assert "10 h 00" in hero(page)
    assert str(MONDAY.day) in hero(page)
    assert "Choisir une place" in hero(page)
    page = oksana.submit(page, action="/next-step", button="/reading")
    assert page.url == "/"
    assert "annulé" not in page.text
    assert "annulé" in oksana.get("/me/notices").text, "and can be read again"


def test_taking_the_next_step_has_seen_it(school: School, booking: str, oksana: Visitor) -> None:
    move(school, booking, "11:00")
    page = oksana.get("/")
    assert "Votre rendez-vous est déplacé" in hero(page)
    assert "11 h 00" in hero(page)
    assert page.text.count("11 h 00") == 1, "one card for one appointment"
    assert oksana.submit(page, action="/next-step").url == f"/bookings/{booking}"
    page = oksana.get("/")
    assert "déplacé" not in page.text
    assert "11 h 00" in page.text, "the appointment itself is still there"


def test_a_page_that_was_overtaken_leads_to_what_is_true_now(
    school: School, booking: str, oksana: Visitor
) -> None:
    move(school, booking, "11:00")
    page = oksana.get("/")
    cancel(school, booking)
    page = oksana.submit(page, action="/next-step")
    assert page.url == "/"
    assert "Votre rendez-vous est annulé" in hero(page)


def test_the_teacher_is_told_on_her_home_too_and_can_see_them_all_at_once(
    school: School, booking: str, oksana: Visitor
) -> None:
    school.write(many_appointments)
    for number in range(4):
        booked(school, at("10:00", days=number + 1), factories.samira)
    nadia = school.visitor(school.read(factories.nadia))
    page = nadia.get("/")
    assert page.text.count("Un nouveau rendez-vous") == 3
    assert "Tout voir : 5" in page.text
    page = nadia.get(page.links()["Tout voir : 5"])
    assert page.text.count("Un nouveau rendez-vous") == 5
    page = nadia.submit(page, action="/me/notices/reading")
    assert "Un nouveau rendez-vous" not in page.text


def test_moi_counts_what_is_new_and_leads_to_it(school: School, booking: str, oksana: Visitor) -> None:
    cancel(school, booking)
    page = oksana.get("/me")
    (label,) = [text for text in page.links() if "À savoir" in text]
    assert label.startswith("1 ")
    assert "Votre rendez-vous est annulé" in oksana.get(page.links()[label]).text


def test_what_is_somebody_elses_is_not_found_and_stays_unseen(
    school: School, booking: str, oksana: Visitor
) -> None:
    cancel(school, booking)
    page = oksana.get("/")
    (notice,) = [form.get("action") for form in page.root.all("form") if "next-step" in form.get("action")]
    samira = school.visitor(school.write(factories.samira))
    form = samira.get("/me").form("/logout")
    data = {control.get("name"): control.get("value") for control in form.all("input")}
    for path in (notice, notice.replace("next-step", "reading")):
        assert samira.client.post(path, data=data).status_code == 404
    found = school.read(lambda s: s.scalars(select(Notice)).all())
    assert {each.seen_at for each in found} == {None}


def test_one_or_thirty_notices_cost_the_same_statements(
    school: School, booking: str, oksana: Visitor
) -> None:
    def count() -> int:
        oksana.get("/")
        with school.counting_statements() as sent:
            oksana.get("/")
        return len(sent)

    cancel(school, booking)
    one = count()

    def more(session: Session) -> None:
        many_appointments(session)
        nadia, learner = factories.nadia(session), factories.oksana(session)
        for number in range(20):
            starts = at(f"{9 + number % 5:02}:00", days=number // 5)
            made = factories.booked(session, learner, nadia, starts, by=nadia, now=now())
            if number % 2:
                appointments.cancel(session, nadia, made, "", now=now(), zone=BRUSSELS)

    school.write(more)
    assert (one, count()) == (6, 6)
