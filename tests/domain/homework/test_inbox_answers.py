"""Receipts of mails: one a sender in ten minutes, ten a day, and never before the files are ready."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.homework import inbox_answers, inbox_filing, preparation
from lms.domain.homework.inbox_answers import receipt_number
from lms.models import InboundMail, InboundPart, MailState, OutboxItem
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW
from tests.support.mails import waiting_mail
from tests.support.school import School


def filed(session: Session, number: int = 1) -> list[InboundMail]:
    """Mails of one sender, each filed as another homework."""
    found = []
    for n in range(number):
        mail = waiting_mail(session, f"texte {n}")
        assignment = factories.assignment(session)
        learner = factories.samira(session)
        inbox_filing.file_mail(session, None, mail, learner, assignment.id, quota=9999, now=NOW)
        found.append(mail)
    return found


def posted(session: Session) -> list[str]:
    return list(session.scalars(select(OutboxItem.kind)))


def test_a_sender_gets_one_receipt_in_ten_minutes_and_ten_a_day(school: School) -> None:
    def story(session: Session) -> list[int]:
        filed(session, 14)
        minutes = [0, 5, *range(11, 160, 11)]
        return [inbox_answers.post_answers(session, now=NOW + timedelta(minutes=m)) for m in minutes]

    counts = school.write(story)
    assert counts[:3] == [1, 0, 1]
    assert sum(counts) == 10


def test_an_attempt_with_a_file_that_waits_has_no_receipt_until_the_file_is_ready(school: School) -> None:
    """And one of which no file can be opened was no homework."""

    def story(session: Session) -> None:
        mail = waiting_mail(session, "")
        session.add(
            InboundPart(
                mail_id=mail.id,
                position=1,
                kind="photo",
                shown_name="IMG.jpg",
                size=7,
                sha256="0" * 64,
                received_key="k" * 26,
            )
        )
        session.flush()
        assignment = factories.assignment(session)
        inbox_filing.file_mail(
            session, None, mail, factories.samira(session), assignment.id, quota=9999, now=NOW
        )
        assert inbox_answers.post_answers(session, now=NOW) == 0
        (file_id,) = preparation.due_files(session, now=NOW)
        claimed = preparation.claim_file(session, file_id, now=NOW)
        assert claimed is not None
        preparation.refuse_file(session, claimed, RefusalCode.FILE_BROKEN, "photo", now=NOW)
        assert inbox_answers.post_answers(session, now=NOW) == 1
        assert posted(session) == ["mail_unreadable"]
        assert (mail.state, mail.why) == (MailState.REFUSED, RefusalCode.MAIL_NO_HOMEWORK)

    school.write(story)


def test_a_mail_that_nobody_may_answer_gets_no_receipt(school: School) -> None:
    def story(session: Session) -> int:
        (mail,) = filed(session)
        mail.answers_to = None
        session.flush()
        return inbox_answers.post_answers(session, now=NOW)

    assert school.write(story) == 0


def test_the_number_of_an_attempt_is_six_digits_and_always_the_same() -> None:
    numbers = {receipt_number(f"attempt{n}") for n in range(200)}
    assert len(numbers) > 190
    assert all(len(number) == 7 and number.replace("\N{NO-BREAK SPACE}", "").isdigit() for number in numbers)
    assert receipt_number("attempt1") == receipt_number("attempt1")
