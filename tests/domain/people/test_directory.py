"""Who finds whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain.booking import availability
from lms.domain.errors import Absent
from lms.domain.paging import PAGE
from lms.domain.people import cards, directory, learners, logins, staff
from lms.domain.people.directory import LearnerFilter, LearnerState
from lms.models import Person
from tests import factories
from tests.factories import NOW, Who
from tests.support.narrow import present
from tests.support.school import School


def names(
    school: School,
    who: Who,
    *,
    text: str = "",
    level_id: str = "",
    state: LearnerState = LearnerState.ACTIVE,
) -> list[str]:
    wanted = LearnerFilter(text, level_id, state)
    lines, _ = school.read(lambda s: directory.list_learners(s, who(s), wanted, now=NOW))
    return [line.name for line in lines]


@pytest.fixture
def cast(school: School) -> School:
    def everybody(session: Session) -> None:
        for one in (factories.nadia, factories.claire, factories.farid, factories.oksana):
            one(session)
        factories.samira(session).social_worker_id = factories.farid(session).id

    school.write(everybody)
    return school


def test_a_teacher_and_the_coordinator_see_every_learner(cast: School) -> None:
    assert names(cast, factories.nadia) == names(cast, factories.claire) == ["Oksana Bondar", "Samira"]


def test_learners_without_a_social_worker_are_found(cast: School) -> None:
    assert names(cast, factories.claire, state=LearnerState.UNASSIGNED) == ["Oksana Bondar"]
    assert names(cast, factories.farid, state=LearnerState.UNASSIGNED) == []


def test_learners_without_a_card_and_with_a_locked_one_are_found(cast: School) -> None:
    def lock(session: Session) -> None:
        factories.printed_card(session, factories.samira(session))
        present(cards.card_of(session, factories.samira(session))).locked_at = NOW

    assert names(cast, factories.nadia, state=LearnerState.LOCKED) == []
    cast.write(lock)
    assert names(cast, factories.nadia, state=LearnerState.LOCKED) == ["Samira"]
    assert names(cast, factories.nadia, state=LearnerState.NO_CARD) == ["Oksana Bondar"]


def test_a_name_that_somebody_has_or_that_is_given_twice_is_found(cast: School) -> None:
    def namesakes(*names: str) -> list[str]:
        return cast.read(lambda s: directory.find_namesakes(s, names))

    assert namesakes("SAMIRA", "Ahmad") == ["Samira"], "in another spelling too"
    assert namesakes("nadia  dubois") == ["Nadia Dubois"]
    assert namesakes("Ahmad", "Grace", "ahmad") == ["ahmad"]
    cast.write(lambda s: staff.deactivate(s, factories.nadia(s), factories.samira(s), now=NOW))
    assert namesakes("Samira") == []


def test_a_social_worker_sees_the_people_entrusted_to_him(cast: School) -> None:
    assert names(cast, factories.farid) == ["Samira"]
    assert (
        cast.read(lambda s: directory.learner_for(s, factories.farid(s), factories.samira(s).id).name)
        == "Samira"
    )
    with pytest.raises(Absent):
        cast.read(lambda s: directory.learner_for(s, factories.farid(s), factories.oksana(s).id))


def test_a_learner_finds_nobody(cast: School) -> None:
    assert names(cast, factories.samira) == []
    with pytest.raises(Absent):
        cast.read(lambda s: directory.person_for(s, factories.samira(s), factories.samira(s).id))


def test_only_the_coordinator_finds_colleagues(cast: School) -> None:
    assert (
        cast.read(lambda s: directory.person_for(s, factories.claire(s), factories.nadia(s).id).name)
        == "Nadia Dubois"
    )

    def claire_as_seen_by(who: Who) -> Person:
        return cast.read(lambda s: directory.person_for(s, who(s), factories.claire(s).id))

    def team(who: Who) -> list[str]:
        return [one.name for one in cast.read(lambda s: directory.list_team(s, who(s)))]

    for who in (factories.nadia, factories.farid):
        with pytest.raises(Absent):
            claire_as_seen_by(who)
        assert team(who) == []
    assert team(factories.claire) == [
        "Claire Renard",
        "Farid Amrani",
        "Nadia Dubois",
    ]


def test_a_learner_is_not_found_among_the_colleagues(cast: School) -> None:
    with pytest.raises(Absent):
        cast.read(lambda s: directory.colleague_for(s, factories.claire(s), factories.samira(s).id))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SAM", ["Samira"]),
        ("bondar oks", ["Oksana Bondar"]),
        ("ирина", ["Ирина Коваль"]),
        ("elodie", ["Élodie"]),
        ("E\u0301LO", ["Élodie"]),
        ("\u200eélo\u00a0", ["Élodie"]),
        ("łuk", ["Łukasz"]),
        ("lukasz", ["Łukasz"]),
        ("ISIK", ["Ayşe Işık"]),
        ("ayse", ["Ayşe Işık"]),
        ("احمد", ["أحمد"]),
        ("100%", []),
        ("_", []),
    ],
)
def test_a_name_is_found_without_case_and_accents_in_any_script(
    cast: School, text: str, found: list[str]
) -> None:
    others = ("Ирина Коваль", "Élodie", "Łukasz", "Ayşe Işık", "أحمد")
    cast.write(lambda s: [factories.learner(s, name) for name in others])
    assert names(cast, factories.nadia, text=text) == found


def test_people_stand_in_alphabetical_order_whatever_their_accents_and_case(cast: School) -> None:
    others = ("Zoé", "Émile", "ayşe", "Aïcha", "étienne", "İlker", "Łukasz", "anna maria", "Annabel")
    cast.write(lambda s: [factories.learner(s, name) for name in others])
    ordered = ["Aïcha", "anna maria", "Annabel", "ayşe", "Émile", "étienne", "İlker", "Łukasz"]
    assert names(cast, factories.nadia) == [*ordered, "Oksana Bondar", "Samira", "Zoé"]
    team = ("Élise Noël", "zoé Blanc")
    cast.write(lambda s: [factories.person(s, name, "teacher", "social_worker") for name in team])
    expected = ["Claire Renard", "Élise Noël", "Farid Amrani", "Nadia Dubois", "zoé Blanc"]
    assert [one.name for one in cast.read(lambda s: directory.list_team(s, factories.claire(s)))] == expected
    workers = ["Élise Noël", "Farid Amrani", "zoé Blanc"]
    assert [one.name for one in cast.read(directory.social_workers)] == workers
    teachers = ["Élise Noël", "Nadia Dubois", "zoé Blanc"]
    assert [one.name for one in cast.read(availability.active_teachers)] == teachers


def test_a_new_name_takes_its_place(cast: School) -> None:
    cast.write(lambda s: setattr(factories.samira(s), "name", "Àlya"))
    assert names(cast, factories.nadia) == ["Àlya", "Oksana Bondar"]
    assert names(cast, factories.nadia, text="alya") == ["Àlya"]


def test_the_list_is_filtered_by_level_and_by_who_still_comes(cast: School) -> None:
    n2 = cast.read(lambda s: factories.level(s, "N2").id)
    assert names(cast, factories.nadia, level_id=n2) == ["Oksana Bondar"]
    cast.write(lambda s: staff.deactivate(s, factories.nadia(s), factories.oksana(s), now=NOW))
    assert names(cast, factories.nadia) == ["Samira"]
    assert names(cast, factories.nadia, state=LearnerState.LEFT) == ["Oksana Bondar"]


def test_a_page_has_as_many_as_other_lists_and_the_next_page_holds_the_rest(cast: School) -> None:
    cast.write(lambda s: [factories.learner(s, f"Z {number:02d}") for number in range(31)])

    def page(number: int) -> tuple[int, bool]:
        wanted = LearnerFilter(page=number)
        rows, more = cast.read(lambda s: directory.list_learners(s, factories.nadia(s), wanted, now=NOW))
        return len(rows), more

    assert [page(1), page(2)] == [(PAGE, True), (33 - PAGE, False)]


def test_the_number_of_all_pages_is_that_of_the_filter(cast: School) -> None:
    def count(who: Who, state: LearnerState = LearnerState.ACTIVE, text: str = "") -> int:
        wanted = LearnerFilter(text, state=state)
        return cast.read(lambda s: directory.count_learners(s, who(s), wanted, now=NOW))

    assert (count(factories.nadia), count(factories.farid)) == (2, 1)
    assert count(factories.nadia, text="sam") == 1
    assert count(factories.nadia, LearnerState.NO_CARD) == 2
    cast.write(lambda s: factories.printed_card(s, factories.samira(s)))
    assert count(factories.nadia, LearnerState.NO_CARD) == 1
    assert count(factories.nadia, LearnerState.LEFT) == 0


def test_learners_who_were_not_seen_for_long_are_found(cast: School) -> None:
    def visit(session: Session) -> None:
        factories.samira(session).seen_at = NOW
        factories.oksana(session).seen_at = NOW - logins.SILENCE - timedelta(hours=1)

    cast.write(visit)
    cast.write(lambda s: setattr(factories.learner(s, "Ali"), "created_at", NOW - timedelta(days=30)))
    cast.write(lambda s: factories.learner(s, "Zoé"))
    assert names(cast, factories.nadia, state=LearnerState.SILENT) == ["Ali", "Oksana Bondar"]


def test_who_gets_the_name_of_another_person_is_asked_about(cast: School) -> None:
    def namesakes(name: str) -> list[str]:
        return cast.read(lambda s: directory.find_namesakes_of_renamed(s, factories.samira(s), name))

    assert namesakes("oksana  BONDAR") == ["Oksana Bondar"]
    assert namesakes("Samira") == [], "the name stays"
    assert namesakes("Samira Haddad") == []


def test_a_line_tells_of_the_card_and_the_last_visit(cast: School) -> None:
    card = cast.write(lambda s: factories.printed_card(s, factories.samira(s)))
    seen = NOW + timedelta(hours=1)
    cast.write(lambda s: factories.entered(s, factories.samira(s), now=seen))
    lines, _ = cast.read(lambda s: directory.list_learners(s, factories.nadia(s), LearnerFilter(), now=NOW))
    by_name = {line.name: line for line in lines}
    assert card.code
    assert by_name["Samira"].has_card
    assert by_name["Samira"].seen_at == seen
    assert not by_name["Oksana Bondar"].has_card
    assert by_name["Oksana Bondar"].seen_at is None


def test_social_workers_who_left_are_not_offered(cast: School) -> None:
    assert [p.name for p in cast.read(directory.social_workers)] == ["Farid Amrani"]
    cast.write(lambda s: staff.deactivate(s, factories.claire(s), factories.farid(s), now=NOW))
    assert cast.read(directory.social_workers) == []


def test_levels_stand_in_their_order_and_opened_ones_are_known(cast: School) -> None:
    assert [level.code for level in cast.read(directory.levels)] == ["N1", "N2", "N3"]
    n2 = cast.read(lambda s: factories.level(s, "N2").id)

    def opened(session: Session) -> None:
        samira = factories.samira(session)
        facts = learners.LearnerDetails(samira.name, present(samira.level_id), opened=frozenset({n2}))
        learners.update_learner(session, factories.nadia(session), samira, facts, now=NOW)

    cast.write(opened)
    assert cast.read(lambda s: directory.opened_level_ids(s, factories.samira(s))) == {n2}
    assert cast.read(lambda s: directory.opened_level_ids(s, factories.oksana(s))) == set()


def test_names_are_looked_up_for_the_journal(cast: School) -> None:
    found = cast.read(lambda s: directory.names_of(s, {factories.nadia(s).id}))
    assert list(found.values()) == ["Nadia Dubois"]
    assert cast.read(lambda s: directory.names_of(s, set())) == {}


def test_several_learners_are_found_together_or_not_at_all(cast: School) -> None:
    def found(who: Who, *makers: Who) -> list[str]:
        return cast.read(
            lambda s: [
                one.name for one in directory.learners_for(s, who(s), [maker(s).id for maker in makers])
            ]
        )

    assert found(factories.nadia, factories.samira, factories.oksana) == ["Oksana Bondar", "Samira"]
    assert found(factories.farid, factories.samira) == ["Samira"]
    for who, stranger in ((factories.farid, factories.oksana), (factories.nadia, factories.claire)):
        with pytest.raises(Absent):
            found(who, factories.samira, stranger)


def test_learners_added_together_are_those_of_one_level_and_one_second(cast: School) -> None:
    def add(session: Session) -> str:
        level = factories.level(session, "N3")
        for name, seconds, code in (("Ahmad", 0, "N3"), ("Elif", 0, "N2"), ("Grace", 1, "N3")):
            made = factories.learner(session, name, code)
            made.created_at = NOW + timedelta(days=1, seconds=seconds)
        return level.id

    level = cast.write(add)
    moment = NOW + timedelta(days=1)
    for who, names_found in ((factories.nadia, ["Ahmad"]), (factories.farid, [])):
        added = cast.read(
            lambda s, who=who: directory.learners_added(s, who(s), level, at=moment)  # type: ignore[misc]
        )
        assert [one.name for one in added] == names_found
