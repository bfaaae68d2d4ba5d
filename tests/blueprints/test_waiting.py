"""Waiting for an hour as people see it: the wish, the offer, yes and no."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lms import clock
from lms.domain import booking as bookings
from lms.domain.booking import leave, waitlist
from lms.models import AFTERNOON, MORNING, Booking, OutboxItem, Person, WaitlistEntry
from tests import make
from tests.house import House
from tests.make import wall
from tests.pages import Page, Visitor

MONDAY = make.coming_monday()
HOUR = timedelta(hours=1)


def at(hour: str, days: int = 0) -> datetime:
    return wall((MONDAY + timedelta(days=days)).isoformat(), hour)


@pytest.fixture(autouse=True)
def one_hour_a_week(house: House) -> None:
    """Nadia receives on Mondays from 9 to 10, by video: whoever comes second waits."""

    def offer(session: Session) -> None:
        make.school(session).horizon_days = (MONDAY - clock.now().date()).days + 6
        make.rule(session, make.nadia(session), 0, "09:00", "10:00", valid_from=MONDAY)
        make.luc(session)

    house.write(offer)


def person_id(house: House, who: Callable[[Session], Person]) -> str:
    return house.write(lambda s: who(s).id)


def visitor(house: House, who: Callable[[Session], Person] = make.samira) -> Visitor:
    return house.visitor(person_id(house, who))


def taken(house: House, who: Any = make.oksana) -> str:
    """The one hour of the week, taken by somebody else."""
    return house.write(lambda s: make.booked(s, who(s), make.nadia(s), at("09:00"), now=clock.now()).id)


def waits(house: House, who: Any = make.samira, parts: int = 7, mode: str | None = None) -> str:
    return house.write(lambda s: waitlist.join(s, who(s), who(s), None, parts, mode, clock.now()).id)


def given_back(house: House, booking_id: str, who: Any = make.oksana) -> None:
    house.write(lambda s: bookings.cancel(s, s.get_one(Booking, booking_id), who(s), "", clock.now()))


def offered(house: House, who: Any = make.samira) -> str:
    """Somebody waits, another gives the hour back; answers with the id of the offer."""
    hour = taken(house)
    waits(house, who)
    given_back(house, hour)
    return house.read(lambda s: s.scalars(select(Booking.id).where(Booking.state == "offered")).one())


def state(house: House, booking_id: str) -> str:
    return house.read(lambda s: s.get_one(Booking, booking_id).state)


def entry(house: House) -> WaitlistEntry:
    return house.read(lambda s: s.scalars(select(WaitlistEntry)).one())


# -- the wish ------------------------------------------------------------------------------------


def test_where_no_hour_is_free_a_learner_says_which_would_do(house: House) -> None:
    taken(house)
    browser = visitor(house)
    full = browser.get("/bookings/new")
    form = browser.get(full.links()["Attendre une heure"])
    page = browser.submit(
        form, {"parts": ["1", "2"], "teacher": person_id(house, make.nadia), "mode": "video"}
    )
    assert page.status == 200
    for word in (
        "Vous attendez une heure",
        "Nous vous écrivons",
        "Nadia",
        "le matin",
        "l’après-midi",
        "Par vidéo",
    ):
        assert word in page.text, word
    found = entry(house)
    assert (found.parts, found.mode) == (MORNING | AFTERNOON, "video")
    assert found.teacher_id == person_id(house, make.nadia)
    assert "Vous attendez une heure" in browser.get("/bookings").text
    assert "Vous attendez une heure" in browser.get("/bookings/new").text


def test_without_a_part_of_the_day_the_form_says_what_is_missing_and_keeps_the_rest(house: House) -> None:
    browser = visitor(house)
    page = browser.submit(browser.get("/waitlist"), {"mode": "onsite"})
    assert page.status == 422
    assert "Choisissez le matin, l’après-midi ou le soir." in page.text
    chosen = [
        e.get("value") for e in page.root.all("input") if e.get("name") == "mode" and "checked" in e.attrs
    ]
    assert chosen == ["onsite"]
    assert house.read(lambda s: s.scalar(select(func.count()).select_from(WaitlistEntry))) == 0


@pytest.mark.parametrize(
    "values",
    [{"parts": "8"}, {"parts": "x"}, {"parts": "-1"}, {"parts": "1", "teacher": "nobody"}],
    ids=["no such part", "no number", "below nought", "no such teacher"],
)
def test_a_wish_that_cannot_be_is_refused_on_its_page(house: House, values: dict[str, str]) -> None:
    browser = visitor(house)
    assert browser.submit(browser.get("/waitlist"), values).status == 422


def test_the_same_wish_sent_twice_is_one_place_in_the_line(house: House) -> None:
    browser = visitor(house)
    form = browser.get("/waitlist")
    pages = [browser.submit(form, {"parts": "1"}) for _ in range(2)]
    assert [page.status for page in pages] == [200, 200]
    assert entry(house).parts == MORNING


def test_who_changes_her_wish_keeps_her_place(house: House) -> None:
    waits(house, parts=MORNING)
    before = entry(house)
    browser = visitor(house)
    form = browser.get(browser.get("/waitlist").links()["Changer"])
    assert "reste la même" in form.text
    browser.submit(form, {"parts": ["4"]})
    after = entry(house)
    assert (after.id, after.made_at, after.parts) == (before.id, before.made_at, 4)


def test_who_waits_no_longer_says_so_in_one_tap_and_twice_is_harmless(house: House) -> None:
    waits(house)
    browser = visitor(house)
    page = browser.get("/waitlist")
    for _ in range(2):
        assert browser.submit(page, action="/waitlist/end").status == 200
    assert entry(house).outcome == "withdrawn"
    assert "Vous attendez" not in browser.get("/bookings").text


def test_who_has_no_address_is_told_to_look_here(house: House) -> None:
    waits(house, make.oksana)
    page = visitor(house, make.oksana).get("/waitlist")
    assert "Nous vous écrivons" not in page.text
    assert "Regardez souvent" in page.text


def test_the_team_puts_a_learner_in_the_line_and_takes_her_out(house: House) -> None:
    samira = person_id(house, make.samira)
    house.write(lambda s: setattr(make.samira(s), "social_worker_id", make.farid(s).id))
    taken(house)
    for who in (make.nadia, make.claire, make.farid):
        browser = visitor(house, who)
        way = browser.get(f"/bookings/new?learner={samira}").links()["Attendre une heure"]
        page = browser.submit(browser.get(way), {"parts": "1"})
        assert "Samira attend une heure" in page.text
        browser.submit(page, action="/waitlist/end")
    rows = house.read(lambda s: s.execute(select(WaitlistEntry.learner_id, WaitlistEntry.outcome)).all())
    assert [tuple(row) for row in rows] == [(samira, "withdrawn")] * 3


def test_nobody_waits_in_the_name_of_a_stranger(house: House) -> None:
    samira = person_id(house, make.samira)
    for who in (make.oksana, make.farid):
        browser = visitor(house, who)
        assert browser.get(f"/waitlist?learner={samira}").status == 404
    browser = visitor(house, make.oksana)
    assert browser.submit(browser.get("/waitlist"), {"learner": samira, "parts": "1"}).status == 404
    assert house.read(lambda s: s.scalar(select(func.count()).select_from(WaitlistEntry))) == 0


# -- the offer -----------------------------------------------------------------------------------


def test_the_link_of_the_mail_shows_the_hour_and_changes_nothing(house: House) -> None:
    one = offered(house)
    browser = visitor(house)
    for _ in range(3):
        page = browser.get(f"/offers/{one}")
        assert page.status == 200
    assert "9 h 00" in page.text.replace("\u202f", " ").replace("\xa0", " ")
    assert "Nadia" in page.text
    assert "jusqu’au" in page.text
    assert state(house, one) == "offered"


def test_yes_makes_it_her_appointment_and_a_second_tap_leads_there_too(house: House) -> None:
    one = offered(house)
    browser = visitor(house)
    question, index = browser.get(f"/offers/{one}"), browser.get("/bookings")
    first = browser.submit(question, action="/acceptance")
    second = browser.submit(question, action="/acceptance")
    third = browser.submit(index, action="/acceptance")
    assert [page.url for page in (first, second, third)] == [f"/bookings/{one}?done=made"] * 3
    assert state(house, one) == "booked"
    assert browser.get(f"/offers/{one}").url == f"/bookings/{one}"
    made = select(func.count()).where(OutboxItem.kind == "booking_made", OutboxItem.about_id == one)
    assert house.read(lambda s: s.scalar(made)) == 2, "she and her teacher, once"


def test_no_gives_it_to_the_next_and_she_keeps_her_place(house: House) -> None:
    one = offered(house)
    waits(house, _grace)
    browser = visitor(house)
    page = browser.get(f"/offers/{one}")
    for _ in range(2):
        no = browser.submit(page, action="/refusal")
        assert no.status == 200
        assert "Vous gardez votre place" in no.text
    assert state(house, one) == "declined"
    grace = person_id(house, _grace)
    assert house.read(
        lambda s: s.scalars(select(Booking.learner_id).where(Booking.state == "offered")).all()
    ) == [grace]


def _grace(session: Session) -> Person:
    found = session.scalars(select(Person).where(Person.name == "Grace Mbala")).first()
    return found or make.learner(session, "Grace Mbala")


def test_yes_after_no_is_refused_with_what_to_do_next(house: House) -> None:
    one = offered(house)
    browser = visitor(house)
    page = browser.get(f"/offers/{one}")
    browser.submit(page, action="/refusal")
    late = browser.submit(page, action="/acceptance")
    assert late.status == 409
    assert "Cette proposition est finie" in late.text
    assert late.links()["Choisir une heure"] == "/bookings/new"


def test_no_after_yes_leaves_the_appointment_and_shows_it(house: House) -> None:
    one = offered(house)
    browser = visitor(house)
    page = browser.get(f"/offers/{one}")
    browser.submit(page, action="/acceptance")
    assert browser.submit(page, action="/refusal").url == f"/bookings/{one}"
    assert state(house, one) == "booked"


def run_out(house: House, one: str) -> None:
    """As if her time to answer were over, and the worker had seen it."""
    past = clock.now() - timedelta(minutes=1)
    house.write(
        lambda s: s.execute(update(Booking).where(Booking.id == one).values(expires_at=past)) and None
    )


def test_an_answer_after_the_time_is_refused_before_any_worker_saw_it(house: House) -> None:
    one = offered(house)
    browser = visitor(house)
    page = browser.get(f"/offers/{one}")
    run_out(house, one)
    assert browser.submit(page, action="/acceptance").status == 409
    assert "finie" in browser.get(f"/offers/{one}").text
    assert not [f for f in browser.get("/bookings").root.all("form") if "acceptance" in f.get("action")]


def test_who_did_not_answer_waits_again_with_the_same_wish_in_one_tap(house: House) -> None:
    one = offered(house)
    run_out(house, one)
    house.write(lambda s: waitlist.expire(s, one, clock.now()))
    browser = visitor(house)
    for path in (f"/offers/{one}", "/bookings"):
        page = browser.get(path)
        assert "Attendre encore" in page.text, path
    page = browser.submit(page, action="/waitlist")
    assert "Vous attendez une heure" in page.text
    living = house.read(
        lambda s: s.scalars(select(WaitlistEntry).where(WaitlistEntry.ended_at.is_(None))).one()
    )
    assert (living.parts, living.mode, living.teacher_id) == (7, None, None)
    assert "Attendre encore" not in browser.get("/bookings").text


def test_an_open_offer_stands_above_everything_and_is_answered_there(house: House) -> None:
    one = offered(house)
    browser = visitor(house)
    page = browser.get("/bookings")
    assert page.root.all("main")[0].all("h2")[0].text == "Une heure est libre pour vous"
    assert browser.submit(page, action="/refusal").status == 200
    assert state(house, one) == "declined"


@pytest.mark.parametrize(
    "who", [make.oksana, make.nadia, make.claire], ids=["learner", "teacher", "coordinator"]
)
def test_an_offer_is_hers_alone(house: House, who: Callable[[Session], Person]) -> None:
    one = offered(house)
    question = visitor(house).get(f"/offers/{one}")
    browser = visitor(house, who)
    assert browser.get(f"/offers/{one}").status == 404
    for answer in ("/acceptance", "/refusal"):
        assert post(browser, question, answer).status == 404
    assert state(house, one) == "offered"


def post(browser: Visitor, page: Page, action: str) -> Page:
    """Send the form of somebody else's page, with a token of one's own."""
    token = next(
        e.get("value") for e in browser.get("/me").root.all("input") if e.get("name") == "csrf_token"
    )
    return browser.submit(page, {"csrf_token": token}, action=action)


def test_an_appointment_that_never_was_offered_is_no_offer(house: House) -> None:
    made = taken(house, make.samira)
    assert visitor(house).get(f"/offers/{made}").status == 404


def test_whoever_is_not_signed_in_enters_first_and_comes_back(house: House) -> None:
    one = offered(house)
    answer = house.visitor().client.get(f"/offers/{one}")
    assert answer.status_code == 303
    assert f"offers%2F{one}" in answer.location or f"/offers/{one}" in answer.location


# -- a teacher who cannot come -------------------------------------------------------------------


def test_whose_teacher_cannot_come_is_told_and_chooses_first(house: House) -> None:
    made = taken(house, make.samira)

    def ill(session: Session) -> None:
        nadia = make.nadia(session)
        leave.call_off(session, nadia, nadia, MONDAY, clock.now())

    house.write(ill)
    browser = visitor(house)
    page = browser.get("/bookings")
    assert "Votre professeur ne peut pas venir." in page.text
    assert "Vous choisissez en premier." in page.text
    assert "/bookings/new" in page.links().values()
    for word in ("malade", "Malade"):
        assert word not in page.text
    assert state(house, made) == "cancelled"
    house.write(lambda s: make.rule(s, make.luc(s), 2, "09:00", "10:00") and None)
    house.write(
        lambda s: make.booked(s, make.samira(s), make.luc(s), at("09:00", days=2), now=clock.now()) and None
    )
    assert "ne peut pas venir" not in browser.get("/bookings").text


def test_the_list_asks_as_much_with_offers_wishes_and_a_past_as_without(house: House) -> None:
    browser = visitor(house)
    counts = []
    for step in (lambda: None, lambda: offered(house)):
        step()
        browser.get("/bookings")
        with house.counting_statements() as sent:
            browser.get("/bookings")
        counts.append(len(sent))
    assert len(set(counts)) == 1, counts
