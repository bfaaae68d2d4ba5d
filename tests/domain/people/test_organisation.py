"""The centre: how it opens, its rules, rooms and levels."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from lms.domain.errors import Absent, Refused
from lms.domain.people import directory, organisation, staff
from lms.models import AuditEvent, Criterion, Level, Organisation, Role
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.school import School


def found(school: School) -> str:
    token = staff.new_token()
    school.write(
        lambda s: organisation.create_organisation(
            s, "CPAS de Charleroi", "Claire Renard", "claire@service.example.be", token, now=NOW
        )
    )
    return token


def actions(school: School) -> list[tuple[str, str]]:
    lines = school.read(lambda s: s.scalars(select(AuditEvent)).all())
    return sorted((line.action, line.detail) for line in lines)


def test_a_school_opens_with_three_levels_their_rubrics_and_a_coordinator(school: School) -> None:
    token = found(school)
    assert school.read(lambda s: s.get_one(Organisation, 1).name) == "CPAS de Charleroi"
    assert [level.code for level in school.read(directory.levels)] == ["N1", "N2", "N3"]
    counted = (
        select(Level.code, func.count(Criterion.id)).join(Criterion).group_by(Level.code).order_by(Level.code)
    )
    assert [tuple(row) for row in school.read(lambda s: s.execute(counted).all())] == [
        ("N1", 3),
        ("N2", 4),
        ("N3", 5),
    ]
    link = present(school.read(lambda s: staff.find_active_link(s, token, now=NOW)))
    assert link.person.roles == {Role.COORDINATOR}
    assert link.expires_at - NOW == staff.RESET_LASTS


def test_a_school_opens_once(school: School) -> None:
    found(school)
    with pytest.raises(Refused, match="already_founded"):
        found(school)


def test_the_journal_names_the_changed_settings(school: School) -> None:
    school.write(factories.organisation)
    school.write(
        lambda s: organisation.update_organisation(
            s, factories.claire(s), {"pin_required": False, "weekly_cap": 3, "open_cap": 4, "id": 7}, now=NOW
        )
    )
    service = school.read(lambda s: s.get_one(Organisation, 1))
    assert (service.pin_required, service.weekly_cap) == (False, 3)
    assert actions(school) == [("service_changed", "pin_required,weekly_cap")]


def test_a_room_opens_closes_and_opens_again_under_its_name(school: School) -> None:
    room = school.write(lambda s: organisation.add_room(s, factories.claire(s), "Bureau 2", now=NOW))
    with pytest.raises(Refused, match="room_known"):
        school.write(lambda s: organisation.add_room(s, factories.claire(s), "Bureau 2", now=NOW))
    for _ in range(2):
        school.write(lambda s: organisation.close_room(s, factories.claire(s), room.id, now=NOW))
    assert [r.closed_at for r in school.read(organisation.all_rooms)] == [NOW]
    again = school.write(lambda s: organisation.add_room(s, factories.claire(s), "Bureau 2", now=NOW))
    assert again.id == room.id
    assert [action for action, _ in actions(school)] == ["room_closed", "room_opened", "room_opened"]


def test_open_rooms_stand_first(school: School) -> None:
    first = school.write(lambda s: organisation.add_room(s, factories.claire(s), "A", now=NOW))
    school.write(lambda s: organisation.add_room(s, factories.claire(s), "B", now=NOW))
    school.write(lambda s: organisation.close_room(s, factories.claire(s), first.id, now=NOW))
    assert [room.name for room in school.read(organisation.all_rooms)] == ["B", "A"]


def test_a_level_gets_another_name_and_keeps_its_place(school: School) -> None:
    level_id = school.write(lambda s: factories.level(s, "N2").id)
    for _ in range(2):
        school.write(
            lambda s: organisation.update_level(
                s, factories.claire(s), level_id, "Le quotidien", "A2", "", now=NOW
            )
        )
    assert school.read(lambda s: organisation.find_level(s, level_id).position) == 2
    assert actions(school) == [("level_renamed", "N2")]


def test_what_does_not_exist_is_absent(school: School) -> None:
    with pytest.raises(Absent):
        school.read(lambda s: organisation.find_level(s, "nowhere"))
    with pytest.raises(Absent):
        school.write(lambda s: organisation.close_room(s, factories.claire(s), "nowhere", now=NOW))


def test_a_new_picture_of_the_door_sends_the_old_one_away(school: School) -> None:
    school.write(factories.claire)

    def hang(key: str | None) -> list[str]:
        return school.write(lambda s: organisation.set_door_photo(s, factories.claire(s), key, now=NOW))

    assert hang("first.jpg") == []
    assert hang("second.jpg") == ["first.jpg"]
    assert hang("second.jpg") == []
    assert hang(None) == ["second.jpg"]
    assert hang(None) == []
    assert school.read(lambda s: s.get_one(Organisation, 1).door_photo_key) is None
    assert actions(school).count(("service_changed", "door_photo_key")) == 3
