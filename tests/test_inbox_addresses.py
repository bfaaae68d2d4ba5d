"""Mails about homework can be answered, and come back to where the instance sees it."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.clock import now
from lms.inbox_addresses import bounce_address, reply_address
from lms.jobs import make_mailer
from lms.models import OutboxItem, Person
from tests import factories
from tests.support.imap import ADDRESS
from tests.support.school import School
from tests.support.smtp import SmtpServer


def use(school: School, **more: object) -> None:
    school.settings = replace(school.settings, **more)  # type: ignore[arg-type]
    school.app.extensions["lms_settings"] = school.settings


def test_returned_feedback_is_answered_to_the_address_of_its_homework(
    school: School, smtp: SmtpServer
) -> None:
    use(school, inbox_host="localhost", inbox_address=ADDRESS)

    def story(session: Session) -> tuple[Person, str]:
        samira, assignment = factories.samira(session), factories.assignment(session)
        factories.answered(session, factories.sent(session, samira, assignment, now=now()), now=now())
        return samira, assignment.id

    samira, assignment_id = school.write(story)
    item = school.read(lambda s: s.scalars(select(OutboxItem)).one())
    settings = replace(school.settings, mail_host=smtp.host, mail_port=smtp.port, mail_security="none")
    school.app.extensions["lms_jobs"].mailer = make_mailer(settings)
    school.deliver()
    (received,) = smtp.received
    assert received.message["Reply-To"] == reply_address(school.settings, samira, assignment_id)
    assert received.sender == bounce_address(school.settings, item.id)
    plain = received.message.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().startswith("-- Écrivez au-dessus de cette ligne --")
    html = received.message.get_body(("html",))
    assert html is not None
    assert "Écrivez au-dessus de cette ligne" in html.get_content()


def test_without_sub_addresses_there_is_one_address_and_without_a_mailbox_none(school: School) -> None:
    samira = school.write(factories.samira)
    use(school, inbox_host="localhost", inbox_address=ADDRESS, inbox_separator="")
    assert reply_address(school.settings, samira, "a" * 14) == ADDRESS
    assert bounce_address(school.settings, "a" * 14) is None
    use(school, inbox_host=None)
    assert reply_address(school.settings, samira, "a" * 14) is None
    assert bounce_address(school.settings, "a" * 14) is None
