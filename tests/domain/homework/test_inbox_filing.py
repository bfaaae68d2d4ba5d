"""A member of the team files a mail, puts it aside, ties its address."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.errors import Absent, Refused
from lms.domain.homework import inbox_filing
from lms.models import Attempt, AuditAction, AuditEvent, InboundMail, KnownAddress, MailState
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW
from tests.support.mails import waiting_mail
from tests.support.school import School

QUOTA = 1 << 20


def actions(session: Session) -> list[str]:
    ours = [AuditAction.MAIL_FILED, AuditAction.MAIL_SET_ASIDE]
    ours += [AuditAction.ADDRESS_TIED, AuditAction.ADDRESS_FORGOTTEN]
    return list(session.scalars(select(AuditEvent.action).where(AuditEvent.action.in_(ours))))


def test_a_mail_that_was_filed_by_hand_is_vouched_for_and_in_the_journal(school: School) -> None:
    def story(session: Session) -> None:
        nadia, samira, mail = factories.nadia(session), factories.samira(session), waiting_mail(session)
        assignment = factories.assignment(session)
        for _ in range(2):  # pressed twice
            inbox_filing.file_mail(session, nadia, mail, samira, assignment.id, quota=QUOTA, now=NOW)
        attempt = session.scalars(select(Attempt)).one()
        assert (mail.state, mail.attempt_id, mail.handled_by_id) == (MailState.FILED, attempt.id, nadia.id)
        assert not inbox_filing.is_unverified(session, attempt.id)
        assert actions(session) == [AuditAction.MAIL_FILED]

    school.write(story)


def test_what_was_filed_by_its_address_alone_is_unverified(school: School) -> None:
    def story(session: Session) -> None:
        mail, assignment = waiting_mail(session), factories.assignment(session)
        samira = factories.samira(session)
        inbox_filing.file_mail(session, None, mail, samira, assignment.id, quota=QUOTA, now=NOW)
        assert inbox_filing.is_unverified(session, mail.attempt_id or "")
        assert not inbox_filing.is_unverified(session, "another")

    school.write(story)


def test_it_goes_with_what_the_learner_has_begun_on_the_page(school: School) -> None:
    def story(session: Session) -> None:
        samira, assignment = factories.samira(session), factories.assignment(session)
        factories.drafted(session, samira, assignment, "lundi")
        mail = waiting_mail(session, "mardi")
        nadia = factories.nadia(session)
        inbox_filing.file_mail(session, nadia, mail, samira, assignment.id, quota=QUOTA, now=NOW)
        assert session.scalars(select(Attempt)).one().text == "lundi\n\nmardi"

    school.write(story)


def test_a_mail_that_was_put_aside_can_come_back_and_one_that_was_deleted_cannot(school: School) -> None:
    def story(session: Session) -> None:
        nadia, mail = factories.nadia(session), waiting_mail(session)
        inbox_filing.set_aside(session, nadia, mail, junk=True, now=NOW)
        assert (str(mail.state), mail.handled_at) == ("junk", NOW)
        inbox_filing.put_back_into_tray(session, mail)
        assert [waits.is_waiting for waits in (mail,)] == [True]
        inbox_filing.set_aside(session, nadia, mail, junk=False, now=NOW)
        stored, received = inbox_filing.delete_old_mails(session, now=NOW + timedelta(days=29))
        assert (stored, received) == ([], [])
        key = mail.store_key
        stored, _ = inbox_filing.delete_old_mails(session, now=NOW + timedelta(days=31))
        assert stored == [key]
        assert (mail.text, mail.subject, mail.from_address) == ("", "", "")
        assert inbox_filing.delete_old_mails(session, now=NOW + timedelta(days=32)) == ([], [])
        inbox_filing.put_back_into_tray(session, mail)
        assert [waits.is_waiting for waits in (mail,)] == [False]
        with pytest.raises(Refused) as refusal:
            inbox_filing.file_mail(session, nadia, mail, factories.samira(session), "x", quota=1, now=NOW)
        assert refusal.value.code == RefusalCode.MAIL_NO_HOMEWORK

    school.write(story)


def test_a_filed_mail_is_not_put_aside(school: School) -> None:
    def story(session: Session) -> None:
        nadia, mail, assignment = (
            factories.nadia(session),
            waiting_mail(session),
            factories.assignment(session),
        )
        samira = factories.samira(session)
        inbox_filing.file_mail(session, nadia, mail, samira, assignment.id, quota=QUOTA, now=NOW)
        inbox_filing.set_aside(session, nadia, mail, junk=True, now=NOW)
        assert mail.state == MailState.FILED

    school.write(story)


def test_an_address_has_one_learner_the_last_who_was_chosen(school: School) -> None:
    def story(session: Session) -> None:
        nadia, samira, oksana = (
            who(session) for who in (factories.nadia, factories.samira, factories.oksana)
        )
        for learner in (samira, samira, oksana):
            inbox_filing.tie_address(session, nadia, learner, "Papa@Example.org", now=NOW)
        (known,) = session.scalars(select(KnownAddress))
        assert (known.address, known.person_id) == ("papa@example.org", oksana.id)
        inbox_filing.forget_address(session, nadia, samira, known.id, now=NOW)
        assert inbox_filing.known_addresses(session, oksana) == [known]
        for _ in range(2):
            inbox_filing.forget_address(session, nadia, oksana, known.id, now=NOW)
        assert inbox_filing.known_addresses(session, oksana) == []
        assert sorted(actions(session)) == ["address_forgotten", "address_tied", "address_tied"]

    school.write(story)


def test_a_mail_that_nobody_has_looked_at_is_not_in_the_tray(school: School) -> None:
    def story(session: Session) -> None:
        mail = waiting_mail(session)
        assert inbox_filing.mail_for(session, mail.id) is mail
        mail.state = MailState.NEW
        session.flush()
        for missing in (mail.id, "nothing"):
            with pytest.raises(Absent):
                inbox_filing.mail_for(session, missing)
        assert session.scalars(select(InboundMail)).one() is mail

    school.write(story)
