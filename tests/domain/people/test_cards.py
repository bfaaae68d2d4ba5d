"""The printed card: what enters, what locks it, what kills it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from lms.domain.errors import Refused
from lms.domain.people import cards, logins, staff
from lms.domain.people.cards import Entered, Way
from lms.domain.people.logins import digest
from lms.models import AccessCard, AccessSession, AuditEvent, KnownDevice, Person
from tests import factories
from tests.factories import NOW
from tests.factories.cards import Printed
from tests.support.school import House


def the_card(house: House) -> tuple[str, Printed]:
    def prepare(session):
        samira = factories.samira(session)
        return samira.id, factories.printed_card(session, samira)

    return house.write(prepare)


def by_link(house: House, card: Printed, **more: object) -> Way:
    stored = house.read(lambda s: s.get_one(AccessCard, card.id).pin_hash)
    way = Way(card_id=card.id, by_link=True, pin_wanted=True, pin_right=True, pin_hash=stored)
    return replace(way, **more)


def attempt(house: House, way: Way, now=NOW) -> Entered | Refused:
    return house.write(lambda s: cards.attempt(s, way, now=now))


def code_of(outcome: Entered | Refused) -> str:
    assert isinstance(outcome, Refused)
    return outcome.code


def test_what_is_stored_of_a_card_is_not_what_is_printed(house: House) -> None:
    _, card = the_card(house)
    stored = house.read(lambda s: s.get_one(AccessCard, card.id))
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


def test_link_and_pin_enter_and_the_device_is_known_from_then_on(house: House) -> None:
    person_id, card = the_card(house)
    entered = attempt(house, by_link(house, card))
    assert isinstance(entered, Entered)
    assert entered.kind == "own"
    assert entered.device_token
    found = house.read(lambda s: logins.living(s, entered.token, NOW))
    assert found.person_id == person_id
    assert found.card_id == card.id
    assert house.read(lambda s: cards.knows(s, s.get_one(AccessCard, card.id), ["x", entered.device_token]))
    assert not house.read(lambda s: cards.knows(s, s.get_one(AccessCard, card.id), ["x"]))


def test_a_shared_phone_is_forgotten_after_half_an_hour_and_never_known(house: House) -> None:
    _, card = the_card(house)
    entered = attempt(house, by_link(house, card, shared=True))
    assert isinstance(entered, Entered)
    assert entered.kind == "shared"
    assert entered.device_token is None
    assert house.read(lambda s: logins.living(s, entered.token, NOW + timedelta(minutes=29)))
    assert house.read(lambda s: logins.living(s, entered.token, NOW + timedelta(minutes=30))) is None


def test_the_fifth_wrong_pin_locks_the_card_even_for_the_right_one(house: House) -> None:
    _, card = the_card(house)
    wrong = by_link(house, card, pin_right=False)
    assert [code_of(attempt(house, wrong)) for _ in range(5)] == ["pin_wrong"] * 4 + ["card_locked"]
    assert code_of(attempt(house, by_link(house, card))) == "card_locked"
    assert house.read(lambda s: s.get_one(AccessCard, card.id).failed_pins) == 5


def test_four_wrong_pins_and_a_right_one_begin_the_count_anew(house: House) -> None:
    _, card = the_card(house)
    for _ in range(4):
        attempt(house, by_link(house, card, pin_right=False))
    assert isinstance(attempt(house, by_link(house, card)), Entered)
    assert house.read(lambda s: s.get_one(AccessCard, card.id).failed_pins) == 0


def test_a_known_device_passes_a_locked_card_by_its_link_only(house: House) -> None:
    _, card = the_card(house)
    for _ in range(5):
        attempt(house, by_link(house, card, pin_right=False))
    assert isinstance(attempt(house, by_link(house, card, pin_wanted=False, pin_right=False)), Entered)
    typed = by_link(house, card, by_link=False)
    assert code_of(attempt(house, typed)) == "code_wrong"


def test_the_typed_code_never_enters_without_a_pin(house: House) -> None:
    _, card = the_card(house)
    assert code_of(attempt(house, by_link(house, card, by_link=False, pin_wanted=False))) == "code_wrong"
    assert isinstance(attempt(house, by_link(house, card, by_link=False)), Entered)


def test_who_types_a_code_learns_nothing_about_cards(house: House) -> None:
    _, card = the_card(house)
    nobody = Way(card_id=None, by_link=False, pin_wanted=True, pin_right=False)
    answers = [code_of(attempt(house, nobody))]
    for _ in range(6):  # the last one on a locked card
        answers.append(code_of(attempt(house, by_link(house, card, by_link=False, pin_right=False))))
    assert set(answers) == {"code_wrong"}


def test_a_guessed_code_costs_the_same_writes_whether_its_card_exists_or_not(house: House) -> None:
    _, card = the_card(house)
    nobody = Way(card_id=None, by_link=False, pin_wanted=True, pin_right=False)
    wrong = by_link(house, card, by_link=False, pin_right=False)
    writes = []
    for way in [nobody] + [wrong] * 4 + [None] + [wrong]:
        if way is None:
            attempt(house, wrong)  # the fifth, which also writes in the journal, once
            continue
        with house.counting_statements() as sent:
            attempt(house, way)
        writes.append(len([statement for statement in sent if statement.startswith("UPDATE")]))
    assert writes == [1] * 6


def test_a_pin_that_was_renewed_between_the_work_and_the_lock_does_not_enter(house: House) -> None:
    person_id, card = the_card(house)
    way = by_link(house, card)
    house.write(
        lambda s: cards.renew_pin(
            s, s.get_one(Person, person_id), factories.nadia(s), "another hash", now=NOW
        )
    )
    assert code_of(attempt(house, way)) == "pin_wrong"


def test_entering_ends_the_entry_that_was_on_the_device(house: House) -> None:
    _, card = the_card(house)
    first = attempt(house, by_link(house, card))
    second = attempt(house, by_link(house, card, old_token=first.token))
    assert second.token != first.token
    assert house.read(lambda s: logins.living(s, first.token, NOW)) is None
    assert house.read(lambda s: logins.living(s, second.token, NOW))


def test_a_new_card_kills_the_old_one_its_entries_and_the_devices_that_knew_it(house: House) -> None:
    person_id, old = the_card(house)
    way = by_link(house, old)
    entered = attempt(house, way)
    house.write(lambda s: factories.printed_card(s, s.get_one(Person, person_id)))
    assert house.read(lambda s: logins.living(s, entered.token, NOW)) is None
    assert house.read(lambda s: cards.by_token(s, old.token)) is None
    assert house.read(lambda s: cards.by_code(s, old.code)) is None
    assert house.read(lambda s: s.scalar(select(func.count(KnownDevice.id)))) == 0
    assert code_of(attempt(house, way)) == "card_dead"
    actions = house.read(lambda s: s.scalars(select(AuditEvent.action)).all())
    assert actions.count("card_issued") == 2


def test_the_card_of_somebody_who_left_is_as_good_as_none(house: House) -> None:
    person_id, card = the_card(house)
    house.write(lambda s: staff.deactivate(s, s.get_one(Person, person_id), factories.nadia(s), now=NOW))
    assert house.read(lambda s: cards.by_token(s, card.token)) is None
    assert code_of(attempt(house, by_link(house, card))) == "card_dead"
    with pytest.raises(Refused, match="person_deactivated"):
        house.write(lambda s: factories.printed_card(s, s.get_one(Person, person_id)))


def test_a_colleague_carries_no_card(house: House) -> None:
    with pytest.raises(Refused, match="card_not_learner"):
        house.write(lambda s: factories.printed_card(s, factories.luc(s)))


def test_a_teacher_opens_a_locked_card_again(house: House) -> None:
    person_id, card = the_card(house)
    for _ in range(5):
        attempt(house, by_link(house, card, pin_right=False))
    house.write(lambda s: cards.unlock(s, s.get_one(Person, person_id), factories.nadia(s), now=NOW))
    assert isinstance(attempt(house, by_link(house, card)), Entered)


def test_unlocking_an_open_card_leaves_no_line_in_the_journal(house: House) -> None:
    person_id, _ = the_card(house)
    house.write(lambda s: cards.unlock(s, s.get_one(Person, person_id), factories.nadia(s), now=NOW))
    assert "card_unlocked" not in house.read(lambda s: s.scalars(select(AuditEvent.action)).all())


def test_without_a_card_there_is_nothing_to_unlock_or_to_renew(house: House) -> None:
    for verb in (
        lambda s: cards.unlock(s, factories.oksana(s), factories.nadia(s), now=NOW),
        lambda s: cards.renew_pin(s, factories.oksana(s), factories.nadia(s), "hash", now=NOW),
    ):
        with pytest.raises(Refused, match="card_missing"):
            house.write(verb)


def test_the_language_chosen_at_the_door_counts_at_the_first_entry_only(house: House) -> None:
    def prepare(session):
        person = factories.learner(session, "Yusuf")
        return person.id, factories.printed_card(session, person)

    person_id, card = house.write(prepare)
    attempt(house, by_link(house, card, language="tr"))
    assert house.read(lambda s: s.get_one(Person, person_id).language) == "tr"
    attempt(house, by_link(house, card, language="uk"))
    assert house.read(lambda s: s.get_one(Person, person_id).language) == "tr"


def test_a_person_has_one_living_card(house: House) -> None:
    person_id, _ = the_card(house)
    house.write(lambda s: factories.printed_card(s, s.get_one(Person, person_id)))
    living = select(func.count(AccessCard.id)).where(AccessCard.revoked_at.is_(None))
    assert house.read(lambda s: s.scalar(living)) == 1
    assert house.read(lambda s: s.scalar(select(func.count(AccessSession.id)))) == 0
