"""Three phones, one card: which of them asks for the PIN, and which is still logged in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from lms.domain.people import cards, logins, preferences
from lms.domain.people.preferences import Preferences
from lms.models import AccessCard, LoginSession
from tests import factories
from tests.factories import NOW
from tests.support.narrow import of_type, present
from tests.support.school import School

PIN = "hash"
PHONE, SHARED = st.integers(0, 2), st.booleans()
OPERATIONS = st.one_of(
    st.tuples(st.just("log_in"), PHONE, SHARED),
    st.tuples(st.just("log_in"), PHONE, SHARED),
    st.tuples(st.just("log_out"), PHONE),
    st.tuples(st.just("end_from_elsewhere"), PHONE),
    st.tuples(st.just("set_shared"), PHONE, SHARED),
    st.tuples(st.just("end_everywhere")),
    st.tuples(st.just("renew_pin")),
    st.tuples(st.just("issue_card")),
)


@dataclass
class Phone:
    """The cookies of a phone, and what the model says of it."""

    session: str = ""
    device: str = ""
    is_known: bool = False
    is_in: bool = False

    def forget(self) -> None:
        self.is_in = self.is_known = False


class Phones:
    """Samira's three phones."""

    def __init__(self, session: Session) -> None:
        self.session, self.samira = session, factories.samira(session)
        self.phones = [Phone() for _ in range(3)]
        self.issue_card()

    def issue_card(self) -> None:
        token, nadia = cards.new_secrets().token, factories.nadia(self.session)
        self.card: AccessCard = cards.issue_card(self.session, nadia, self.samira, token, PIN, now=NOW)
        self.forget_all()

    def renew_pin(self) -> None:
        cards.renew_pin(self.session, factories.nadia(self.session), self.samira, PIN, now=NOW)
        self.forget_all()

    def end_everywhere(self) -> None:
        preferences.log_out_everywhere(self.session, self.samira, now=NOW)
        self.forget_all()

    def log_in(self, number: int, shared: bool) -> None:
        phone = self.phones[number]
        attempt = cards.LoginAttempt(
            card_id=self.card.id,
            by_link=True,
            pin_wanted=not phone.is_known,
            pin_right=True,
            pin_hash=PIN,
            shared=shared,
            old_token=phone.session or None,
            device_tokens=[phone.device],
        )
        result = of_type(cards.LoginResult, cards.log_in(self.session, attempt, now=NOW))
        phone.session, phone.is_in, phone.is_known = result.token, True, not shared
        phone.device = result.device_token or phone.device

    def log_out(self, number: int) -> None:
        logins.log_out(self.session, self.phones[number].session, now=NOW)
        if self.phones[number].is_in:
            self.phones[number].forget()

    def end_from_elsewhere(self, number: int) -> None:
        login = self.login(self.phones[number])
        if login is not None:
            logins.end_login(self.session, self.samira, login.id, now=NOW)
            self.phones[number].forget()

    def set_shared(self, number: int, shared: bool) -> None:
        phone, samira = self.phones[number], self.samira
        login = self.login(phone)
        if login is not None:
            terms = Preferences(samira.language, samira.text_size, shared, samira.email, samira.phone, None)
            preferences.update_preferences(self.session, samira, login.id, terms, now=NOW)
            phone.is_known = phone.is_known and not shared

    def forget_all(self) -> None:
        for phone in self.phones:
            phone.forget()

    def login(self, phone: Phone) -> LoginSession | None:
        return logins.find_active(self.session, phone.session, now=NOW)

    def check(self) -> None:
        self.session.flush()
        self.session.expire_all()
        card = present(cards.card_of(self.session, self.samira))
        for phone in self.phones:
            assert (self.login(phone) is not None) == phone.is_in
            assert (cards.known_device(self.session, card, [phone.device]) is not None) == phone.is_known


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(OPERATIONS, min_size=3, max_size=20))
def test_a_phone_is_known_until_its_login_or_its_card_ends(school: School, operations: list[Any]) -> None:
    def live(session: Session) -> None:
        phones = Phones(session)
        for name, *terms in operations:
            getattr(phones, name)(*terms)
            phones.check()

    school.write_and_undo(live)
