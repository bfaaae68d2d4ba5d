"""The comment bank on the page of a copy and on its own page."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.models import Feedback, Phrase
from tests import factories
from tests.support.pages import Visitor
from tests.support.school import School

PLURAL, ARTICLE = "Pensez au pluriel.", "« La » ou « le » ?"


@pytest.fixture
def copy(school: School) -> str:
    """The id of Samira's copy, in a school in which two sentences have been returned twice."""

    def write(session: Session) -> str:
        work = factories.assignment(session)
        for number in range(2):
            done = factories.sent(session, factories.learner(session, f"Zeid{number} Omran{number}"), work)
            factories.answered(session, done, comment=f"{PLURAL} {ARTICLE}")
        return factories.sent(session, factories.samira(session), work).id

    return school.write(write)


@pytest.fixture
def nadia(school: School, copy: str) -> Visitor:
    return school.visitor(school.read(lambda s: factories.nadia(s).id))


def phrase_id(school: School, text: str) -> str:
    return school.read(lambda s: s.scalars(select(Phrase.id).where(Phrase.text == text)).one())


def test_without_script_the_button_of_a_phrase_keeps_what_is_typed_and_adds_it(
    school: School, nadia: Visitor, copy: str
) -> None:
    page = nadia.get(f"/corrections/{copy}")
    chips = {each.text: each.get("value") for each in page.root.all("button") if each.get("name") == "phrase"}
    assert set(chips) == {PLURAL, ARTICLE}
    typed = {"comment": "Bravo.", "next_step": "Le pluriel", "phrase": chips[ARTICLE]}
    page = nadia.submit(page, typed, action=copy)
    assert [area.text for area in page.root.all("textarea")] == [f"Bravo. {ARTICLE}", "Le pluriel"]
    assert school.read(lambda s: s.scalar(select(Feedback.comment).where(Feedback.returns == 0))) == (
        f"Bravo. {ARTICLE}"
    )
    page = nadia.submit(page, {"comment": "Bien.", "phrase": "no-such-phrase"}, action=copy)
    assert page.root.all("textarea")[0].text == "Bien."


def test_the_key_enter_presses_no_phrase(nadia: Visitor, copy: str) -> None:
    buttons = nadia.get(f"/corrections/{copy}").form(copy).all("button")
    assert (buttons[0].get("name"), "hidden" in buttons[0].attrs) == ("", True)


def test_the_phrases_cost_the_page_of_a_copy_one_statement(school: School, nadia: Visitor, copy: str) -> None:
    def count() -> list[str]:
        with school.counting_statements() as sent:
            assert nadia.get(f"/corrections/{copy}").status == 200
        return [each for each in sent if "phrase" in each]

    assert len(count()) == 1


def test_teachers_search_change_and_hide_phrases(school: School, nadia: Visitor, copy: str) -> None:
    page = nadia.get(nadia.get("/corrections").links()["Phrases"])
    assert page.root.all("h1")[0].text == "Phrases · 2"
    page = nadia.get("/phrases?q=PLUR")
    assert [row.all("th")[0].text for row in page.root.all("tr")[1:]] == [PLURAL]
    assert "2 fois" in page.text
    plural = phrase_id(school, PLURAL)
    edit = nadia.get(page.links()[PLURAL])
    assert nadia.submit(edit, {"text": " "}, action=f"phrases/{plural}").status == 422
    page = nadia.submit(edit, {"text": "Pensez au pluriel\u202f!"}, action=f"phrases/{plural}")
    assert "La phrase est enregistrée." in page.text
    page = nadia.submit(page, {}, action=f"phrases/{plural}/hide")
    assert "Pensez" not in nadia.get(f"/corrections/{copy}").text
    page = nadia.submit(nadia.get("/phrases?hidden=1"), {}, action=f"phrases/{plural}/show")
    assert "Aucune phrase cachée" in page.text
    assert "Pensez au pluriel\u202f!" in nadia.get(f"/corrections/{copy}").html


def test_two_phrases_are_merged(school: School, nadia: Visitor, copy: str) -> None:
    plural, article = phrase_id(school, PLURAL), phrase_id(school, ARTICLE)
    page = nadia.get(f"/phrases/{plural}")
    assert ARTICLE in page.text
    page = nadia.submit(page, {}, action=f"phrases/{plural}/merge")
    assert (page.url, "4 fois" in page.text) == (f"/phrases/{plural}", True)
    assert nadia.get(f"/phrases/{article}").status == 404
    assert ARTICLE not in nadia.get("/phrases").text
    assert school.read(lambda s: s.scalar(select(func.count(Phrase.id)))) == 2


def test_a_bank_without_a_phrase_says_how_one_comes(school: School) -> None:
    nadia = school.visitor(school.write(factories.nadia))
    assert "Rendez deux copies avec la même phrase" in nadia.get("/phrases").text
    assert "Aucun résultat" in nadia.get("/phrases?q=x").text
    claire = school.visitor(school.write(factories.claire))
    assert claire.get("/phrases").status == 404
