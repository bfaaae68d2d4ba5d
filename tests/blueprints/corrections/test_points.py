"""DELF points: coordinators write the scales, teachers who want to see them, learners never do."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from lms.models import Attempt
from tests import factories
from tests.support.pages import Page, Visitor
from tests.support.returns import let_undo_pass
from tests.support.school import School


@pytest.fixture
def copy(school: School) -> str:
    """The id of Samira's copy, at a level whose criteria have the points of A1."""

    def write(session: Session) -> str:
        for criterion in factories.criteria(session):
            criterion.points = [0, 0.5, 2, 3]
        factories.nadia(session)
        return factories.sent(session, factories.samira(session), factories.assignment(session)).id

    return school.write(write)


@pytest.fixture
def nadia(school: School, copy: str) -> Visitor:
    return school.visitor(school.read(lambda s: factories.nadia(s).id))


def give_back(school: School, nadia: Visitor, copy: str) -> Page:
    criteria = school.read(factories.criteria)
    bands = {f"band-{criterion.id}": "1" for criterion in criteria[:2]}
    page = nadia.get(f"/corrections/{copy}")
    nadia.submit(page, {"comment": "Bien", **bands}, action=copy, button=f"{copy}/return")
    return nadia.get(f"/corrections/{copy}")


def test_a_teacher_who_wants_points_sees_the_sum_and_the_learner_does_not(
    school: School, nadia: Visitor, copy: str
) -> None:
    assert "DELF" not in nadia.get(f"/corrections/{copy}").text
    page = nadia.submit(nadia.get("/me"), {"delf_points": "y"}, action="/me")
    assert page.status == 200
    assert "Points DELF : 0 / 9" in nadia.get(f"/corrections/{copy}").text
    assert "points DELF : 1 / 9" in give_back(school, nadia, copy).text
    school.write(let_undo_pass)
    samira = school.visitor(school.read(lambda s: factories.samira(s).id))
    work = school.read(lambda s: s.get_one(Attempt, copy).submission_id)
    read = samira.get(f"/submissions/{work}")
    assert "Bien" in read.text
    assert "DELF" not in read.html
    assert "/ 9" not in read.text


def test_points_are_nowhere_until_a_teacher_asks_for_them(school: School, nadia: Visitor, copy: str) -> None:
    assert "DELF" not in give_back(school, nadia, copy).html


def test_a_coordinator_writes_the_points_of_a_level(school: School, copy: str) -> None:
    claire = school.visitor(school.write(factories.claire))
    level = school.read(lambda s: factories.level(s).id)
    first, second = (f"{each.id}-scale" for each in school.read(factories.criteria)[:2])
    page = claire.get(f"/organisation/levels/{level}")
    assert page.html.count("0 / 0,5 / 2 / 3") >= 3
    values = {first: "0 / 1 / 3 / 5", second: "5/3/1"}
    wrong = claire.submit(page, values, action=f"levels/{level}/points")
    assert (wrong.status, "Écrivez quatre nombres qui montent" in wrong.text) == (422, True)
    assert 'value="5/3/1"' in wrong.html
    assert (
        claire.submit(page, {first: "0 / 1 / 3 / 5", second: ""}, action=f"levels/{level}/points").status
        == 200
    )
    stored = {each.id: each.points for each in school.read(factories.criteria)}
    assert stored[first.removesuffix("-scale")] == [0, 1, 3, 5]
    assert stored[second.removesuffix("-scale")] is None
