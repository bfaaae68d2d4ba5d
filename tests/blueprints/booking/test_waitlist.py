"""Waiting for an hour as people see it: the wish."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from lms.models import AFTERNOON, MORNING, Mode, WaitlistEntry, WaitlistOutcome
from tests import factories
from tests.support.appointments import one_hour_a_week, person_id, taken, visitor, waits
from tests.support.school import School


@pytest.fixture(autouse=True)
def hours(school: School) -> None:
    school.write(one_hour_a_week)


def entry(school: School) -> WaitlistEntry:
    return school.read(lambda s: s.scalars(select(WaitlistEntry)).one())


# -- the wish ------------------------------------------------------------------------------------


def test_where_no_hour_is_free_a_learner_says_which_would_do(school: School) -> None:
    taken(school)
    browser = visitor(school)
    full = browser.get("/bookings/new")
    form = browser.get(full.links()["Me prévenir quand une place se libère"])
    page = browser.submit(
        form, {"parts": ["1", "2"], "teacher": person_id(school, factories.nadia), "mode": "video"}
    )
    assert page.status == 200
    for word in (
        "Vous êtes sur la liste d’attente",
        "Nous vous écrivons",
        "Nadia",
        "le matin",
        "l’après-midi",
        "Par vidéo",
    ):
        assert word in page.text, word
    found = entry(school)
    assert (found.parts, found.mode) == (MORNING | AFTERNOON, Mode.VIDEO)
    assert found.teacher_id == person_id(school, factories.nadia)
    assert "Vous êtes sur la liste d’attente" in browser.get("/bookings").text
    assert "Vous êtes sur la liste d’attente" in browser.get("/bookings/new").text


def test_without_a_part_of_the_day_the_form_says_what_is_missing_and_keeps_the_rest(school: School) -> None:
    browser = visitor(school)
    page = browser.submit(browser.get("/waitlist"), {"mode": "onsite"})
    assert page.status == 422
    assert "Choisissez le matin, l’après-midi ou le soir." in page.text
    chosen = [
        e.get("value") for e in page.root.all("input") if e.get("name") == "mode" and "checked" in e.attrs
    ]
    assert chosen == [Mode.ONSITE]
    assert school.read(lambda s: s.scalar(select(func.count()).select_from(WaitlistEntry))) == 0


@pytest.mark.parametrize(
    "values",
    [{"parts": "8"}, {"parts": "x"}, {"parts": "-1"}, {"parts": "1", "teacher": "nobody"}],
    ids=["no such part", "no number", "below nought", "no such teacher"],
)
def test_a_wish_that_cannot_be_is_refused_on_its_page(school: School, values: dict[str, str]) -> None:
    browser = visitor(school)
    assert browser.submit(browser.get("/waitlist"), values).status == 422


def test_the_same_wish_sent_twice_is_one_place_in_the_line(school: School) -> None:
    browser = visitor(school)
    form = browser.get("/waitlist")
    pages = [browser.submit(form, {"parts": "1"}) for _ in range(2)]
    assert [page.status for page in pages] == [200, 200]
    assert entry(school).parts == MORNING


def test_who_changes_her_wish_keeps_her_place(school: School) -> None:
    waits(school, parts=MORNING)
    before = entry(school)
    browser = visitor(school)
    form = browser.get(browser.get("/waitlist").links()["Modifier"])
    assert "reste la même" in form.text
    browser.submit(form, {"parts": ["4"]})
    after = entry(school)
    assert (after.id, after.created_at, after.parts) == (before.id, before.created_at, 4)


def test_who_waits_no_longer_says_so_in_one_tap_and_twice_is_harmless(school: School) -> None:
    waits(school)
    browser = visitor(school)
    page = browser.get("/waitlist")
    for _ in range(2):
        assert browser.submit(page, action="/waitlist/end").status == 200
    assert entry(school).outcome == WaitlistOutcome.WITHDRAWN
    assert "Vous attendez" not in browser.get("/bookings").text


def test_who_has_no_address_is_told_to_look_here(school: School) -> None:
    waits(school, factories.oksana)
    page = visitor(school, factories.oksana).get("/waitlist")
    assert "Nous vous écrivons" not in page.text
    assert "Regardez souvent" in page.text


def test_the_team_puts_a_learner_in_the_line_and_takes_her_out(school: School) -> None:
    samira = person_id(school, factories.samira)
    school.write(lambda s: setattr(factories.samira(s), "social_worker_id", factories.farid(s).id))
    taken(school)
    for who in (factories.nadia, factories.claire, factories.farid):
        browser = visitor(school, who)
        way = browser.get(f"/bookings/new?learner={samira}").links()["Me prévenir quand une place se libère"]
        page = browser.submit(browser.get(way), {"parts": "1"})
        assert "Samira est sur la liste d’attente" in page.text
        browser.submit(page, action="/waitlist/end")
    rows = school.read(lambda s: s.execute(select(WaitlistEntry.learner_id, WaitlistEntry.outcome)).all())
    assert [tuple(row) for row in rows] == [(samira, WaitlistOutcome.WITHDRAWN)] * 3


def test_nobody_waits_in_the_name_of_a_stranger(school: School) -> None:
    samira = person_id(school, factories.samira)
    for who in (factories.oksana, factories.farid):
        browser = visitor(school, who)
        assert browser.get(f"/waitlist?learner={samira}").status == 404
    browser = visitor(school, factories.oksana)
    assert browser.submit(browser.get("/waitlist"), {"learner": samira, "parts": "1"}).status == 404
    assert school.read(lambda s: s.scalar(select(func.count()).select_from(WaitlistEntry))) == 0
