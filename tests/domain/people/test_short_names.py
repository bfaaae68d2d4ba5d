"""Two members of the team with one first name are told apart; everybody else has the first name."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms.domain.people import short_names, staff
from lms.domain.people.consistency import find_people_faults
from lms.models import Organisation, Person
from tests import factories
from tests.factories import NOW
from tests.support.school import School


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["Nadia Dubois", "Luc Lambert"], ["Nadia", "Luc"]),
        (["Nadia Dubois", "Nadia Benali"], ["Nadia D.", "Nadia B."]),
        (["Nadia Benali", "Nadia Bekaert", "Nadia Dubois"], ["Nadia Ben.", "Nadia Bek.", "Nadia D."]),
        (["Nadia Ben", "Nadia Benali"], ["Nadia Ben", "Nadia Bena."]),
        (["Nadia Ben Ali", "Nadia Ben Omar"], ["Nadia Ben A.", "Nadia Ben O."]),
        (["Nadia", "Nadia Benali"], ["Nadia", "Nadia B."]),
        (["NADIA Élias", "nàdia Elmas"], ["NADIA Éli.", "nàdia Elm."]),
        (["Nadia Benali", "Nadia Bénali"], ["Nadia Benali", "Nadia Bénali"]),
        (["Nadia Benali", "Nadia-Rose Benali"], ["Nadia", "Nadia-Rose"]),
        (["Anne D’Or", "Anne Dubois"], ["Anne D’O.", "Anne Du."]),
        (["نادية بنعلي", "نادية دوبوا"], ["نادية ب.", "نادية د."]),
        (["Li क\u094dषा", "Li ख"], ["Li क\u094d.", "Li ख"]),
    ],
)
def test_a_name_is_as_short_as_it_can_be_and_no_two_are_the_same(names: list[str], short: list[str]) -> None:
    found = short_names.distinguish({str(number): name for number, name in enumerate(names)})
    assert list(found.values()) == short


def invite(session: Session, name: str) -> Person:
    address = f"{name.replace(' ', '.').lower()}@service.example.be"
    return staff.invite_colleague(
        session, factories.claire(session), name, address, ["teacher"], staff.new_token(), now=NOW
    )


def rename(session: Session, person: Person, name: str) -> None:
    address = person.login_email or ""
    staff.update_colleague(session, factories.claire(session), person, name, address, person.roles, now=NOW)


def short(school: School) -> dict[str, str]:
    return school.read(lambda s: {person.name: person.short_name for person in s.scalars(select(Person))})


def test_a_second_nadia_gives_both_a_letter_and_another_name_takes_it_away(school: School) -> None:
    school.write(factories.nadia)
    assert short(school) == {"Nadia Dubois": "Nadia"}
    school.write(lambda s: invite(s, "Nadia Benali"))
    named = {"Claire Renard": "Claire", "Nadia Dubois": "Nadia D.", "Nadia Benali": "Nadia B."}
    assert short(school) == named
    school.write(lambda s: rename(s, factories.nadia(s), "Nadège Dubois"))
    assert short(school) == {"Claire Renard": "Claire", "Nadège Dubois": "Nadège", "Nadia Benali": "Nadia"}


def test_who_left_is_still_told_apart_because_old_answers_name_her(school: School) -> None:
    school.write(lambda s: (factories.nadia(s), invite(s, "Nadia Benali")))
    school.write(lambda s: staff.deactivate(s, factories.claire(s), factories.nadia(s), now=NOW))
    school.write(lambda s: invite(s, "Eva Martin"))
    assert (short(school)["Nadia Dubois"], short(school)["Nadia Benali"]) == ("Nadia D.", "Nadia B.")


def test_a_learner_of_the_same_name_changes_nothing(school: School) -> None:
    school.write(lambda s: (factories.learner(s, "Nadia Haddad"), invite(s, "Nadia Benali")))
    assert (short(school)["Nadia Haddad"], short(school)["Nadia Benali"]) == ("Nadia", "Nadia")


def test_a_short_name_that_is_wrong_is_found(school: School) -> None:
    made = school.write(lambda s: (factories.nadia(s), invite(s, "Nadia Benali"))[1].id)
    assert school.read(lambda s: find_people_faults(s, now=NOW)) == []
    school.write(lambda s: s.execute(update(Person).where(Person.id == made).values(short_name="Nadia")))
    assert school.read(lambda s: find_people_faults(s, now=NOW)) == [
        f"person {made}: has another short name than the names of the team say"
    ]


# SQLite has one writer at a time: there is nothing to lock.
@pytest.mark.parametrize("school", ["postgresql"], indirect=True)
def test_two_who_are_invited_at_once_are_named_one_after_the_other(school: School) -> None:
    school.write(factories.organisation)
    unlocked = select(Organisation.id).with_for_update(key_share=True, skip_locked=True)

    def look(session: Session) -> list[list[int]]:
        with short_names.update_short_names(session), school.engine.connect() as other:
            during = list(other.scalars(unlocked))
        return [during]

    assert school.write(look) == [[]]
    assert school.write(lambda s: list(s.scalars(unlocked))) == [1]
