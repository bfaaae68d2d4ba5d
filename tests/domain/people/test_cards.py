"""The printed card: what enters, what locks it, what kills it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain.errors import Refused
from lms.domain.people import cards, logins, staff
from lms.domain.people.cards import LoginAttempt, LoginResult, NewCard
from lms.domain.people.logins import digest
from lms.models import AccessCard, AuditEvent, KnownDevice, LoginKind, LoginSession, Person
from tests import factories
from tests.factories import NOW
from tests.factories.cards import Printed
from tests.support.narrow import of_type, present
from tests.support.school import School


def the_card(school: School) -> tuple[str, Printed]:
    def prepare(session: Session) -> tuple[str, Printed]:
        samira = factories.samira(session)
        return samira.id, factories.printed_card(session, samira)

    return school.write(prepare)


def by_link(
    school: School,
    card: Printed,
    *,
    by_link: bool = True,
    pin_wanted: bool = True,
    pin_right: bool = True,
    shared: bool = False,
    language: str | None = None,
    old_token: str | None = None,
) -> LoginAttempt:
    return LoginAttempt(
        card_id=card.id,
        by_link=by_link,
        pin_wanted=pin_wanted,
        pin_right=pin_right,
        pin_hash=school.read(lambda s: s.get_one(AccessCard, card.id).pin_hash),
        shared=shared,
        language=language,
        old_token=old_token,
    )


def is_known(school: School, card: Printed, *tokens: str) -> bool:
    return bool(school.read(lambda s: cards.known_device(s, s.get_one(AccessCard, card.id), tokens)))


def attempt(school: School, way: LoginAttempt) -> LoginResult | Refused:
    return school.write(lambda s: cards.log_in(s, way, now=NOW))


def code_of(outcome: LoginResult | Refused) -> str:
    assert isinstance(outcome, Refused)
    return outcome.code


def test_what_is_stored_of_a_card_is_not_what_is_printed(school: School) -> None:
    _, card = the_card(school)
    stored = school.read(lambda s: s.get_one(AccessCard, card.id))
    assert len(card.token) >= 22  # 18 bytes are 144 bits
    assert card.token not in (stored.token_hash, stored.pin_hash)
    assert stored.token_hash == digest(card.token)
    assert card.pin not in stored.pin_hash.split("$")[-1]
    assert len(card.code) == 8
    assert card.code.isdecimal()


def test_a_pin_is_never_one_of_the_first_that_anybody_tries() -> None:
    pins = {cards.new_pin() for _ in range(2000)}
    assert all(len(pin) == 4 and pin.isdecimal() and len(set(pin)) > 1 for pin in pins)
    assert not pins & {"1234", "4321", "1212"}


def test_link_and_pin_enter_and_the_device_is_known_from_then_on(school: School) -> None:
    person_id, card = the_card(school)
    entered = attempt(school, by_link(school, card))
    assert isinstance(entered, LoginResult)
    assert entered.kind == LoginKind.OWN
    device = entered.device_token
    assert device
    found = present(school.read(lambda s: logins.find_active(s, entered.token, now=NOW)))
    assert found.person_id == person_id
    assert found.card_id == card.id
    assert is_known(school, card, "x", device)
    assert not is_known(school, card, "x")


def test_a_shared_phone_is_forgotten_after_half_an_hour_and_never_known(school: School) -> None:
    _, card = the_card(school)
    entered = attempt(school, by_link(school, card, shared=True))
    assert isinstance(entered, LoginResult)
    assert entered.kind == LoginKind.SHARED
    assert entered.device_token is None
    assert school.read(lambda s: logins.find_active(s, entered.token, now=NOW + timedelta(minutes=29)))
    assert (
        school.read(lambda s: logins.find_active(s, entered.token, now=NOW + timedelta(minutes=30))) is None
    )


def test_the_fifth_wrong_pin_locks_the_card_even_for_the_right_one(school: School) -> None:
    _, card = the_card(school)
    wrong = by_link(school, card, pin_right=False)
    assert [code_of(attempt(school, wrong)) for _ in range(5)] == ["pin_wrong"] * 4 + ["card_locked"]
    assert code_of(attempt(school, by_link(school, card))) == "card_locked"
    assert school.read(lambda s: s.get_one(AccessCard, card.id).failed_pins) == 5


def test_four_wrong_pins_and_a_right_one_begin_the_count_anew(school: School) -> None:
    _, card = the_card(school)
    for _ in range(4):
        attempt(school, by_link(school, card, pin_right=False))
    assert isinstance(attempt(school, by_link(school, card)), LoginResult)
    assert school.read(lambda s: s.get_one(AccessCard, card.id).failed_pins) == 0


def test_a_known_device_passes_a_locked_card_by_its_link_only(school: School) -> None:
    _, card = the_card(school)
    for _ in range(5):
        attempt(school, by_link(school, card, pin_right=False))
    assert isinstance(attempt(school, by_link(school, card, pin_wanted=False, pin_right=False)), LoginResult)
    typed = by_link(school, card, by_link=False)
    assert code_of(attempt(school, typed)) == "code_wrong"


def test_the_typed_code_never_enters_without_a_pin(school: School) -> None:
    _, card = the_card(school)
    assert code_of(attempt(school, by_link(school, card, by_link=False, pin_wanted=False))) == "code_wrong"
    assert isinstance(attempt(school, by_link(school, card, by_link=False)), LoginResult)


def test_who_types_a_code_learns_nothing_about_cards(school: School) -> None:
    _, card = the_card(school)
    nobody = LoginAttempt(card_id=None, by_link=False, pin_wanted=True, pin_right=False)
    answers = [code_of(attempt(school, nobody))]
    for _ in range(6):  # the last one on a locked card
        answers.append(code_of(attempt(school, by_link(school, card, by_link=False, pin_right=False))))
    assert set(answers) == {"code_wrong"}


def test_a_guessed_code_costs_the_same_writes_whether_its_card_exists_or_not(school: School) -> None:
    _, card = the_card(school)
    nobody = LoginAttempt(card_id=None, by_link=False, pin_wanted=True, pin_right=False)
    wrong = by_link(school, card, by_link=False, pin_right=False)
    writes = []
    for way in [nobody] + [wrong] * 4 + [None] + [wrong]:
        if way is None:
            attempt(school, wrong)  # the fifth, which also writes in the journal, once
            continue
        with school.counting_statements() as sent:
            attempt(school, way)
        writes.append(len([statement for statement in sent if statement.startswith("UPDATE")]))
    assert writes == [1] * 6


def test_a_pin_that_was_renewed_between_the_work_and_the_lock_does_not_enter(school: School) -> None:
    person_id, card = the_card(school)
    way = by_link(school, card)
    school.write(
        lambda s: cards.renew_pin(
            s, factories.nadia(s), s.get_one(Person, person_id), "another hash", now=NOW
        )
    )
    assert code_of(attempt(school, way)) == "pin_wrong"


def test_entering_ends_the_entry_that_was_on_the_device(school: School) -> None:
    _, card = the_card(school)
    first = of_type(LoginResult, attempt(school, by_link(school, card)))
    second = of_type(LoginResult, attempt(school, by_link(school, card, old_token=first.token)))
    assert second.token != first.token
    assert school.read(lambda s: logins.find_active(s, first.token, now=NOW)) is None
    assert school.read(lambda s: logins.find_active(s, second.token, now=NOW))


def test_a_new_card_kills_the_old_one_its_entries_and_the_devices_that_knew_it(school: School) -> None:
    person_id, old = the_card(school)
    way = by_link(school, old)
    entered = of_type(LoginResult, attempt(school, way))
    school.write(lambda s: factories.printed_card(s, s.get_one(Person, person_id)))
    assert school.read(lambda s: logins.find_active(s, entered.token, now=NOW)) is None
    assert school.read(lambda s: cards.card_by_token(s, old.token)) is None
    assert school.read(lambda s: cards.card_by_code(s, old.code)) is None
    assert school.read(lambda s: s.scalar(select(func.count(KnownDevice.id)))) == 0
    assert code_of(attempt(school, way)) == "card_dead"
    actions = school.read(lambda s: s.scalars(select(AuditEvent.action)).all())
    assert actions.count("card_issued") == 2


def test_the_card_of_somebody_who_left_is_as_good_as_none(school: School) -> None:
    person_id, card = the_card(school)
    school.write(lambda s: staff.deactivate(s, factories.nadia(s), s.get_one(Person, person_id), now=NOW))
    assert school.read(lambda s: cards.card_by_token(s, card.token)) is None
    assert code_of(attempt(school, by_link(school, card))) == "card_dead"
    with pytest.raises(Refused, match="person_deactivated"):
        school.write(lambda s: factories.printed_card(s, s.get_one(Person, person_id)))


def test_a_colleague_carries_no_card(school: School) -> None:
    with pytest.raises(Refused, match="card_not_learner"):
        school.write(lambda s: factories.printed_card(s, factories.luc(s)))


def test_a_teacher_opens_a_locked_card_again(school: School) -> None:
    person_id, card = the_card(school)
    for _ in range(5):
        attempt(school, by_link(school, card, pin_right=False))
    school.write(lambda s: cards.unlock_card(s, factories.nadia(s), s.get_one(Person, person_id), now=NOW))
    assert isinstance(attempt(school, by_link(school, card)), LoginResult)


def test_unlocking_an_open_card_leaves_no_line_in_the_journal(school: School) -> None:
    person_id, _ = the_card(school)
    school.write(lambda s: cards.unlock_card(s, factories.nadia(s), s.get_one(Person, person_id), now=NOW))
    assert "card_unlocked" not in school.read(lambda s: s.scalars(select(AuditEvent.action)).all())


def test_without_a_card_there_is_nothing_to_unlock_or_to_renew(school: School) -> None:
    for operation in (
        lambda s: cards.unlock_card(s, factories.nadia(s), factories.oksana(s), now=NOW),
        lambda s: cards.renew_pin(s, factories.nadia(s), factories.oksana(s), "hash", now=NOW),
    ):
        with pytest.raises(Refused, match="card_missing"):
            school.write(operation)


def test_the_language_chosen_at_the_door_counts_at_the_first_entry_only(school: School) -> None:
    def prepare(session: Session) -> tuple[str, Printed]:
        person = factories.learner(session, "Yusuf")
        return person.id, factories.printed_card(session, person)

    person_id, card = school.write(prepare)
    attempt(school, by_link(school, card, language="tr"))
    assert school.read(lambda s: s.get_one(Person, person_id).language) == "tr"
    attempt(school, by_link(school, card, language="uk"))
    assert school.read(lambda s: s.get_one(Person, person_id).language) == "tr"


def test_a_person_has_one_living_card(school: School) -> None:
    person_id, _ = the_card(school)
    school.write(lambda s: factories.printed_card(s, s.get_one(Person, person_id)))
    living = select(func.count(AccessCard.id)).where(AccessCard.revoked_at.is_(None))
    assert school.read(lambda s: s.scalar(living)) == 1
    assert school.read(lambda s: s.scalar(select(func.count(LoginSession.id)))) == 0


def issue_to(school: School, *names: str, number: int = 0) -> list[str]:
    """Issue a card to each of these learners in one transaction; return the tokens."""

    def operation(session: Session) -> list[str]:
        new = [
            NewCard(
                session.scalars(select(Person).where(Person.name == name)).one(), f"{name} {number}", "hash"
            )
            for name in names
        ]
        issued = cards.issue_cards(session, factories.nadia(session), new, now=NOW)
        assert [card.person_id for card in issued] == [one.person.id for one in new]
        return [one.token for one in new]

    return school.write(operation)


def test_cards_of_many_are_each_their_own_and_each_is_in_the_journal(school: School) -> None:
    names = [f"Apprenant {number}" for number in range(5)]
    school.write(lambda s: [factories.learner(s, name) for name in names])
    tokens = issue_to(school, *names)
    found = school.read(lambda s: [present(cards.card_by_token(s, token)) for token in tokens])
    assert len({card.code for card in found}) == len({card.person_id for card in found}) == 5
    issued = select(AuditEvent.object_id).where(AuditEvent.action == "card_issued")
    assert sorted(school.read(lambda s: s.scalars(issued).all())) == sorted(card.person_id for card in found)
    assert school.read(lambda s: cards.people_with_card(s, [found[0].person_id, "nobody"])) == {
        found[0].person_id
    }


def test_new_cards_of_many_end_the_old_cards_of_those_who_had_one_and_no_other_card(school: School) -> None:
    person_id, old = the_card(school)
    entered = of_type(LoginResult, attempt(school, by_link(school, old)))
    kept = school.write(lambda s: factories.printed_card(s, factories.learner(s, "Elif")))
    school.write(factories.oksana)
    issue_to(school, "Samira", "Oksana Bondar")
    assert school.read(lambda s: cards.card_by_token(s, old.token)) is None
    assert school.read(lambda s: logins.find_active(s, entered.token, now=NOW)) is None
    assert school.read(lambda s: s.scalar(select(func.count(KnownDevice.id)))) == 0
    assert present(school.read(lambda s: cards.card_by_token(s, kept.token))).person_id != person_id


def test_many_cards_cost_as_many_statements_as_two(school: School) -> None:
    names = [f"Apprenant {number}" for number in range(40)]
    school.write(lambda s: [factories.learner(s, name) for name in names])
    issue_to(school, *names)

    def statements(chosen: list[str], number: int) -> int:
        with school.counting_statements() as sent:
            issue_to(school, *chosen, number=number)
        return len(sent) - 2 * len(chosen)  # what `issue_to` reads: each person with the roles

    few = statements(names[:2], 1)
    assert statements(names, 2) == few


@pytest.mark.parametrize("code", ["card_not_learner", "person_deactivated"])
def test_one_who_may_have_no_card_keeps_all_the_others_from_theirs(school: School, code: str) -> None:
    def prepare(session: Session) -> str:
        factories.samira(session)
        refused = factories.luc(session) if code == "card_not_learner" else factories.oksana(session)
        if code == "person_deactivated":
            staff.deactivate(session, factories.nadia(session), refused, now=NOW)
        return refused.name

    name = school.write(prepare)
    with pytest.raises(Refused, match=code):
        issue_to(school, "Samira", name)
    assert school.read(lambda s: s.scalar(select(func.count(AccessCard.id)))) == 0


@pytest.mark.parametrize("school", ["postgresql"], indirect=True)
def test_whoever_gets_a_card_is_kept_from_a_second_one_at_the_same_moment(school: School) -> None:
    samira, oksana = school.write(lambda s: (factories.samira(s).id, factories.oksana(s).id))

    def issue(session: Session) -> list[str]:
        new = NewCard(session.get_one(Person, samira), "a token", "hash")
        cards.issue_cards(session, factories.nadia(session), [new], now=NOW)
        free = select(Person.id).where(Person.id.in_((samira, oksana)))
        with school.engine.connect() as other:
            return list(other.scalars(free.with_for_update(key_share=True, skip_locked=True)))

    assert school.write(issue) == [oksana]
