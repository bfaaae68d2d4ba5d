from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from lms.domain.homework import correction
from lms.models import AuditEvent, Feedback, OutboxItem, Score
from tests import make
from tests.house import House, open_house
from tests.make import NOW
from tests.pages import Page, Visitor
from tests.smtp import SmtpServer


@pytest.fixture
def copy(house: House) -> str:
    """The id of Samira's first copy."""

    def write(session):  # type: ignore[no-untyped-def]
        make.criteria(session)
        return make.sent(session, make.samira(session), make.assignment(session)).id

    return house.write(write)


@pytest.fixture
def nadia(house: House, copy: str) -> Visitor:
    return house.visitor(house.write(make.nadia))


@pytest.fixture
def luc(house: House, copy: str) -> Visitor:
    return house.visitor(house.write(make.luc))


def press(teacher: Visitor, page: Page, action: str, **values: object) -> Page:
    form = page.form(page.url.split("?")[0].rsplit("/", 1)[-1])
    return teacher.submit(page, {"action": action, **values}, action=form.get("action"))


def bands(house: House, *values: int) -> dict[str, str]:
    found = house.write(make.criteria)
    return {f"band-{criterion.id}": str(value) for criterion, value in zip(found, values, strict=False)}


def test_a_copy_is_returned_with_bands_and_a_comment(house: House, nadia: Visitor, copy: str) -> None:
    queue = nadia.get("/corrections")
    assert "Samira" in queue.text and f"/corrections/{copy}" in queue.html
    page = nadia.get(f"/corrections/{copy}")
    assert "Lundi, mardi, mercredi." in page.text
    assert "Samira reçoit un e-mail en français et en arabe." in page.text
    after = press(nadia, page, "return", comment="Bravo.", **bands(house, 3, 1, 0))
    assert after.status == 200 and "Aucune copie à corriger." in after.text
    feedback = house.read(lambda s: s.scalars(select(Feedback)).one())
    assert feedback.returned_at is not None and not feedback.redo_requested
    assert sorted(house.read(lambda s: s.scalars(select(Score.band)).all())) == [0, 1, 3]
    assert house.read(lambda s: s.scalars(select(OutboxItem.about_id)).all()) == [feedback.id]
    assert "feedback_returned" in house.read(lambda s: s.scalars(select(AuditEvent.action)).all())
