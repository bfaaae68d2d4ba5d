"""`flask init`: a new school is opened once, with a link and no default password."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from lms.domain.people import directory
from lms.models import Organisation, Person
from tests.support.school import School

ANSWERS = [
    "--service",
    "CPAS de Charleroi",
    "--coordinator",
    "Claire Renard",
    "--email",
    "claire@cpas.example.be",
]


def test_a_school_is_opened_and_the_link_leads_to_a_password(school: School) -> None:
    result = school.app.test_cli_runner().invoke(args=["init", *ANSWERS])
    assert result.exit_code == 0, result.output
    assert len(school.read(directory.levels)) == 3
    link = re.search(r"http://localhost(/password/[\w-]+)", result.output)
    assert link
    visitor = school.visitor()
    visitor.submit(visitor.get(link.group(1)), {"password": "trois-vélos-verts"})
    assert visitor.get("/organisation").status == 200


def test_until_then_the_pages_say_that_the_school_is_not_open(school: School) -> None:
    closed = "Cette école n’est pas encore ouverte."
    assert all(closed in school.visitor().get(page).text for page in ("/card", "/login"))
    school.app.test_cli_runner().invoke(args=["init", *ANSWERS])
    assert not any(closed in school.visitor().get(page).text for page in ("/card", "/login"))


def test_what_is_not_given_is_asked(school: School) -> None:
    result = school.app.test_cli_runner().invoke(args=["init"], input="\n".join(ANSWERS[1::2]) + "\n")
    assert result.exit_code == 0, result.output
    assert school.read(lambda s: s.get_one(Organisation, 1).name) == "CPAS de Charleroi"


def test_a_second_time_is_refused_and_changes_nothing(school: School) -> None:
    runner = school.app.test_cli_runner()
    runner.invoke(args=["init", *ANSWERS])
    result = runner.invoke(args=["init", *ANSWERS[:4], "--email", "other@cpas.example.be"])
    assert result.exit_code == 1
    assert "already_founded" in result.output
    assert school.read(lambda s: s.scalar(select(func.count(Person.id)))) == 1


@pytest.mark.parametrize(
    ("place", "wrong"),
    [(1, " "), (3, " "), (5, " "), (1, "\u200b"), (5, "rené@cpas.example.be"), (5, "a@-b.be")],
)
def test_an_empty_or_wrong_answer_is_told(school: School, place: int, wrong: str) -> None:
    answers = [*ANSWERS[:place], wrong, *ANSWERS[place + 1 :]]
    assert school.app.test_cli_runner().invoke(args=["init", *answers]).exit_code == 2
    assert school.read(lambda s: s.get(Organisation, 1)) is None
