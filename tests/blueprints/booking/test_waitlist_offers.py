"""The hour that became free, as who waits sees it: yes, no, too late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms import clock
from lms.domain.booking import absence, waitlist
from lms.forms.booking import slot_value
from lms.models import Booking, BookingState, OutboxItem, Person, WaitlistEntry
from tests import factories
from tests.support.appointments import MONDAY, at, one_hour_a_week, person_id, state, taken, visitor, waits
from tests.support.pages import Page, Visitor
from tests.support.school import School
from tests.support.waitlist import cancel_for_good


@pytest.fixture(autouse=True)
def hours(school: School) -> None:
    school.write(one_hour_a_week)


def given_back(school: School, booking_id: str, who: Any = factories.oksana) -> None:
    school.write(lambda s: cancel_for_good(s, who(s), s.get_one(Booking, booking_id), now=clock.now()))


def offered(school: School, who: Any = factories.samira) -> str:
    """Somebody waits, another gives the hour back; answers with the id of the offer."""
    hour = taken(school)
    waits(school, who)
    given_back(school, hour)
    return school.read(
        lambda s: s.scalars(select(Booking.id).where(Booking.state == BookingState.OFFERED)).one()
    )


# -- the offer -----------------------------------------------------------------------------------


def test_the_link_of_the_mail_shows_the_hour_and_changes_nothing(school: School) -> None:
    one = offered(school)
    browser = visitor(school)
    *_, page = pages = [browser.get(f"/offers/{one}") for _ in range(3)]
    assert [shown.status for shown in pages] == [200] * 3
    assert "9 h 00" in page.text.replace("\u202f", " ").replace("\xa0", " ")
    assert "Nadia" in page.text
    assert "jusqu’au" in page.text
    assert state(school, one) == BookingState.OFFERED


def test_yes_makes_it_her_appointment_and_a_second_tap_leads_there_too(school: School) -> None:
    one = offered(school)
    browser = visitor(school)
    question, index = browser.get(f"/offers/{one}"), browser.get("/bookings")
    first = browser.submit(question, action="/acceptance")
    second = browser.submit(question, action="/acceptance")
    third = browser.submit(index, action="/acceptance")
    assert [page.url for page in (first, second, third)] == [f"/bookings/{one}?done=made"] * 3
    assert state(school, one) == BookingState.BOOKED
    assert browser.get(f"/offers/{one}").url == f"/bookings/{one}"
    made = select(func.count()).where(OutboxItem.kind == "booking_made", OutboxItem.about_id == one)
    assert school.read(lambda s: s.scalar(made)) == 2, "she and her teacher, once"


def test_no_gives_it_to_the_next_and_she_keeps_her_place(school: School) -> None:
    one = offered(school)
    waits(school, _grace)
    browser = visitor(school)
    page = browser.get(f"/offers/{one}")
    for _ in range(2):
        no = browser.submit(page, action="/refusal")
        assert no.status == 200
        assert "Vous gardez votre place" in no.text
    assert state(school, one) == BookingState.DECLINED
    grace = person_id(school, _grace)
    assert school.read(
        lambda s: s.scalars(select(Booking.learner_id).where(Booking.state == BookingState.OFFERED)).all()
    ) == [grace]


def _grace(session: Session) -> Person:
    found = session.scalars(select(Person).where(Person.name == "Grace Mbala")).first()
    return found or factories.learner(session, "Grace Mbala")


def test_yes_after_no_is_refused_with_what_to_do_next(school: School) -> None:
    one = offered(school)
    browser = visitor(school)
    page = browser.get(f"/offers/{one}")
    browser.submit(page, action="/refusal")
    late = browser.submit(page, action="/acceptance")
    assert late.status == 409
    assert "Cette proposition est finie" in late.text
    assert late.links()["Choisir une place"] == "/bookings/new"


def test_no_after_yes_leaves_the_appointment_and_shows_it(school: School) -> None:
    one = offered(school)
    browser = visitor(school)
    page = browser.get(f"/offers/{one}")
    browser.submit(page, action="/acceptance")
    assert browser.submit(page, action="/refusal").url == f"/bookings/{one}"
    assert state(school, one) == BookingState.BOOKED


def run_out(school: School, one: str) -> None:
    """As if her time to answer were over, and the worker had seen it."""
    past = clock.now() - timedelta(minutes=1)
    school.write(lambda s: s.execute(update(Booking).where(Booking.id == one).values(expires_at=past)))


def test_an_answer_after_the_time_is_refused_before_any_worker_saw_it(school: School) -> None:
    one = offered(school)
    browser = visitor(school)
    page = browser.get(f"/offers/{one}")
    run_out(school, one)
    assert browser.submit(page, action="/acceptance").status == 409
    assert "finie" in browser.get(f"/offers/{one}").text
    assert not [f for f in browser.get("/bookings").root.all("form") if "acceptance" in f.get("action")]


def test_who_waits_anew_before_the_worker_saw_it_keeps_waiting_afterwards(school: School) -> None:
    one = offered(school)
    run_out(school, one)
    browser = visitor(school)
    page = browser.get(f"/offers/{one}")
    assert "Vous gardez votre place" in page.text
    page = browser.get("/waitlist?change=1")
    assert "Vous êtes sur la liste d’attente" in browser.submit(page, action="/waitlist").text
    assert state(school, one) == BookingState.EXPIRED
    school.write(lambda s: waitlist.expire_offer(s, one, now=clock.now(), zone=BRUSSELS))
    assert school.read(lambda s: waitlist.active_entry(s, factories.samira(s).id)) is not None


def test_an_offer_that_is_over_blocks_nobody_although_no_worker_runs(school: School) -> None:
    one = offered(school)
    run_out(school, one)
    other = visitor(school, factories.oksana)
    hour = school.read(lambda s: slot_value(s.get_one(Booking, one).teacher_id, at("09:00")))
    assert hour in [button.get("value") for button in other.get("/bookings/new").root.all("button")]
    confirm = other.get(f"/bookings/new/confirm?hour={hour}")
    assert confirm.status == 200
    booked = other.submit(confirm, action="/bookings")
    assert booked.url.endswith("?done=made")
    assert state(school, one) == BookingState.EXPIRED


def test_an_offer_that_is_over_goes_to_the_next_who_waits_although_no_worker_runs(school: School) -> None:
    one = offered(school)
    waits(school, factories.oksana)
    run_out(school, one)
    hour = school.read(lambda s: slot_value(s.get_one(Booking, one).teacher_id, at("09:00")))
    browser = visitor(school)
    confirm = browser.get(f"/bookings/new/confirm?hour={hour}")
    assert browser.submit(confirm, action="/bookings").status == 409
    held = select(Person.name).join(Booking, Booking.learner_id == Person.id)
    names = school.read(lambda s: s.scalars(held.where(Booking.state == BookingState.OFFERED)).all())
    assert names == ["Oksana Bondar"]


def test_on_the_page_of_her_wait_an_offer_is_what_she_reads_first(school: School) -> None:
    browser = visitor(school)
    waits(school)
    assert browser.get("/waitlist").root.all("h1")[0].text == "Vous êtes sur la liste d’attente"
    given_back(school, taken(school))
    page = browser.get("/waitlist")
    assert page.root.all("h1")[0].text == "Une place est libre pour vous"
    assert "Une heure devient libre" not in page.text
    assert "done=made" in browser.submit(page, action="/acceptance").url


def test_who_did_not_answer_waits_again_with_the_same_wish_in_one_tap(school: School) -> None:
    one = offered(school)
    run_out(school, one)
    school.write(lambda s: s.execute(update(WaitlistEntry).values(silences=1)))
    school.write(lambda s: waitlist.expire_offer(s, one, now=clock.now(), zone=BRUSSELS))
    browser = visitor(school)
    for path in (f"/offers/{one}", "/bookings"):
        page = browser.get(path)
        assert "Rester sur la liste" in page.text, path
    page = browser.submit(page, action="/waitlist")
    assert "Vous êtes sur la liste d’attente" in page.text
    living = school.read(
        lambda s: s.scalars(select(WaitlistEntry).where(WaitlistEntry.ended_at.is_(None))).one()
    )
    assert (living.parts, living.mode, living.teacher_id) == (7, None, None)
    assert "Rester sur la liste" not in browser.get("/bookings").text


def test_an_open_offer_stands_above_everything_and_is_answered_there(school: School) -> None:
    one = offered(school)
    browser = visitor(school)
    page = browser.get("/bookings")
    assert page.root.all("main")[0].all("h2")[0].text == "Une place est libre pour vous"
    assert browser.submit(page, action="/refusal").status == 200
    assert state(school, one) == BookingState.DECLINED


@pytest.mark.parametrize(
    "who", [factories.oksana, factories.nadia, factories.claire], ids=["learner", "teacher", "coordinator"]
)
def test_an_offer_is_hers_alone(school: School, who: Callable[[Session], Person]) -> None:
    one = offered(school)
    question = visitor(school).get(f"/offers/{one}")
    browser = visitor(school, who)
    assert browser.get(f"/offers/{one}").status == 404
    for answer in ("/acceptance", "/refusal"):
        assert post(browser, question, answer).status == 404
    assert state(school, one) == BookingState.OFFERED


def post(browser: Visitor, page: Page, action: str) -> Page:
    """Send the form of somebody else's page, with a token of one's own."""
    token = next(
        e.get("value") for e in browser.get("/me").root.all("input") if e.get("name") == "csrf_token"
    )
    return browser.submit(page, {"csrf_token": token}, action=action)


def test_an_appointment_that_never_was_offered_is_no_offer(school: School) -> None:
    made = taken(school, factories.samira)
    assert visitor(school).get(f"/offers/{made}").status == 404


def test_whoever_is_not_signed_in_enters_first_and_comes_back(school: School) -> None:
    one = offered(school)
    answer = school.visitor().client.get(f"/offers/{one}")
    assert answer.status_code == 303
    assert f"offers%2F{one}" in answer.location or f"/offers/{one}" in answer.location


# -- a teacher who cannot come -------------------------------------------------------------------


def test_whose_teacher_cannot_come_is_told_and_chooses_first(school: School) -> None:
    made = taken(school, factories.samira)

    def ill(session: Session) -> None:
        nadia = factories.nadia(session)
        absence.cancel_day(session, nadia, nadia, MONDAY, now=clock.now(), zone=BRUSSELS)

    school.write(ill)
    browser = visitor(school)
    page = browser.get("/bookings")
    assert "Votre professeur ne peut pas venir." in page.text
    assert "Vous choisissez en premier." in page.text
    assert "/bookings/new" in page.links().values()
    for word in ("malade", "Malade"):
        assert word not in page.text
    assert state(school, made) == BookingState.CANCELLED
    school.write(lambda s: factories.rule(s, factories.luc(s), 2, "09:00", "10:00"))
    school.write(
        lambda s: factories.booked(
            s, factories.samira(s), factories.luc(s), at("09:00", days=2), now=clock.now()
        )
    )
    assert "ne peut pas venir" not in browser.get("/bookings").text


def test_the_list_asks_as_much_with_offers_wishes_and_a_past_as_without(school: School) -> None:
    browser = visitor(school)
    counts = []
    for step in (lambda: None, lambda: offered(school)):
        step()
        browser.get("/bookings")
        with school.counting_statements() as sent:
            browser.get("/bookings")
        counts.append(len(sent))
    assert len(set(counts)) == 1, counts
