"""The lists of copies as teachers see them, and the way along one from copy to copy."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from lms.clock import now
from lms.models import Attempt
from tests import factories
from tests.factories import NOW
from tests.support.pages import Page, Visitor, filled
from tests.support.school import School

NAMES = ("Ahmad Ali", "Élodie Kaya", "Samira Haddad")


@pytest.fixture
def sent(school: School) -> list[str]:
    """The ids of three copies that wait, the oldest first."""

    def write(session: Session) -> list[str]:
        factories.nadia(session)
        work = factories.assignment(session)
        return [
            factories.sent(
                session, factories.learner(session, name), work, now=NOW + timedelta(hours=number)
            ).id
            for number, name in enumerate(NAMES)
        ]

    return school.write(write)


@pytest.fixture
def nadia(school: School, sent: list[str]) -> Visitor:
    return school.visitor(school.read(lambda s: factories.nadia(s).id))


def answer(school: School, *attempt_ids: str, redo: bool = False, after: int = 0) -> None:
    def write(session: Session) -> None:
        for number, each in enumerate(attempt_ids):
            copy = session.get_one(Attempt, each)
            factories.answered(session, copy, redo=redo, now=NOW + timedelta(days=1, hours=number + after))

    school.write(write)


def listed(page: Page) -> list[str]:
    return [row.all("th")[0].text for row in page.root.all("tr")[1:]]


def test_a_returned_copy_says_when_by_whom_and_what_became_of_its_mail(
    school: School, nadia: Visitor, sent: list[str]
) -> None:
    answer(school, *sent[:2])
    answer(school, sent[2], redo=True, after=2)
    page = nadia.get(nadia.get("/corrections").links()["Rendues"])
    assert page.root.all("h1")[0].text == "Rendues"
    assert listed(page) == ["Samira Haddad", "Élodie Kaya", "Ahmad Ali"]
    row = page.root.all("tr")[1].text
    for said in ("Nadia", "E-mail en attente.", "à refaire"):
        assert said in row
    again = nadia.get(page.links()["À refaire"])
    assert (listed(again), "à refaire" in again.text) == (["Samira Haddad"], False)


def test_the_page_of_a_copy_leads_along_the_list_and_the_search_it_was_opened_from(
    school: School, nadia: Visitor, sent: list[str]
) -> None:
    answer(school, *sent)
    page = nadia.get("/corrections", query_string={"list": "returned", "q": "A"})
    page = nadia.get(page.links()["Élodie Kaya"])
    assert page.url == f"/corrections/{sent[1]}?list=returned&q=A"
    beside = {link.get("rel"): link.get("href") for link in page.root.all("a") if link.get("rel")}
    assert beside == {
        "prev": f"/corrections/{sent[2]}?list=returned&q=A#copy",
        "next": f"/corrections/{sent[0]}?list=returned&q=A#copy",
    }
    completing = nadia.get(page.links()["Compléter la réponse"])
    assert "list=returned&q=A" in completing.url
    assert completing.form().get("action") == f"/corrections/{sent[1]}?list=returned&q=A"
    assert nadia.get(page.links()["Liste"]).url == "/corrections?list=returned&q=A"
    assert "q=" not in page.links()["Aujourd’hui"]


def test_after_a_return_comes_the_next_copy_of_the_search(
    school: School, nadia: Visitor, sent: list[str]
) -> None:
    def give_back(copy: str, text: str) -> Page:
        page = nadia.get(f"/corrections/{copy}?q={text}")
        return nadia.submit(page, {"comment": "Bien"}, action=copy, button=f"{copy}/return?q={text}")

    page = give_back(sent[0], "sam")
    assert page.url == f"/corrections/{sent[2]}?returned=1&q=sam"
    page = give_back(sent[2], "sam")
    assert page.url == "/corrections?q=sam"
    assert "Aucun résultat" in page.text


def test_the_search_stays_in_its_list_and_a_list_that_is_empty_says_so(
    school: School, nadia: Visitor, sent: list[str]
) -> None:
    page = nadia.get("/corrections?list=redo")
    assert "Aucune copie à refaire" in page.text
    answer(school, sent[1])
    fields = filled(nadia.get("/corrections?list=returned&q=a").form())
    assert fields == {"q": "a", "list": "returned"}
    page = nadia.get("/corrections", query_string={**fields, "q": "elodie"})
    assert listed(page) == ["Élodie Kaya"]
    page = nadia.get("/corrections?list=returned&q=ahmad")
    assert "Aucun résultat" in page.text
    assert listed(nadia.get(page.links()["Voir toute la liste"])) == ["Élodie Kaya"]
    assert nadia.get("/corrections", query_string={"list": "x" * 99, "q": "'\x00%" * 99}).status == 200


def test_one_or_thirty_copies_cost_the_same_statements_in_every_list(
    school: School, nadia: Visitor, sent: list[str]
) -> None:
    answer(school, *sent[:2], redo=True)

    def count(path: str) -> int:
        with school.counting_statements() as found:
            assert nadia.get(path).status == 200
        return len(found)

    which = ("waiting", "redo", "returned")
    lists = [f"/corrections?list={each}&q={text}" for each in which for text in ("", "a")]
    desks = [f"/corrections/{sent[0]}?list={each}&q=a" for each in which]
    few = [count(path) for path in lists + desks]

    def thirty(session: Session) -> None:
        work = factories.assignment(session)
        for number in range(60):
            copy = factories.sent(session, factories.learner(session, f"Personne Adam {number}"), work)
            if number % 2:
                factories.answered(session, copy, redo=True)

    school.write(thirty)
    many = [count(path) for path in lists + desks]
    # A search that finds no whole page asks once more whether it has seen all.
    assert all(now_sent <= sent_before for now_sent, sent_before in zip(many, few, strict=True))
    assert max(few[:6]) <= 8
    assert max(few[6:]) <= 12


def test_a_coordinator_opens_the_person_from_every_list(school: School, sent: list[str]) -> None:
    answer(school, sent[0], redo=True)
    claire = school.visitor(school.write(factories.claire))
    for which in ("redo", "returned"):
        page = claire.get(f"/corrections?list={which}")
        assert page.links()["Ahmad Ali"].startswith("/people/")
        assert sent[0] not in page.html


def test_a_copy_that_waits_for_more_than_a_week_says_so_in_words(school: School, nadia: Visitor) -> None:
    def write(session: Session) -> None:
        work = factories.assignment(session)
        for name, days in (("Vieux Devoir", 8), ("Jeune Devoir", 6)):
            sent = now() - timedelta(days=days)
            factories.sent(session, factories.learner(session, name), work, now=sent)

    school.write(write)
    rows = {row.all("th")[0].text: row.text for row in nadia.get("/corrections").root.all("tr")[1:]}
    assert "attend depuis plus de 7 jours" in rows["Vieux Devoir"]
    assert "attend depuis plus de 7 jours" not in rows["Jeune Devoir"]
