"""Who finds whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain import people
from lms.domain.errors import Absent
from lms.domain.people import directory, learners, staff
from lms.domain.people.directory import Wanted
from tests import make
from tests.house import House
from tests.make import NOW


def names(house: House, who, **wanted: object) -> list[str]:
    lines, _ = house.read(lambda s: directory.list_learners(s, who(s), Wanted(**wanted)))
    return [line.person.name for line in lines]


@pytest.fixture
def cast(house: House) -> House:
    def everybody(session: Session) -> None:
        for one in (make.nadia, make.claire, make.farid, make.oksana):
            one(session)
        make.samira(session).social_worker_id = make.farid(session).id

    house.write(everybody)
    return house


def test_a_teacher_and_the_coordinator_see_every_learner(cast: House) -> None:
    assert names(cast, make.nadia) == names(cast, make.claire) == ["Oksana Bondar", "Samira"]


def test_a_social_worker_sees_the_people_entrusted_to_him(cast: House) -> None:
    assert names(cast, make.farid) == ["Samira"]
    assert cast.read(lambda s: people.learner_for(s, make.farid(s), make.samira(s).id).name) == "Samira"
    with pytest.raises(Absent):
        cast.read(lambda s: people.learner_for(s, make.farid(s), make.oksana(s).id))


def test_a_learner_finds_nobody(cast: House) -> None:
    assert names(cast, make.samira) == []
    with pytest.raises(Absent):
        cast.read(lambda s: people.person_for(s, make.samira(s), make.samira(s).id))


def test_only_the_coordinator_finds_colleagues(cast: House) -> None:
    assert cast.read(lambda s: people.person_for(s, make.claire(s), make.nadia(s).id).name) == "Nadia Dubois"
    for who in (make.nadia, make.farid):
        with pytest.raises(Absent):
            cast.read(lambda s, who=who: people.person_for(s, who(s), make.claire(s).id))
        assert cast.read(lambda s, who=who: directory.list_team(s, who(s))) == []
    assert [p.name for p in cast.read(lambda s: directory.list_team(s, make.claire(s)))] == [
        "Claire Renard",
        "Farid Amrani",
        "Nadia Dubois",
    ]


def test_a_learner_is_not_found_among_the_colleagues(cast: House) -> None:
    with pytest.raises(Absent):
        cast.read(lambda s: people.colleague_for(s, make.claire(s), make.samira(s).id))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SAM", ["Samira"]),
        ("bondar oks", ["Oksana Bondar"]),
        ("ирина", ["Ирина Коваль"]),
        ("elodie", ["Élodie"]),
    ],
)
def test_a_name_is_found_without_case_and_accents_in_any_script(
    cast: House, text: str, found: list[str]
) -> None:
    cast.write(lambda s: [make.learner(s, "Ирина Коваль"), make.learner(s, "Élodie")])
    assert names(cast, make.nadia, text=text) == found


def test_the_list_is_filtered_by_level_and_by_who_still_comes(cast: House) -> None:
    n2 = cast.read(lambda s: make.level(s, "N2").id)
    assert names(cast, make.nadia, level_id=n2) == ["Oksana Bondar"]
    cast.write(lambda s: staff.deactivate(s, make.oksana(s), make.nadia(s), now=NOW))
    assert names(cast, make.nadia) == ["Samira"]
    assert names(cast, make.nadia, left=True) == ["Oksana Bondar"]


def test_thirty_stand_on_a_page_and_the_next_page_holds_the_rest(cast: House) -> None:
    cast.write(lambda s: [make.learner(s, f"Z {number:02d}") for number in range(31)])
    first, more = cast.read(lambda s: directory.list_learners(s, make.nadia(s), Wanted()))
    second, end = cast.read(lambda s: directory.list_learners(s, make.nadia(s), Wanted(page=2)))
    assert (len(first), more, len(second), end) == (30, True, 3, False)


def test_a_line_tells_of_the_card_and_the_last_visit(cast: House) -> None:
    card = cast.write(lambda s: make.printed_card(s, make.samira(s)))
    seen = NOW + timedelta(hours=1)
    cast.write(lambda s: make.entered(s, make.samira(s), now=seen))
    lines, _ = cast.read(lambda s: directory.list_learners(s, make.nadia(s), Wanted()))
    by_name = {line.person.name: line for line in lines}
    assert card.code
    assert by_name["Samira"].has_card
    assert by_name["Samira"].seen_at == seen
    assert not by_name["Oksana Bondar"].has_card
    assert by_name["Oksana Bondar"].seen_at is None


def test_social_workers_who_left_are_not_offered(cast: House) -> None:
    assert [p.name for p in cast.read(people.social_workers)] == ["Farid Amrani"]
    cast.write(lambda s: staff.deactivate(s, make.farid(s), make.claire(s), now=NOW))
    assert cast.read(people.social_workers) == []


def test_levels_stand_in_their_order_and_opened_ones_are_known(cast: House) -> None:
    assert [level.code for level in cast.read(people.levels)] == ["N1", "N2", "N3"]
    n2 = cast.read(lambda s: make.level(s, "N2").id)

    def opened(session: Session) -> None:
        samira = make.samira(session)
        facts = learners.Facts(samira.name, samira.level_id, opened=frozenset({n2}))
        learners.change(session, samira, make.nadia(session), facts, now=NOW)

    cast.write(opened)
    assert cast.read(lambda s: people.opened_level_ids(s, make.samira(s))) == {n2}
    assert cast.read(lambda s: people.opened_level_ids(s, make.oksana(s))) == set()


def test_names_are_looked_up_for_the_journal(cast: House) -> None:
    found = cast.read(lambda s: directory.names(s, {make.nadia(s).id}))
    assert list(found.values()) == ["Nadia Dubois"]
    assert cast.read(lambda s: directory.names(s, set())) == {}
