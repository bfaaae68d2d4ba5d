"""The centre, for the coordinator."""

from __future__ import annotations

import pytest

from lms.domain.people import centre
from lms.models import Service
from tests import make
from tests.house import House
from tests.pages import Visitor


@pytest.fixture
def claire(house: House) -> Visitor:
    return house.visitor(house.write(make.claire))


def test_the_coordinator_changes_the_service(house: House, claire: Visitor) -> None:
    page = claire.submit(
        claire.get("/service"),
        {
            "phone": "071 12 34 56",
            "directions": "Bus 41, arrêt Pont",
            "pin_required": None,
            "hygiene_notice": "y",
            "hygiene_text": "Lavez-vous les mains.\r\nAérez.",
            "video_base": "https://meet.example.be",
            "weekly_cap": "3",
            "onsite_buffer_minutes": "30",
        },
    )
    assert "C’est changé." in page.text
    found = house.read(lambda s: s.get_one(Service, 1))
    assert (found.phone, found.pin_required, found.hygiene_notice) == ("071 12 34 56", False, True)
    assert found.hygiene_text == "Lavez-vous les mains.\nAérez."
    assert (found.video_base, found.weekly_cap, found.onsite_buffer_minutes) == (
        "https://meet.example.be",
        3,
        30,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"video_base": "http://meet.example.be"},
        {"video_base": "javascript:alert(1)"},
        {"weekly_cap": "0"},
        {"weekly_cap": "many"},
        {"weekly_cap": "99999999999999999999"},
        {"horizon_days": "-1"},
        {"onsite_buffer_minutes": "7"},
        {"email": "x"},
        {"hygiene_text": "85.07.30-033.28"},
    ],
)
def test_a_wrong_setting_is_told_and_nothing_changes(
    house: House, claire: Visitor, wrong: dict[str, str]
) -> None:
    page = claire.submit(claire.get("/service"), {"phone": "071 12 34 56", **wrong})
    assert page.status == 422
    kept = {field.get("name"): field.get("value") for field in page.form("/service").all("input")}
    assert kept["phone"] == "071 12 34 56"
    assert house.read(lambda s: s.get_one(Service, 1).phone) == ""


def test_a_room_is_added_and_closed(house: House, claire: Visitor) -> None:
    page = claire.submit(claire.get("/service"), {"room": "Bureau 2"}, action="/service/rooms")
    assert "Bureau 2" in page.text
    page = claire.submit(page, {"room": "Bureau 2"}, action="/service/rooms")
    assert page.status == 422
    assert "Cette salle est déjà ouverte." in page.text
    room = house.read(centre.rooms)[0]
    page = claire.submit(claire.get("/service"), action=f"/service/rooms/{room.id}/closing")
    assert "fermée" in page.text
    assert claire.submit(page, {"room": ""}, action="/service/rooms").status == 422


def test_a_level_is_named_anew(house: House, claire: Visitor) -> None:
    level_id = house.read(lambda s: make.level(s, "N1").id)
    page = claire.submit(
        claire.get(f"/service/levels/{level_id}"), {"name": "Premiers pas", "blurb": "Bonjour."}
    )
    assert "Premiers pas" in page.text
    page = claire.submit(claire.get(f"/service/levels/{level_id}"), {"name": ""})
    assert page.status == 422
    assert claire.get("/service/levels/nowhere").status == 404


def test_only_the_coordinator_enters(house: House) -> None:
    level_id = house.write(lambda s: make.level(s, "N1").id)
    for who in (make.nadia, make.farid, make.samira):
        visitor = house.visitor(house.write(who))
        for path in ("/service", f"/service/levels/{level_id}"):
            assert visitor.get(path).status == 404
