"""The hour itself: its door, what she wants to ask, what is to do next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from lms import clock
from lms.domain.booking import attendance
from lms.models import Booking, Person
from tests import factories
from tests.support.appointments import HOUR, at, booked, mornings, visitor
from tests.support.pages import Page
from tests.support.school import School


@pytest.fixture(autouse=True)
def hours(school: School) -> None:
    school.write(mornings)


def shift(school: School, made: str, starts: datetime) -> None:
    """As if the hour were another one, without asking the rules."""

    def change(session: Session) -> None:
        booking = session.get_one(Booking, made)
        quarter = datetime.fromtimestamp(int(starts.timestamp()) // 900 * 900, tz=starts.tzinfo)
        booking.starts, booking.ends, booking.blocked_until = quarter, quarter + HOUR, quarter + HOUR

    school.write(change)


def door(school: School, made: str, who: Callable[[Session], Person]) -> Any:
    return visitor(school, who).client.get(f"/s/{made}")


def test_the_door_opens_the_room_for_learner_and_teacher_when_it_is_time(school: School) -> None:
    made = booked(school, at("09:00"))
    early = door(school, made, factories.samira)
    assert early.status_code == 200
    assert "La vidéo n’est pas encore ouverte" in early.text
    shift(school, made, clock.now())
    key = school.read(lambda s: s.get_one(Booking, made).video_key)
    for who in (factories.samira, factories.nadia):
        answer = door(school, made, who)
        assert (answer.status_code, answer.location) == (303, f"https://video.example.be/{key}")
    for who in (factories.luc, factories.oksana):
        assert door(school, made, who).status_code == 404
    shift(school, made, clock.now() - 2 * HOUR)
    answer = door(school, made, factories.samira)
    assert answer.status_code == 200
    assert key not in answer.text


def test_when_the_room_is_open_nothing_lies_over_the_way_in(school: School) -> None:
    made = booked(school, at("09:00"))
    browser = visitor(school, factories.samira)
    assert docked(browser.get("/bookings")) == ["Prendre rendez-vous"]
    shift(school, made, clock.now())
    page = browser.get("/bookings")
    assert page.links()["Entrer dans la vidéo"] == f"/s/{made}"
    assert docked(page) == []


def docked(page: Page) -> list[str]:
    return [link.text for link in page.root.all("a") if "dock" in link.get("class").split()]


def test_the_door_says_so_when_there_is_no_address_any_more(school: School) -> None:
    made = booked(school, at("09:00"))
    shift(school, made, clock.now())
    school.write(lambda s: setattr(factories.organisation(s), "video_base", ""))
    answer = door(school, made, factories.samira)
    assert answer.status_code == 200
    assert "Le lien vidéo manque" in answer.text
    assert "/agenda/availability#video" in door(school, made, factories.nadia).text


def test_the_door_of_a_session_on_site_shows_the_place(school: School) -> None:
    made = booked(school, at("09:00"), teacher=factories.luc, mode="onsite")
    answer = door(school, made, factories.samira)
    assert "Bus 70" in answer.text


# -- her question and what comes of a session ----------------------------------------------------


def test_a_learner_writes_her_question_changes_it_and_takes_it_back(school: School) -> None:
    made = booked(school, at("09:00"))
    browser = visitor(school, factories.samira)
    page = browser.get(f"/bookings/{made}")
    for asked in ("Comment dire « facture » ?", "كيف أكتب رسالة؟", ""):
        page = browser.submit(browser.get(f"/bookings/{made}"), {"question": asked}, action="/question")
        assert page.status == 200
        assert school.read(lambda s: s.get_one(Booking, made).record.question) == asked
    again = browser.submit(page, {"question": "Comment dire « facture » ?"}, action="/question")
    assert "« facture »" in again.text


@pytest.mark.parametrize("words", ["85.07.30-033.28, c’est moi", "a" * 301], ids=["national number", "long"])
def test_a_question_that_must_not_be_kept_stays_in_the_field(school: School, words: str) -> None:
    made = booked(school, at("09:00"))
    browser = visitor(school, factories.samira)
    page = browser.submit(browser.get(f"/bookings/{made}"), {"question": words}, action="/question")
    assert page.status == 422
    assert words in page.text
    assert school.read(lambda s: s.get_one(Booking, made).record.question) == ""


def test_once_the_session_has_begun_her_question_stays_as_it_is(school: School) -> None:
    made = booked(school, at("09:00"))
    browser = visitor(school, factories.samira)
    form = browser.get(f"/bookings/{made}")
    shift(school, made, clock.now() - HOUR / 2)
    late = browser.submit(form, {"question": "Trop tard ?"}, action="/question")
    assert late.status == 409
    assert school.read(lambda s: s.get_one(Booking, made).record.question) == ""


def test_nobody_else_writes_her_question(school: School) -> None:
    made = booked(school, at("09:00"))
    page = visitor(school, factories.samira).get(f"/bookings/{made}")
    for who in (factories.oksana, factories.nadia):
        browser = visitor(school, who)
        form = browser.get("/me").root.all("input")
        token = next(control.get("value") for control in form if control.get("name") == "csrf_token")
        answer = browser.submit(page, {"question": "x", "csrf_token": token}, action="/question")
        assert answer.status == 404


def test_after_a_session_the_learner_reads_what_to_do_next_and_nothing_private(school: School) -> None:
    made = booked(school, at("09:00"))
    shift(school, made, clock.now() - 3 * HOUR)

    def note(session: Session) -> None:
        nadia = factories.nadia(session)
        booking = session.get_one(Booking, made)
        attendance.mark_attendance(session, nadia, booking, "no_show", now=clock.now())
        attendance.write_note(session, nadia, booking, "Semble fatiguée", "Écrire les mois", now=clock.now())

    school.write(note)
    browser = visitor(school, factories.samira)
    for path in ("/bookings", f"/bookings/{made}"):
        page = browser.get(path)
        assert "Écrire les mois" in page.text, path
        assert "fatiguée" not in page.text, path
        assert "bsent" not in page.text, path
    assert f"/bookings/{made}" in browser.get("/bookings").links().values()
