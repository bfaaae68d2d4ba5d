"""Learners come and change, and the journal tells which, never what."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TypedDict, Unpack

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.errors import Refused
from lms.domain.people import directory, learners, staff
from lms.domain.people.learners import LearnerDetails
from lms.models import AuditEvent, Notice, Person, Role
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.school import School


def facts_of(session: Session, person: Person) -> LearnerDetails:
    return LearnerDetails(
        person.name,
        person.level_id or "",
        person.language,
        person.email,
        person.phone,
        person.social_worker_id,
        frozenset(directory.opened_level_ids(session, person)),
    )


class Changes(TypedDict, total=False):
    name: str
    level_id: str
    phone: str
    social_worker_id: str | None
    opened: frozenset[str]


def change(school: School, **new: Unpack[Changes]) -> None:
    def operation(session: Session) -> None:
        samira = factories.samira(session)
        facts = replace(facts_of(session, samira), **new)
        learners.update_learner(session, factories.nadia(session), samira, facts, now=NOW)

    school.write(operation)


def journal_of(school: School) -> list[tuple[str, str]]:
    lines = school.read(lambda s: s.scalars(select(AuditEvent).order_by(AuditEvent.action)).all())
    return [(line.action, line.detail) for line in lines]


def test_a_new_learner_is_kept_with_a_line_in_the_journal(school: School) -> None:
    def operation(session: Session) -> Person:
        facts = LearnerDetails("Mehari", factories.level(session, "N2").id, "ti", None, "0475 12 34 56")
        return learners.add_learner(session, factories.nadia(session), facts, now=NOW)

    made = school.write(operation)
    kept = school.read(lambda s: directory.learner_for(s, factories.nadia(s), made.id))
    assert (kept.name, kept.language, kept.email, kept.phone) == ("Mehari", "ti", None, "0475 12 34 56")
    assert present(kept.level).code == "N2"
    assert kept.roles == {Role.LEARNER}
    assert journal_of(school) == [("person_made", "N2")]


def test_a_level_that_does_not_exist_is_refused(school: School) -> None:
    with pytest.raises(Refused, match="level_unknown"):
        school.write(
            lambda s: learners.add_learner(
                s, factories.nadia(s), LearnerDetails("Mehari", "nowhere"), now=NOW
            )
        )
    with pytest.raises(Refused, match="level_unknown"):
        change(school, level_id="nowhere")


def test_a_change_of_level_is_a_line_of_its_own(school: School) -> None:
    n2 = school.write(lambda s: factories.level(s, "N2").id)
    change(school, level_id=n2)
    assert journal_of(school) == [("level_changed", "N1>N2")]


def test_the_journal_names_the_changed_facts_and_never_their_words(school: School) -> None:
    change(school, name="Samira Haddad", phone="0475 12 34 56")
    assert journal_of(school) == [("person_changed", "name,phone")]


def test_nothing_changed_leaves_no_line(school: School) -> None:
    change(school)
    assert journal_of(school) == []


def test_levels_are_opened_and_closed_beside_her_own(school: School) -> None:
    n1, n2, n3 = school.write(lambda s: [factories.level(s, code).id for code in ("N1", "N2", "N3")])
    change(school, opened=frozenset({n1, n2, n3}))
    assert school.read(lambda s: directory.opened_level_ids(s, factories.samira(s))) == {n2, n3}
    change(school, opened=frozenset({n3}))
    assert school.read(lambda s: directory.opened_level_ids(s, factories.samira(s))) == {n3}
    assert sorted(journal_of(school)) == [
        ("level_closed", "N2"),
        ("level_opened", "N2"),
        ("level_opened", "N3"),
    ]


def test_a_level_opened_before_becomes_her_own_and_is_no_longer_beside_it(school: School) -> None:
    n2 = school.write(lambda s: factories.level(s, "N2").id)
    change(school, opened=frozenset({n2}))
    change(school, level_id=n2)
    assert school.read(lambda s: directory.opened_level_ids(s, factories.samira(s))) == set()


def test_a_social_worker_is_assigned_and_taken_away(school: School) -> None:
    farid = school.write(lambda s: factories.farid(s).id)
    change(school, social_worker_id=farid)
    assert (
        school.read(lambda s: directory.learner_for(s, factories.farid(s), factories.samira(s).id).name)
        == "Samira"
    )
    change(school, social_worker_id=None)
    assert [action for action, _ in journal_of(school)] == ["social_worker_changed"] * 2


def test_only_a_social_worker_can_be_assigned(school: School) -> None:
    luc = school.write(lambda s: factories.luc(s).id)
    with pytest.raises(Refused, match="social_worker_unknown"):
        change(school, social_worker_id=luc)


def entrust(session: Session, number: int = 2) -> None:
    """Assign learners to Farid as a form does, so that he has a notice of each."""
    farid = factories.farid(session)
    for each in range(number):
        learner = factories.learner(session, f"Apprenante {each}")
        facts = replace(facts_of(session, learner), social_worker_id=farid.id)
        learners.update_learner(session, factories.nadia(session), learner, facts, now=NOW)


def end_assignments(session: Session) -> None:
    staff.deactivate(session, factories.claire(session), factories.farid(session), now=NOW)
    learners.end_assignments(session, factories.claire(session), factories.farid(session), now=NOW)


def assigned(school: School) -> list[str | None]:
    found = select(Person.social_worker_id).where(Person.name.startswith("Apprenante"))
    return list(school.read(lambda s: s.scalars(found).all()))


def test_who_leaves_has_no_learners_and_no_notice_of_them_and_the_journal_names_each(school: School) -> None:
    school.write(entrust)
    farid = school.read(lambda s: factories.farid(s).id)
    assert assigned(school) == [farid] * 2
    school.write(end_assignments)
    assert assigned(school) == [None] * 2
    action = select(AuditEvent.detail).where(AuditEvent.action == "social_worker_changed")
    assert sorted(school.read(lambda s: s.scalars(action).all())) == ["", "", farid, farid]
    open_notices = select(Notice).where(Notice.expires_at.is_(None), Notice.person_id == farid)
    assert school.read(lambda s: s.scalars(open_notices).all()) == []


def test_a_social_worker_keeps_the_learners(school: School) -> None:
    school.write(entrust)
    farid = school.read(lambda s: factories.farid(s).id)
    school.write(
        lambda s: learners.end_assignments(s, factories.claire(s), factories.farid(s), now=NOW),
    )
    assert assigned(school) == [farid] * 2


def test_many_learners_lose_their_social_worker_in_as_many_statements_as_one(school: School) -> None:
    counts = []
    for number in (1, 30):
        school.write(partial(entrust, number=number))
        with school.counting_statements() as sent:
            school.write_and_undo(end_assignments)
        counts.append(len(sent))
    assert counts[0] == counts[1]


# SQLite has one writer at a time: there is nothing to lock.
@pytest.mark.parametrize("school", ["postgresql"], indirect=True)
def test_nobody_is_assigned_to_a_person_who_is_losing_the_role(school: School) -> None:
    farid = school.write(lambda s: factories.farid(s).id)
    school.write(factories.samira)
    unlocked = select(Person.id).where(Person.id == farid).with_for_update(key_share=True, skip_locked=True)

    def assign(session: Session) -> list[str]:
        samira = factories.samira(session)
        facts = replace(facts_of(session, samira), social_worker_id=farid)
        learners.update_learner(session, factories.nadia(session), samira, facts, now=NOW)
        with school.engine.connect() as other:
            return list(other.scalars(unlocked))

    assert school.write(assign) == []
