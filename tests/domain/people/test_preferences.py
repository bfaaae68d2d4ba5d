"""What a person decides for herself."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from lms.domain.people import logins, preferences
from lms.domain.people.preferences import Wishes
from lms.models import AuditEvent
from tests import factories
from tests.factories import NOW
from tests.support.school import House


def change(house: House, who, token: str, **wishes: object) -> None:
    def verb(session) -> None:
        entry = logins.living(session, token, NOW)
        preferences.change(session, who(session), entry.id, Wishes(**wishes), now=NOW)

    house.write(verb)


def test_a_learner_chooses_language_letters_and_how_to_be_reached(house: House) -> None:
    token = house.write(lambda s: factories.entered(s, factories.samira(s)))
    change(
        house, factories.samira, token, language="tr", text_size="large", email=None, phone="0475 12 34 56"
    )
    samira = house.read(factories.samira)
    assert (samira.language, samira.text_size, samira.email, samira.phone) == (
        "tr",
        "large",
        None,
        "0475 12 34 56",
    )
    assert house.read(lambda s: s.scalars(select(AuditEvent.detail)).all()) == [
        "language,text_size,email,phone"
    ]


def test_how_messages_find_her_stays_as_it_was_where_she_was_not_asked(house: House) -> None:
    token = house.write(lambda s: factories.entered(s, factories.samira(s)))
    change(house, factories.samira, token, language="fr", reach="hand")
    change(house, factories.samira, token, language="fr")
    assert house.read(factories.samira).reach == "hand"


def test_a_phone_said_to_be_shared_leaves_after_half_an_hour(house: House) -> None:
    token = house.write(lambda s: factories.entered(s, factories.samira(s)))
    change(house, factories.samira, token, language="ar", shared=True)
    assert house.read(lambda s: logins.living(s, token, NOW + timedelta(minutes=31))) is None
    change(house, factories.samira, token, language="ar", shared=False)
    assert house.read(lambda s: logins.living(s, token, NOW + timedelta(days=179)))


def test_a_colleague_keeps_the_twelve_hours_and_the_address(house: House) -> None:
    token = house.write(lambda s: factories.entered(s, factories.luc(s)))
    change(house, factories.luc, token, language="en", shared=False, email="elsewhere@example.be")
    luc = house.read(factories.luc)
    assert (luc.language, luc.email) == ("en", None)
    assert house.read(lambda s: logins.living(s, token, NOW + timedelta(hours=13))) is None


def test_consent_to_the_video_is_withdrawn_once(house: House) -> None:
    def agree(session) -> None:
        factories.samira(session).video_consent_at = NOW

    house.write(agree)
    for _ in range(2):
        house.write(lambda s: preferences.withdraw_video(s, factories.samira(s), now=NOW))
    assert house.read(lambda s: factories.samira(s).video_consent_at) is None
    assert house.read(lambda s: s.scalars(select(AuditEvent.action)).all()) == ["video_consent_withdrawn"]


def test_leaving_everywhere_ends_every_entry_of_hers_alone(house: House) -> None:
    hers = [house.write(lambda s: factories.entered(s, factories.samira(s))) for _ in range(2)]
    other = house.write(lambda s: factories.entered(s, factories.oksana(s)))
    house.write(lambda s: preferences.leave_everywhere(s, factories.samira(s), now=NOW))
    assert [house.read(lambda s, t=t: logins.living(s, t, NOW)) for t in hers] == [None, None]
    assert house.read(lambda s: logins.living(s, other, NOW))
