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


def chosen(school: School, nadia: Visitor, *ids: str) -> Page:
    return nadia.get("/people/cards?" + "&".join(f"person={one}" for one in ids))


def test_several_cards_are_asked_about_then_made_with_their_pins_on_a_list_of_their_own(
    school: School, nadia: Visitor, samira: str
) -> None:
    oksana = school.write(lambda s: factories.oksana(s).id)
    asked = chosen(school, nadia, samira, oksana)
    assert "2 cartes vont être faites." in asked.text
    assert "anciennes cartes" not in asked.text
    page = nadia.submit(asked, action="/people/cards")
    assert page.response.headers["Cache-Control"] == "private, no-store"
    sheets, pins = page.root.all("article"), pins_of(page)
    assert [name for name, _ in pins] == ["Oksana Bondar", "Samira"]
    for sheet, (name, pin) in zip(sheets, pins, strict=True):
        assert name in sheet.text
        assert sheet.all("svg")
        code = present(re.search(r"[0-9]{4}\s[0-9]{4}", sheet.text)).group()
        visitor = school.visitor()
        login = visitor.submit(
            visitor.get("/card"), {"code": code, "pin": pin}, action="/card/login", follow=False
        )
        assert login.status == 303


def pins_of(page: Page) -> list[tuple[str, str]]:
    """Return names and PINs of the list."""
    rows = [row for row in page.root.all("tr") if row.all("td")]
    return [(row.all("th")[0].text, row.all("td")[0].text) for row in rows]


def test_no_pin_is_among_the_cards_and_no_card_is_among_the_pins(
    school: School, nadia: Visitor, samira: str
) -> None:
    page = nadia.submit(chosen(school, nadia, samira), action="/people/cards")
    parts = {part.get("id"): part for part in page.root.all("section")}
    ((_name, pin),) = pins_of(page)
    assert pin not in re.findall("[0-9]+", parts["cards"].text.replace("\N{NO-BREAK SPACE}", ""))
    assert parts["pins"].all("svg", "article") == []
    code = present(re.search(r"[0-9]{4}\s[0-9]{4}", parts["cards"].text)).group()
    assert code[5:] not in parts["pins"].text
    assert "Gardez-la à part des cartes." in parts["pins"].text


def test_two_people_of_one_name_are_told_apart_by_the_end_of_the_code(
    school: School, nadia: Visitor, samira: str
) -> None:
    other = school.write(lambda s: factories.learner(s, "SAMIRA").id)
    page = nadia.submit(chosen(school, nadia, samira, other), action="/people/cards")
    ends = [
        present(re.search(r"[0-9]{4}\s[0-9]{4}", card.text)).group()[-3:] for card in page.root.all("article")
    ]
    assert [name.rpartition(" ")[2] for name, _ in pins_of(page)] == ends


def test_where_pins_are_off_several_cards_have_no_list_of_pins(
    school: School, nadia: Visitor, samira: str
) -> None:
    def switch_off(session: Session) -> None:
        session.get_one(Organisation, 1).pin_required = False

    school.write(switch_off)
    page = nadia.submit(chosen(school, nadia, samira), action="/people/cards")
    assert pins_of(page) == []
    assert "Code secret" not in page.root.all("main")[0].text
    assert not re.search(r"[0-9]{4}\s[0-9]{4}", page.root.all("article")[0].text)


def test_whoever_has_a_card_is_named_before_and_that_card_is_dead_afterwards(
    school: School, nadia: Visitor, samira: str
) -> None:
    old = school.write(lambda s: factories.printed_card(s, factories.samira(s)))
    oksana = school.write(lambda s: factories.oksana(s).id)
    asked = chosen(school, nadia, samira, oksana)
    assert "1 personne a déjà une carte. Les anciennes cartes ne marchent plus." in asked.text
    rest = nadia.get(asked.links()["Seulement les personnes sans carte"])
    assert "1 carte va être faite." in rest.text
    nadia.submit(asked, action="/people/cards")
    assert school.read(lambda s: cards.card_by_token(s, old.token)) is None


