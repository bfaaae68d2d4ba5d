"""The centre: how it opens, its rules, rooms and levels."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from lms.domain.errors import Absent, Refused
from lms.domain.people import directory, organisation, staff
from lms.models import AuditEvent, Criterion, Level, Service
from tests import factories
from tests.factories import NOW
from tests.support.school import House


def found(house: House) -> str:
    token = staff.new_token()
    house.write(
        lambda s: organisation.found(
            s, "CPAS de Charleroi", "Claire Renard", "claire@service.example.be", token, now=NOW
        )
    )
    return token


def actions(house: House) -> list[tuple[str, str]]:
    lines = house.read(lambda s: s.scalars(select(AuditEvent)).all())
    return sorted((line.action, line.detail) for line in lines)


def test_a_school_opens_with_three_levels_their_rubrics_and_a_coordinator(house: House) -> None:
    token = found(house)
    assert house.read(lambda s: s.get_one(Service, 1).name) == "CPAS de Charleroi"
    assert [level.code for level in house.read(directory.levels)] == ["N1", "N2", "N3"]
    counted = (
        select(Level.code, func.count(Criterion.id)).join(Criterion).group_by(Level.code).order_by(Level.code)
    )
    assert [tuple(row) for row in house.read(lambda s: s.execute(counted).all())] == [
        ("N1", 3),
        ("N2", 4),
        ("N3", 5),
    ]
    link = house.read(lambda s: staff.living_link(s, token, NOW))
    assert link.person.roles == {"coordinator"}
    assert link.expires_at - NOW == staff.RESET_LASTS


def test_a_school_opens_once(house: House) -> None:
    found(house)
    with pytest.raises(Refused, match="already_founded"):
        found(house)


def test_the_journal_names_the_changed_settings(house: House) -> None:
    house.write(factories.school)
    house.write(
        lambda s: organisation.change(
            s, factories.claire(s), {"pin_required": False, "weekly_cap": 3, "open_cap": 4, "id": 7}, now=NOW
        )
    )
    service = house.read(lambda s: s.get_one(Service, 1))
    assert (service.pin_required, service.weekly_cap) == (False, 3)
    assert actions(house) == [("service_changed", "pin_required,weekly_cap")]


def test_a_room_opens_closes_and_opens_again_under_its_name(house: House) -> None:
    room = house.write(lambda s: organisation.add_room(s, factories.claire(s), "Bureau 2", now=NOW))
    with pytest.raises(Refused, match="room_known"):
        house.write(lambda s: organisation.add_room(s, factories.claire(s), "Bureau 2", now=NOW))
    for _ in range(2):
        house.write(lambda s: organisation.close_room(s, room.id, factories.claire(s), now=NOW))
    assert [r.closed_at for r in house.read(organisation.rooms)] == [NOW]
    again = house.write(lambda s: organisation.add_room(s, factories.claire(s), "Bureau 2", now=NOW))
    assert again.id == room.id
    assert [action for action, _ in actions(house)] == ["room_closed", "room_opened", "room_opened"]


def test_open_rooms_stand_first(house: House) -> None:
    first = house.write(lambda s: organisation.add_room(s, factories.claire(s), "A", now=NOW))
    house.write(lambda s: organisation.add_room(s, factories.claire(s), "B", now=NOW))
    house.write(lambda s: organisation.close_room(s, first.id, factories.claire(s), now=NOW))
    assert [room.name for room in house.read(organisation.rooms)] == ["B", "A"]


def test_a_level_gets_another_name_and_keeps_its_place(house: House) -> None:
    level_id = house.write(lambda s: factories.level(s, "N2").id)
    for _ in range(2):
        house.write(
            lambda s: organisation.change_level(
                s, level_id, factories.claire(s), "Le quotidien", "A2", "", now=NOW
            )
        )
    assert house.read(lambda s: organisation.level_for(s, level_id).position) == 2
    assert actions(house) == [("level_renamed", "N2")]


def test_what_does_not_exist_is_absent(house: House) -> None:
    with pytest.raises(Absent):
        house.read(lambda s: organisation.level_for(s, "nowhere"))
    with pytest.raises(Absent):
        house.write(lambda s: organisation.close_room(s, "nowhere", factories.claire(s), now=NOW))


def test_a_new_picture_of_the_door_sends_the_old_one_away(house: House) -> None:
    house.write(factories.claire)

    def hang(key: str | None) -> list[str]:
        return house.write(lambda s: organisation.hang_door_photo(s, factories.claire(s), key, now=NOW))

    assert hang("first.jpg") == []
    assert hang("second.jpg") == ["first.jpg"]
    assert hang("second.jpg") == []
    assert hang(None) == ["second.jpg"]
    assert hang(None) == []
    assert house.read(lambda s: s.get_one(Service, 1).door_photo_key) is None
    assert actions(house).count(("service_changed", "door_photo_key")) == 3
