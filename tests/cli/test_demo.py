"""`flask demo`: a school to try, in an empty house outside production."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import func, select

from lms.demo import builder
from lms.models import Person, Service
from tests import factories
from tests.support.school import House


def people(house: House) -> int:
    return house.read(lambda s: s.scalar(select(func.count(Person.id)))) or 0


def test_an_empty_house_becomes_the_demo_school_once_and_says_who_may_enter(house: House) -> None:
    runner = house.app.test_cli_runner()
    first = runner.invoke(args=["demo"])
    assert first.exit_code == 0, first.output
    for account in builder.accounts(house.settings.base_url):
        assert account.name in first.output
        assert account.way in first.output
    before = people(house)
    again = runner.invoke(args=["demo"])
    assert again.exit_code == 1
    assert "Error: there is a school already" in again.output
    assert "Traceback" not in again.output
    assert people(house) == before


def test_a_school_of_real_people_is_left_alone(house: House) -> None:
    house.write(lambda s: factories.samira(s).id)
    result = house.app.test_cli_runner().invoke(args=["demo"])
    assert (result.exit_code, result.output) == (1, "Error: there is a school already\n")
    assert people(house) == 1


def test_production_has_no_demo_school(house: House) -> None:
    house.app.extensions["lms_settings"] = replace(house.settings, env="production")
    result = house.app.test_cli_runner().invoke(args=["demo"])
    assert (result.exit_code, result.output) == (1, "Error: there is no demo school in production\n")
    assert house.read(lambda s: s.get(Service, 1)) is None
