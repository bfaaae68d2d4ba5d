"""The printed page: made once, shown once."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain.people import cards, logins
from lms.models import AccessCard, Organisation
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.pages import Page, Visitor, filled
from tests.support.school import School


@pytest.fixture
def samira(school: School) -> str:
    return school.write(lambda s: factories.samira(s, language="ar").id)


@pytest.fixture
def nadia(school: School) -> Visitor:
    return school.visitor(school.write(factories.nadia))


def issue(nadia: Visitor, samira: str) -> Page:
    return nadia.submit(nadia.get(f"/people/{samira}"), action="/card")


def pin_on(page: Page) -> str:
    found = re.search(r'class="pin"><bdi dir="ltr">([0-9]{4})<', page.html)
    assert found, page.text
    return found.group(1)


def test_the_answer_is_the_card_to_print_and_it_enters(school: School, nadia: Visitor, samira: str) -> None:
    page = issue(nadia, samira)
    assert page.status == 200
    assert page.response.headers["Cache-Control"] == "private, no-store"
    article = page.root.all("article")[0]
    code = present(re.search(r"[0-9]{4}\s[0-9]{4}", article.text)).group()
    assert "Samira" in article.text
    assert article.all("svg")
    assert {e.get("lang") for e in article.all("div", "p") if e.get("lang")} == {"fr", "ar"}
    visitor = school.visitor()
    answer = visitor.submit(
        visitor.get("/card"), {"code": code, "pin": pin_on(page)}, action="/card/login", follow=False
    )
    assert answer.status == 303


def test_the_pin_is_beside_the_card_and_not_on_it(nadia: Visitor, samira: str) -> None:
    page = issue(nadia, samira)
    assert pin_on(page) not in page.root.all("article")[0].text.split()
    beside = [e for e in page.root.all("div") if "no-print" in e.get("class")]
    assert any(pin_on(page) in e.text and "Dites ce code, ne l’écrivez pas." in e.text for e in beside)


def test_where_pins_are_off_the_card_offers_no_code_to_type(
    school: School, nadia: Visitor, samira: str
) -> None:
    def switch_off(session: Session) -> None:
        session.get_one(Organisation, 1).pin_required = False

    school.write(switch_off)
    page = issue(nadia, samira)
    assert not re.search(r"[0-9]{4}\s[0-9]{4}", page.root.all("article")[0].text)
    assert "Sans code secret, la personne qui trouve la carte peut entrer." in page.text


def test_pressing_twice_makes_one_card_and_says_so(school: School, nadia: Visitor, samira: str) -> None:
    form_page = nadia.get(f"/people/{samira}")
    first = nadia.submit(form_page, action="/card")
    second = nadia.submit(form_page, action="/card")
    assert pin_on(first)
    assert second.root.all("h1")[0].text == "Samira"
    assert "La carte est déjà faite." in second.text
    assert school.read(lambda s: s.scalar(select(func.count(AccessCard.id)))) == 1


def test_a_new_card_ends_what_the_old_one_opened(school: School, nadia: Visitor, samira: str) -> None:
    old = school.write(lambda s: factories.printed_card(s, factories.samira(s)))
    visitor = school.visitor()
    visitor.submit(visitor.get(f"/card/{old.token}"), {"pin": old.pin}, action="/card/login", follow=False)
    assert visitor.get("/me").root.all("h1")[0].text == "Samira"
    issue(nadia, samira)
    assert visitor.get("/me").root.all("h1")[0].text != "Samira"


def test_a_new_pin_is_shown_once_and_the_old_one_is_dead(school: School, nadia: Visitor, samira: str) -> None:
    old = school.write(lambda s: factories.printed_card(s, factories.samira(s)))
    form_page = nadia.get(f"/people/{samira}")
    fresh = pin_on(nadia.submit(form_page, action="/card/pin"))
    again = nadia.submit(form_page, action="/card/pin")
    assert "Le code secret est déjà modifié." in again.text
    for pin, status in ((old.pin, 422), (fresh, 303)):
        if pin == fresh or old.pin != fresh:
            visitor = school.visitor()
            page = visitor.get(f"/card/{old.token}")
            assert visitor.submit(page, {"pin": pin}, action="/card/login", follow=False).status == status


def test_a_card_for_somebody_who_left_is_refused_by_a_page(
    school: School, nadia: Visitor, samira: str
) -> None:
    form_page = nadia.get(f"/people/{samira}")
    nadia.submit(form_page, action="/deactivation")
    assert nadia.submit(form_page, action="/card").status == 409


def test_a_social_worker_and_a_learner_make_no_card(school: School, nadia: Visitor, samira: str) -> None:
    form_page = nadia.get(f"/people/{samira}")
    for who in (factories.farid, factories.oksana):
        visitor = school.visitor(school.write(who))
        form = visitor.get("/me").form("/logout")
        answer = visitor.client.post(f"/people/{samira}/card", data=filled(form))
        assert answer.status_code == 404
    assert form_page.status == 200
    assert school.read(lambda s: cards.card_of(s, factories.samira(s))) is None


def test_entries_of_another_day_are_not_ended_by_unlocking(
    school: School, nadia: Visitor, samira: str
) -> None:
    school.write(lambda s: factories.printed_card(s, factories.samira(s)))
    token = school.write(lambda s: factories.entered(s, factories.samira(s)))

    def lock(session: Session) -> None:
        present(cards.card_of(session, factories.samira(session))).locked_at = NOW

    school.write(lock)
    page = nadia.submit(nadia.get(f"/people/{samira}"), action="/card/unlocking")
    assert "La carte est débloquée." in page.text
    assert school.read(lambda s: logins.find_active(s, token, now=NOW))
