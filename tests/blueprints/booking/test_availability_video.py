"""The video link of a teacher's own."""

from __future__ import annotations

import pytest

from tests import factories
from tests.support.appointments import at, booked, visitor
from tests.support.exceptions import open_week
from tests.support.pages import Page, Visitor, filled
from tests.support.school import School

TEAMS = "https://teams.example.org/l/meetup-join/19%3ameeting_x/0?context=%7b%22Tid%22%7d"
WARNING = "vos heures par vidéo ne sont pas proposées"


@pytest.fixture
def nadia(school: School) -> Visitor:
    browser = visitor(school, factories.nadia)
    school.write(lambda s: setattr(factories.organisation(s), "video_base", ""))
    return browser


def save(browser: Visitor, address: str) -> Page:
    page = browser.get("/agenda/availability")
    return browser.submit(page, {"video_address": address}, action="/agenda/availability/video")


def stored(school: School) -> str | None:
    return school.read(lambda s: factories.nadia(s).video_address)


def test_a_teacher_saves_a_link_of_teams_and_takes_it_away(school: School, nadia: Visitor) -> None:
    assert WARNING in nadia.get("/agenda/availability").text
    page = save(nadia, f"  {TEAMS} ")
    assert "Le lien vidéo est enregistré." in page.text
    assert WARNING not in page.text
    assert stored(school) == TEAMS
    assert "Le lien vidéo est supprimé." in save(nadia, "").text
    assert stored(school) is None


@pytest.mark.parametrize(
    "wrong",
    [
        "zoom.us/j/123",
        "http://zoom.us/j/123",
        "javascript:alert(1)",
        "https://",
        "https://nadia:secret@zoom.us/j/123",
        "https://zoom.us:port/j",
        "https://zoom .us/j",
        "https://zoom.us/j/1 2",
        "https://[::1",
        "Rejoindre : https://zoom.us/j/123",
        "https://zoom.us/" + "x" * 500,
    ],
)
def test_what_is_no_link_is_refused_and_stays_to_be_corrected(
    school: School, nadia: Visitor, wrong: str
) -> None:
    page = save(nadia, wrong)
    assert page.status == 422
    (field,) = [each for each in page.root.all("input") if each.get("name") == "video_address"]
    assert field.get("value") == wrong
    assert stored(school) is None


def test_a_form_without_the_field_takes_no_link_away(school: School, nadia: Visitor) -> None:
    page = save(nadia, TEAMS)
    form = filled(page.form("/agenda/availability/video"))
    form.pop("video_address")
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    answer = nadia.client.post("/agenda/availability/video", data=form, headers=headers)
    assert answer.status_code == 422
    assert stored(school) == TEAMS


def test_the_last_link_stays_while_a_learner_counts_on_it(school: School, nadia: Visitor) -> None:
    save(nadia, TEAMS)
    open_week(school)
    booked(school, at("09:00"))
    page = save(nadia, "")
    assert page.status == 422
    assert "Des rendez-vous par vidéo sont prévus ou proposés." in page.text
    assert stored(school) == TEAMS
