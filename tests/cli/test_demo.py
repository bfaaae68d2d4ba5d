"""`flask demo`: a school to try, in an empty house outside production."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import func, select

from lms.demo import builder
from lms.models import Organisation, Person
from tests import factories
from tests.support.school import School


def people(school: School) -> int:
    return school.read(lambda s: s.scalar(select(func.count(Person.id)))) or 0


def test_an_empty_house_becomes_the_demo_school_once_and_says_who_may_enter(school: School) -> None:
    runner = school.app.test_cli_runner()
    first = runner.invoke(args=["demo"])
    assert first.exit_code == 0, first.output
    for account in builder.accounts(school.app):
        assert account.name in first.output
        assert account.way in first.output
    before = people(school)
    again = runner.invoke(args=["demo"])
    assert again.exit_code == 1
    assert "Error: there is a school already" in again.output
    assert "Traceback" not in again.output
    assert people(school) == before


def test_a_school_of_real_people_is_left_alone(school: School) -> None:
    school.write(lambda s: factories.samira(s).id)
    result = school.app.test_cli_runner().invoke(args=["demo"])
    assert (result.exit_code, result.output) == (1, "Error: there is a school already\n")
    assert people(school) == 1


def test_production_has_no_demo_school(school: School) -> None:
    school.app.extensions["lms_settings"] = replace(school.settings, env="production")
    result = school.app.test_cli_runner().invoke(args=["demo"])
    assert (result.exit_code, result.output) == (1, "Error: there is no demo school in production\n")
    assert school.read(lambda s: s.get(Organisation, 1)) is None
