from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from tests import factories
from tests.support.school import School


def _passing(digits: str = "850730000") -> str:
    check = 97 - int(digits) % 97
    return f"{digits[:2]}.{digits[2:4]}.{digits[4:6]}-{digits[6:]}.{check:02d}"


@pytest.mark.parametrize("field", ["comment", "next_step"])
def test_a_national_number_in_an_answer_is_refused_and_the_words_stay(school: School, field: str) -> None:
    copy = school.write(lambda s: factories.sent(s, factories.samira(s), factories.assignment(s)).id)
    nadia = school.visitor(school.write(factories.nadia))
    page = nadia.get(f"/corrections/{copy}")
    typed = {"comment": "Bravo.", field: f"Bravo. Numéro {_passing()}"}
    answer = nadia.submit(page, typed, action=f"/corrections/{copy}", button="/return")
    assert answer.status == 422
    assert "Pas de numéro national ici. Effacez-le." in answer.text
    assert _passing() in answer.html
    again = nadia.submit(answer, {"comment": "Bravo, 12 phrases.", "next_step": ""}, button="/return")
    assert again.status == 200


def test_why_an_hour_is_cancelled_holds_no_national_number(school: School) -> None:
    def booked(session: Session) -> str:
        nadia = factories.nadia(session)
        factories.all_week(session, nadia)
        starts = factories.wall(factories.coming_monday().isoformat(), "10:00")
        return factories.booked(session, factories.samira(session), nadia, starts).id

    booking = school.write(booked)
    nadia = school.visitor(school.write(factories.nadia))
    page = nadia.get(f"/bookings/{booking}")
    answer = nadia.submit(page, {"reason": f"Malade {_passing()}"}, action="/cancellation")
    assert answer.status == 422
    assert "Pas de numéro national ici. Effacez-le." in answer.text
