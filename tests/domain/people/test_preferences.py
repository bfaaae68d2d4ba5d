"""What a person decides for herself."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.people import logins, preferences
from lms.domain.people.preferences import Preferences
from lms.models import AuditEvent, Channel
from tests import factories
from tests.factories import NOW, Who
from tests.support.narrow import present
from tests.support.school import School


def change(school: School, who: Who, token: str, chosen: Preferences) -> None:
    def operation(session: Session) -> None:
        entry = present(logins.find_active(session, token, now=NOW))
        preferences.update_preferences(session, who(session), entry.id, chosen, now=NOW)

    school.write(operation)


def test_a_learner_chooses_language_letters_and_how_to_be_reached(school: School) -> None:
    token = school.write(lambda s: factories.entered(s, factories.samira(s)))
    change(
        school,
        factories.samira,
        token,
        Preferences("tr", text_size="large", email=None, phone="0475 12 34 56"),
    )
    samira = school.read(factories.samira)
    assert (samira.language, samira.text_size, samira.email, samira.phone) == (
        "tr",
        "large",
        None,
        "0475 12 34 56",
    )
    assert school.read(lambda s: s.scalars(select(AuditEvent.detail)).all()) == [
        "language,text_size,email,phone"
    ]


def test_how_messages_find_her_stays_as_it_was_where_she_was_not_asked(school: School) -> None:
    token = school.write(lambda s: factories.entered(s, factories.samira(s)))
    change(school, factories.samira, token, Preferences("fr", reach="hand"))
    change(school, factories.samira, token, Preferences("fr"))
    assert school.read(factories.samira).reach == Channel.HAND


def test_a_phone_said_to_be_shared_leaves_after_half_an_hour(school: School) -> None:
    token = school.write(lambda s: factories.entered(s, factories.samira(s)))
    change(school, factories.samira, token, Preferences("ar", shared=True))
    assert school.read(lambda s: logins.find_active(s, token, now=NOW + timedelta(minutes=31))) is None
    change(school, factories.samira, token, Preferences("ar", shared=False))
    assert school.read(lambda s: logins.find_active(s, token, now=NOW + timedelta(days=179)))


def test_a_colleague_keeps_the_twelve_hours_and_the_address(school: School) -> None:
    token = school.write(lambda s: factories.entered(s, factories.luc(s)))
    change(school, factories.luc, token, Preferences("en", shared=False, email="elsewhere@example.be"))
    luc = school.read(factories.luc)
    assert (luc.language, luc.email) == ("en", None)
    assert school.read(lambda s: logins.find_active(s, token, now=NOW + timedelta(hours=13))) is None


def test_a_teacher_switches_the_keys_of_a_letter_off_and_keeps_that_choice(school: School) -> None:
    token = school.write(lambda s: factories.entered(s, factories.luc(s)))
    assert school.read(factories.luc).letter_keys
    change(school, factories.luc, token, Preferences("fr", letter_keys=False))
    change(school, factories.luc, token, Preferences("en"))
    assert not school.read(factories.luc).letter_keys
    assert school.read(lambda s: s.scalars(select(AuditEvent.detail)).all()) == ["letter_keys", "language"]


def test_only_a_teacher_has_keys_of_a_letter_to_switch_off(school: School) -> None:
    token = school.write(lambda s: factories.entered(s, factories.samira(s)))
    change(school, factories.samira, token, Preferences("fr", letter_keys=False))
    assert school.read(factories.samira).letter_keys


def test_consent_to_the_video_is_withdrawn_once(school: School) -> None:
    def agree(session: Session) -> None:
        factories.samira(session).video_consent_at = NOW

    school.write(agree)
    for _ in range(2):
        school.write(lambda s: preferences.withdraw_video_consent(s, factories.samira(s), now=NOW))
    assert school.read(lambda s: factories.samira(s).video_consent_at) is None
    assert school.read(lambda s: s.scalars(select(AuditEvent.action)).all()) == ["video_consent_withdrawn"]


def test_leaving_everywhere_ends_every_entry_of_hers_alone(school: School) -> None:
    hers = [school.write(lambda s: factories.entered(s, factories.samira(s))) for _ in range(2)]
    other = school.write(lambda s: factories.entered(s, factories.oksana(s)))
    school.write(lambda s: preferences.log_out_everywhere(s, factories.samira(s), now=NOW))
    assert [school.read(partial(logins.find_active, token=token, now=NOW)) for token in hers] == [None, None]
    assert school.read(lambda s: logins.find_active(s, other, now=NOW))
