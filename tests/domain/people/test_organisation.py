"""The centre: how it opens, its rules, rooms and levels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from lms.domain.booking import availability
from lms.domain.errors import Absent, Refused
from lms.domain.people import directory, organisation, staff
from lms.models import AuditEvent, Criterion, Level, Organisation, Role, Room
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


@pytest.mark.parametrize(
    "spelling", ["École", "école", "E\u0301cole", "ÉCOLE", "Ecole", " École\u00a0", "\u200eÉco\u00adle"]
)
def test_two_spellings_of_one_name_are_one_room(school: School, spelling: str) -> None:
    room = school.write(lambda s: organisation.add_room(s, factories.claire(s), "École", now=NOW))
    with pytest.raises(Refused, match="room_known"):
        school.write(lambda s: organisation.add_room(s, factories.claire(s), spelling, now=NOW))
    school.write(lambda s: organisation.close_room(s, factories.claire(s), room.id, now=NOW))
    again = school.write(lambda s: organisation.add_room(s, factories.claire(s), spelling, now=NOW))
    assert (again.id, again.name) == (room.id, "École")


def test_rooms_stand_in_alphabetical_order(school: School) -> None:
    for name in ("Zone", "école", "Étage 2", "Atelier"):
        school.write(partial(organisation.open_room, name=name))
    names = ["Atelier", "école", "Étage 2", "Zone"]
    assert [room.name for room in school.read(organisation.all_rooms)] == names
    assert [room.name for room in school.read(availability.open_rooms)] == names


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


@pytest.mark.parametrize("spelling", ["Niveau 1", "NIVEAU  1", "niveau\u202f1", "Niveau\u200b ١"])
def test_a_level_does_not_get_the_name_of_another(school: School, spelling: str) -> None:
    level_id = school.write(lambda s: factories.level(s, "N2").id)
    with pytest.raises(Refused, match="level_known"):
        school.write(
            lambda s: organisation.update_level(s, factories.claire(s), level_id, spelling, "A2", "", now=NOW)
        )
    assert school.read(lambda s: organisation.find_level(s, level_id).name) == "Niveau 2"
    assert actions(school) == []


def test_a_level_keeps_its_name_in_another_spelling(school: School) -> None:
    level_id = school.write(lambda s: factories.level(s, "N1").id)
    school.write(
        lambda s: organisation.update_level(s, factories.claire(s), level_id, "NIVEAU 1", "A1", "", now=NOW)
    )
    assert school.read(lambda s: organisation.find_level(s, level_id).name) == "NIVEAU 1"


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


# Two requests at once: on PostgreSQL, where a second connection writes meanwhile.


def meanwhile(
    school: School, operation: Callable[[Session], object], other: Callable[[Session], object]
) -> None:
    """Run an operation; just before it writes, somebody else writes and commits."""

    def both(session: Session) -> None:
        @event.listens_for(session, "before_flush", once=True)
        def _(*_flush: object) -> None:
            with Session(school.engine) as second:
                other(second)
                second.commit()

        operation(session)

    school.write(both)


@pytest.mark.parametrize("school", ["postgresql"], indirect=True)
def test_two_teachers_who_name_one_new_room_at_once_have_one_room(school: School) -> None:
    found: list[str] = []
    meanwhile(
        school,
        lambda s: found.append(organisation.open_room(s, "École").id),
        lambda s: s.add(Room(name="ecole")),
    )
    assert [(room.id, room.name) for room in school.read(organisation.all_rooms)] == [(found[0], "ecole")]


@pytest.mark.parametrize("school", ["postgresql"], indirect=True)
def test_a_level_name_that_a_colleague_takes_meanwhile_is_refused(school: School) -> None:
    school.write(factories.claire)
    n1, n2 = (school.read(partial(factories.level, code=code)).id for code in ("N1", "N2"))
    with pytest.raises(Refused, match="level_known"):
        meanwhile(
            school,
            lambda s: organisation.update_level(s, factories.claire(s), n1, "Débuts", "", "", now=NOW),
            lambda s: setattr(s.get_one(Level, n2), "name", "débuts"),
        )


@pytest.mark.parametrize("school", ["postgresql"], indirect=True)
def test_an_address_that_is_invited_twice_at_once_is_refused(school: School) -> None:
    school.write(factories.claire)
    with pytest.raises(Refused, match="email_taken"):
        meanwhile(
            school,
            lambda s: staff.invite_colleague(
                s, factories.claire(s), "Eva", "eva@example.be", ("teacher",), "token", now=NOW
            ),
            lambda s: factories.person(s, "Eva", "teacher", login_email="eva@example.be"),
        )