def test_the_form_of_several_cards_sent_twice_makes_them_once(
    school: School, nadia: Visitor, samira: str
) -> None:
    oksana = school.write(lambda s: factories.oksana(s).id)
    asked = chosen(school, nadia, samira, oksana)
    nadia.submit(asked, action="/people/cards")
    again = nadia.submit(asked, action="/people/cards")
    assert "Les cartes sont déjà faites." in again.text
    assert school.read(lambda s: s.scalar(select(func.count(AccessCard.id)))) == 2


def test_a_choice_with_somebody_who_left_makes_no_card_and_says_who(
    school: School, nadia: Visitor, samira: str
) -> None:
    oksana = school.write(lambda s: factories.oksana(s).id)
    asked = chosen(school, nadia, samira, oksana)
    nadia.submit(nadia.get(f"/people/{oksana}"), action="/deactivation")
    page = nadia.submit(asked, action="/people/cards")
    assert page.status == 422
    assert "Cette personne ne vient plus. Réactivez-la d’abord." in page.text
    (line,) = [item for item in page.root.all("li") if "Ne vient plus" in item.text]
    assert "Oksana Bondar" in line.text
    assert school.read(lambda s: s.scalar(select(func.count(AccessCard.id)))) == 0


def test_sixty_cards_are_made_at_once_with_as_many_statements_as_two_and_no_more_than_sixty(
    school: School, nadia: Visitor
) -> None:
    def statements(asked: Page) -> int:
        with school.counting_statements() as sent:
            assert nadia.submit(asked, action="/people/cards").status == 200
        return len(sent)

    ids = school.write(lambda s: [factories.learner(s, f"Apprenant {n}").id for n in range(62)])
    few = statements(chosen(school, nadia, *ids[60:]))
    everybody = chosen(school, nadia, *ids[:60])
    assert statements(everybody) == few
    refused = chosen(school, nadia, *ids[:61])
    assert refused.url == "/people"
    assert "Choisissez 60 personnes au plus à la fois." in refused.text


def test_only_learners_whom_one_may_see_get_a_card(school: School, nadia: Visitor, samira: str) -> None:
    luc = school.write(lambda s: factories.luc(s).id)
    asked = chosen(school, nadia, samira)
    form = filled(asked.form("/people/cards"))
    for ids in ([luc], [samira, luc], ["nobody-at-all"]):
        assert nadia.client.post("/people/cards", data={**form, "person": ids}).status_code == 404

    def assign(session: Session) -> None:
        factories.samira(session).social_worker_id = factories.farid(session).id

    school.write(assign)
    for who in (factories.farid, factories.oksana):
        visitor = school.visitor(school.write(who))
        assert visitor.get(f"/people/cards?person={samira}").status == 404
        mine = filled(visitor.get("/me").form("/logout"))
        assert visitor.client.post("/people/cards", data={**mine, "person": samira}).status_code == 404
    assert school.read(lambda s: s.scalar(select(func.count(AccessCard.id)))) == 0


def test_without_anybody_chosen_the_page_says_where_to_choose(nadia: Visitor) -> None:
    page = nadia.get("/people/cards")
    assert "Choisissez des apprenants" in page.text
    for query in ("added=1&level=nowhere", "added=x&level=%00", "added=99999999999999&level=a"):
        assert nadia.get(f"/people/cards?{query}").status == 200
    assert nadia.get("/people/cards?person=%00").status == 404


def test_just_added_learners_get_their_cards_and_nobody_else(
    school: School, nadia: Visitor, samira: str
) -> None:
    level = school.write(lambda s: factories.level(s).id)
    page = nadia.get("/people/several")
    asked = nadia.submit(page, {"names": "Ahmad\nGrace Mbala", "level_id": level}, action="/several")
    made = nadia.submit(asked, action="/people/cards")
    assert [name for name, _ in pins_of(made)] == ["Ahmad", "Grace Mbala"]
    assert school.read(lambda s: cards.people_with_card(s, [samira])) == set()
