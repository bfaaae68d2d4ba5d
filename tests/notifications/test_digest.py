"""The words of the mail of Monday."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lms import clock
from lms.adapters.mail.message import Email
from lms.domain import outbox
from lms.jobs import MAIL_RENDERERS
from lms.models import OutboxItem, Person
from lms.notifications import render_email
from tests import factories
from tests.support.school import School

_ITEM = select(OutboxItem).options(joinedload(OutboxItem.person).selectinload(Person.role_rows))


def rendered(school: School) -> Email | None:
    def render(session: Session) -> Email | None:
        item = session.scalars(_ITEM).one()
        return render_email(session, item, MAIL_RENDERERS["teacher_digest"], school.settings, clock.now())

    return school.read(render)


def monday(school: School, copies: int) -> None:
    def write(session: Session) -> None:
        nadia, work = factories.nadia(session), factories.assignment(session)
        for number in range(copies):
            sent = clock.now() - timedelta(days=9 - number, hours=-1)  # none at the very end of a week
            factories.sent(session, factories.learner(session, f"Ahmad {number}"), work, now=sent)
        outbox.post(session, "teacher_digest", nadia, "2026-W48", now=clock.now())

    school.write(write)


def test_it_says_how_many_wait_the_oldest_and_whom_to_look_after(school: School) -> None:
    monday(school, 3)
    mail = rendered(school)
    assert mail is not None
    assert mail.subject == "3 copies attendent"
    words = (
        "3 copies attendent une réponse.",
        "La plus ancienne : Ahmad 0, depuis 8 jours.",
        "2 attendent depuis plus de 7 jours.",
        "Ahmad 0 : Premier devoir envoyé",
        "/corrections",
        "décochez",
    )
    html = mail.html.replace("<bdi>", "").replace("</bdi>", "")
    for said in words:
        typeset = said.replace(" : ", "\u00a0: ")
        assert typeset in mail.text
        assert typeset in html or said == words[0], "the heading says it"


def test_one_copy_is_written_as_one_and_nothing_is_no_mail(school: School) -> None:
    monday(school, 1)
    mail = rendered(school)
    assert mail is not None
    assert mail.subject == "1 copie attend"
    school.write(lambda s: setattr(factories.nadia(s), "weekly_digest", False))
    assert rendered(school) is None


def test_what_was_answered_meanwhile_is_no_mail(school: School) -> None:
    monday(school, 0)
    assert rendered(school) is None
