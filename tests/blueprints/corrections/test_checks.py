"""On the page of a second attempt: what changed, and the marks of the first one to confirm."""

from __future__ import annotations

import pytest

from lms.models import Attempt
from tests import factories
from tests.domain.homework.test_comparison import two_attempts
from tests.support.pages import Visitor
from tests.support.returns import let_undo_pass
from tests.support.school import School


@pytest.fixture
def second(school: School) -> str:
    """The id of the second attempt of Samira."""
    return school.write(lambda s: two_attempts(s)[0].id)


@pytest.fixture
def nadia(school: School, second: str) -> Visitor:
    return school.visitor(school.read(lambda s: factories.nadia(s).id))


def test_what_changed_is_told_to_those_who_do_not_see_colours(nadia: Visitor, second: str) -> None:
    page = nadia.get(f"/corrections/{second}")
    assert "Comparé à l’essai 1" in page.text
    assert [each.text for each in page.root.all("del")] == ["Supprimé : prend"]
    assert [each.text for each in page.root.all("ins")] == ["Ajouté : prends"]


def test_one_press_confirms_a_mark_and_the_learner_reads_it_with_the_return(
    school: School, nadia: Visitor, second: str
) -> None:
    page = nadia.get(f"/corrections/{second}")

    def pressed() -> list[str]:
        return [each.get("value") for each in page.root.all("button") if each.get("aria-pressed") == "true"]

    rows = [each for each in page.root.all("li") if each.get("id").startswith("check-")]
    assert [each.get("id") for each in rows] == ["check-0", "check-2"]
    values = {name.get("name"): name.get("value") for name in rows[0].all("input")}
    page = nadia.submit(page, {**values, "answer": "mended"}, action=f"{second}/checks")
    assert (page.url, pressed()) == (f"/corrections/{second}", ["open"])
    assert "mon brouillon" in nadia.get("/corrections").text
    samira = school.visitor(school.read(lambda s: factories.samira(s).id))
    work = school.read(lambda s: s.get_one(Attempt, second).submission_id)
    assert "c’est corrigé" not in samira.get(f"/submissions/{work}").text
    nadia.submit(page, {"comment": "Bravo"}, action=second, button=f"{second}/return")
    school.write(let_undo_pass)
    assert samira.get(f"/submissions/{work}").text.count("c’est corrigé") == 1
    assert "c’est corrigé" in nadia.get(f"/corrections/{second}").text


def test_who_presses_on_an_old_page_is_told_and_a_wrong_answer_is_none(nadia: Visitor, second: str) -> None:
    page = nadia.get(f"/corrections/{second}")
    assert nadia.submit(page, {"answer": "x"}, action=f"{second}/checks").status == 400
    assert nadia.submit(page, {"answer": "again", "returned": "no"}, action=f"{second}/checks").status == 404
    nadia.submit(page, {"comment": "Bravo"}, action=second, button=f"{second}/return")
    late = nadia.submit(page, {"answer": "again"}, action=f"{second}/checks")
    assert "déjà rendue" in late.text


def test_a_second_attempt_costs_one_statement_more(school: School, nadia: Visitor, second: str) -> None:
    with school.counting_statements() as sent:
        nadia.get(f"/corrections/{second}")
    assert len([each for each in sent if "mark_check" in each]) == 1
