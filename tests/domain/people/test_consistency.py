"""The check of people, cards and logins: a school that lives is sound, each planted fault is named."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lms.domain.people import cards, staff
from lms.domain.people.cards import LoginAttempt
from lms.domain.people.consistency import PIN_TRIES, find_people_faults
from lms.models import AccessCard, KnownDevice, LoginSession, PasswordLink, Person, PersonRole, Role
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def faults(school: School) -> list[str]:
    return school.read(lambda s: find_people_faults(s, now=NOW))


def live(session: Session) -> str:
    """Samira has a card, a login and a known device; Luc left, with a card revoked and a login ended."""
    samira, claire, luc = factories.samira(session), factories.claire(session), factories.luc(session)
    factories.printed_card(session, samira)  # replaced, which ends it
    card = factories.printed_card(session, samira)
    attempt = LoginAttempt(
        card_id=card.id,
        by_link=True,
        pin_wanted=True,
        pin_right=True,
        pin_hash=session.get_one(AccessCard, card.id).pin_hash,
    )
    cards.log_in(session, attempt, now=NOW)
    factories.entered(session, luc)
    staff.request_reset(session, luc.login_email or "", staff.new_token(), now=NOW)
    staff.deactivate(session, claire, luc, now=NOW)
    return card.id


def test_a_school_in_which_people_come_and_go_is_sound(school: School) -> None:
    assert faults(school) == []
    school.write(live)
    assert faults(school) == []


def test_five_wrong_pins_lock_the_card_and_are_no_fault(school: School) -> None:
    card = school.write(live)
    wrong = LoginAttempt(card_id=card, by_link=True, pin_wanted=True, pin_right=False)
    for _ in range(PIN_TRIES):
        school.write(lambda s: cards.log_in(s, wrong, now=NOW))
    assert faults(school) == []
    school.write(lambda s: s.execute(update(AccessCard).where(AccessCard.id == card).values(locked_at=None)))
    assert faults(school) == [f"card {card}: not locked after {PIN_TRIES} wrong PINs"]


def test_a_login_and_a_link_of_somebody_who_left_are_found(school: School) -> None:
    school.write(live)
    luc = school.read(lambda s: factories.luc(s).id)

    def plant(session: Session) -> None:
        of_luc = session.scalars(select(LoginSession).where(LoginSession.person_id == luc)).one()
        of_luc.ended_at = None
        session.add(
            PasswordLink(person_id=luc, token_hash="x", created_at=NOW, expires_at=NOW + timedelta(hours=1))
        )

    school.write(plant)
    login, link = faults(school)
    assert login.startswith("login ")
    assert login.endswith(f"still open, and {luc} is deactivated")
    assert link.endswith(f"can be used, and {luc} is deactivated")


def test_a_login_and_a_device_of_a_revoked_card_are_found(school: School) -> None:
    card = school.write(live)
    school.write(lambda s: s.execute(update(AccessCard).where(AccessCard.id == card).values(revoked_at=NOW)))
    login = school.read(
        lambda s: s.scalars(select(LoginSession.id).where(LoginSession.card_id == card)).one()
    )
    device = school.read(lambda s: s.scalars(select(KnownDevice.id).where(KnownDevice.card_id == card)).one())
    assert faults(school) == [
        f"login {login}: still open, and its card {card} is revoked",
        f"device {device}: still known to the card {card}, which is revoked",
    ]


def test_somebody_without_a_role_and_the_card_of_no_learner_are_found(school: School) -> None:
    card = school.write(live)
    samira = school.read(lambda s: factories.samira(s).id)
    school.write(lambda s: s.execute(delete(PersonRole).where(PersonRole.person_id == samira)))
    assert faults(school) == [
        f"person {samira}: has no role",
        f"card {card}: is valid, and {samira} is no learner",
    ]


def test_a_learner_of_somebody_who_is_no_social_worker_is_found(school: School) -> None:
    def plant(session: Session) -> list[str]:
        samira, oksana = factories.samira(session), factories.oksana(session)
        samira.social_worker_id = factories.luc(session).id
        oksana.social_worker_id = factories.farid(session).id
        return [samira.id, factories.luc(session).id]

    school.write(factories.claire)
    samira, luc = school.write(plant)
    assert faults(school) == [f"learner {samira}: is assigned to {luc}, who is no active social worker"]


def test_a_school_that_nobody_can_change_is_found(school: School) -> None:
    school.write(live)
    chief = select(PersonRole.person_id).where(PersonRole.role == Role.COORDINATOR)
    school.write(lambda s: s.execute(update(Person).where(Person.id.in_(chief)).values(deactivated_at=NOW)))
    assert faults(school) == ["the organisation has no active coordinator"]


def test_the_check_asks_no_more_of_a_large_school(school: School) -> None:
    school.write(live)
    with school.counting_statements() as few:
        faults(school)
    school.write(
        lambda s: [factories.printed_card(s, factories.learner(s, f"L {n}")) for n in range(5)] and None
    )
    with school.counting_statements() as many:
        faults(school)
    assert len(many) == len(few) <= 9
