"""The listen button: her own language where the device has a voice, else the French words."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest
from sqlalchemy.orm import Session

from lms.clock import now
from lms.models import Person
from tests import factories
from tests.support.pages import Visitor
from tests.support.school import School


def appointment(session: Session) -> tuple[Person, str]:
    amal = factories.learner(session, "Amal", language="ar")
    factories.all_week(session, factories.luc(session))
    monday = datetime.combine(factories.coming_monday(), time(13), UTC)
    return amal, factories.booked(session, amal, factories.luc(session), monday, now=now()).id


def said(visitor: Visitor, path: str) -> tuple[str | None, str | None]:
    button = next(b for b in visitor.get(path).root.all("button") if b.get("class") == "listen")
    return button.get("data-listen"), button.get("data-listen-fr")


@pytest.mark.parametrize("path", ["/", "/lessons", "/homework", "/bookings", "/bookings/new", "/me"])
def test_a_page_in_arabic_carries_its_words_in_french_too(school: School, path: str) -> None:
    amal, _number = school.write(appointment)
    own, french = said(school.visitor(amal), path)
    assert own is not None
    assert french is not None
    assert any("\u0600" <= letter <= "\u06ff" for letter in own)
    assert not any("\u0600" <= letter <= "\u06ff" for letter in french)


def test_the_day_of_an_appointment_is_said_in_both(school: School) -> None:
    amal, number = school.write(appointment)
    own, french = said(school.visitor(amal), f"/bookings/{number}")
    assert "الاثنين" in (own or "")
    assert "lundi" in (french or "")
    assert "Avec Luc" in (french or "")


def test_a_french_page_says_its_words_once(school: School) -> None:
    visitor = school.visitor(school.write(lambda s: factories.learner(s, "Grace", language="fr")))
    assert not said(visitor, "/")[1]
