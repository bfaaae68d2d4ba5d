"""What a learner gets wrong most: on the page of the person, before an appointment, and of a level."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.clock import now
from lms.models import ErrorCount, MarkCode, ReturnedFeedback
from tests import factories
from tests.support.appointments import at, booked, week_and_luc
from tests.support.school import School

COUNTS = {MarkCode.AGREEMENT: 3, MarkCode.CONJUGATION: 2, MarkCode.SPELLING: 1, MarkCode.GOOD: 4}


@pytest.fixture
def samira(school: School) -> str:
    """The id of Samira, who has a corrected copy."""

    def write(session: Session) -> str:
        learner = factories.samira(session)
        factories.answered(
            session, factories.sent(session, learner, factories.assignment(session)), now=now()
        )
        returned = session.scalars(select(ReturnedFeedback)).one()
        for code, number in COUNTS.items():
            session.add(
                ErrorCount(
                    returned_feedback_id=returned.id,
                    code=code,
                    learner_id=learner.id,
                    level_id=factories.level(session).id,
                    number=number,
                )
            )
        return learner.id

    return school.write(write)


def test_teachers_read_the_errors_of_a_learner_and_others_do_not(school: School, samira: str) -> None:
    page = school.visitor(school.write(factories.nadia)).get(f"/people/{samira}").text
    for said in (
        "Erreurs fréquentes · Niveau 1",
        "Accord : 3 fois",
        "Conjugaison : 2 fois",
        "« bien » : 4 fois",
    ):
        assert said in page
    for role in (factories.claire, factories.farid):
        assert "Erreurs" not in school.visitor(school.write(role)).get(f"/people/{samira}").text


def test_the_page_of_an_appointment_has_the_two_most_frequent_errors(school: School, samira: str) -> None:
    school.write(week_and_luc)
    booking = booked(school, at("10:00"))
    page = school.visitor(school.read(lambda s: factories.nadia(s).id)).get(f"/bookings/{booking}").text
    assert "À travailler" in page
    assert "Accord : 3 fois" in page
    assert "Conjugaison : 2 fois" in page
    assert "Orthographe" not in page
    assert "À travailler" not in school.visitor(samira).get(f"/bookings/{booking}").text


def test_the_lessons_of_a_level_say_what_was_wrong_most_in_a_month(school: School, samira: str) -> None:
    page = school.visitor(school.write(factories.nadia)).get("/lessons").text
    assert "Erreurs des 30 derniers jours : A Accord 3 C Conjugaison 2 O Orthographe 1" in page
    assert "Erreurs" not in school.visitor(school.write(factories.claire)).get("/lessons").text
