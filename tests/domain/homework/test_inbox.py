"""What becomes of a mail: decided once, in one transaction."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms.domain.homework import inbox
from lms.domain.homework.inbox import Instance, MailPart, ParsedMail, StoredMail
from lms.domain.homework.reply_address import make_reply_token
from lms.models import (
    Assignment,
    Attachment,
    Attempt,
    FileKind,
    InboundMail,
    InboundPart,
    MailState,
    QueuedAttempt,
)
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW
from tests.support.school import School

SECRET = "a secret of the instance"
INSTANCE = Instance(SECRET, lambda dedupe: f"<{dedupe}>", quota=1 << 20)
PHOTO = MailPart(FileKind.PHOTO, "IMG_1.jpg", "k" * 26, 7, "1" * 64)


def stored(number: int = 1) -> StoredMail:
    return StoredMail("box", "1", str(number), f"{number:064d}", 9, f"{number:026d}")


def settle(session: Session, parsed: ParsedMail, number: int = 1) -> InboundMail:
    mail = inbox.receive_mail(session, stored(number), now=NOW)
    assert inbox.new_mails(session) == [(mail.id, mail.store_key)]
    assert inbox.settle_mail(session, mail.id, parsed, INSTANCE, now=NOW)
    assert inbox.new_mails(session) == []
    return mail


def to_samira(session: Session, *, kinds: tuple[str, ...] = ("photo", "text"), **more: object) -> ParsedMail:
    samira, assignment = factories.samira(session), factories.assignment(session, kinds=kinds)
    token = make_reply_token(SECRET, samira, assignment.id)
    values: dict[str, object] = {"tokens": (token,), "from_address": "papa@example.org", "text": "lundi"}
    return ParsedMail(**{**values, **more})  # type: ignore[arg-type]


def test_a_mail_becomes_a_sent_attempt_with_its_files_once(school: School) -> None:
    def story(session: Session) -> None:
        parsed = to_samira(session, parts=(PHOTO,))
        mail = settle(session, parsed)
        assert (mail.state, mail.why, mail.answers_to) == (MailState.FILED, None, "papa@example.org")
        attempt = session.scalars(select(Attempt)).one()
        assert (attempt.text, attempt.sent_at, attempt.queued_at) == ("lundi", NOW, None), "its photo waits"
        assert session.scalars(select(Attachment)).one().sent_sha256 == PHOTO.sha256
        assert session.scalars(select(InboundPart)).one().received_key is None, "the attachment has it now"
        assert not inbox.settle_mail(session, mail.id, parsed, INSTANCE, now=NOW), "the second worker"

    school.write(story)


def test_a_text_alone_is_in_the_queue_at_once(school: School) -> None:
    def story(session: Session) -> None:
        settle(session, to_samira(session))
        assert session.scalars(select(QueuedAttempt)).one().since == NOW

    school.write(story)


def test_words_beside_a_photo_are_left_out_where_the_homework_takes_none(school: School) -> None:
    def story(session: Session) -> None:
        settle(session, to_samira(session, kinds=("photo",), parts=(PHOTO,)))
        assert session.scalars(select(Attempt)).one().text == ""

    school.write(story)


@pytest.mark.parametrize(
    ("more", "state", "why"),
    [
        ({"text": ""}, MailState.REFUSED, RefusalCode.MAIL_NO_HOMEWORK),
        ({"is_readable": False, "text": ""}, MailState.WAITING, RefusalCode.MAIL_UNREADABLE),
        ({"kinds": ("photo",)}, MailState.WAITING, RefusalCode.KIND_TEXT),
        ({"kinds": ("voice",), "parts": (PHOTO,)}, MailState.WAITING, RefusalCode.KIND_PHOTO),
        ({"tokens": ()}, MailState.WAITING, None),
        ({"is_automatic": True}, MailState.AUTOMATIC, None),
        (
            {"parts": (MailPart(FileKind.PHOTO, "a", "a" * 26, 2 << 20, "2" * 64),)},
            MailState.WAITING,
            RefusalCode.QUOTA_FULL,
        ),
    ],
)
def test_what_cannot_be_filed_has_its_reason_and_leaves_nothing_half_done(
    school: School, more: dict[str, object], state: MailState, why: RefusalCode | None
) -> None:
    def story(session: Session) -> None:
        mail = settle(session, to_samira(session, **more))  # type: ignore[arg-type]
        assert (mail.state, mail.why) == (state, why)
        assert session.scalars(select(Attempt)).all() == []

    school.write(story)


def test_a_second_mail_while_the_teacher_has_the_first_waits(school: School) -> None:
    def story(session: Session) -> None:
        parsed = to_samira(session)
        settle(session, parsed)
        second = settle(session, parsed, 2)
        assert (second.state, second.why) == (MailState.WAITING, RefusalCode.ALREADY_SENT)

    school.write(story)


def test_a_withdrawn_homework_is_said_so(school: School) -> None:
    def story(session: Session) -> None:
        parsed = to_samira(session)
        session.scalars(select(Assignment)).one().withdrawn_at = NOW
        session.flush()
        assert settle(session, parsed).why == RefusalCode.MAIL_OLD_ADDRESS

    school.write(story)


def test_the_same_place_and_the_same_bytes_are_one_mail(school: School) -> None:
    def story(session: Session) -> None:
        mail = inbox.receive_mail(session, stored(), now=NOW)
        assert inbox.find_mail(session, "box", "1", "1") is mail
        assert inbox.find_mail(session, "box", "2", "1") is None
        assert inbox.is_known(session, mail.sha256)
        for again in (stored(), StoredMail("other", "1", "1", mail.sha256, 9, "z" * 26)):
            with pytest.raises(IntegrityError), session.begin_nested():
                inbox.receive_mail(session, again, now=NOW)

    school.write(story)


def test_a_mail_that_is_too_large_is_refused_by_its_headers(school: School) -> None:
    def story(session: Session) -> None:
        parsed, place = to_samira(session, text=""), StoredMail("box", "1", "7", "7" * 64, 99, None)
        inbox.refuse_large_mail(session, place, parsed, INSTANCE, now=NOW)
        mail = session.scalars(select(InboundMail)).one()
        assert (mail.state, mail.why) == (MailState.REFUSED, RefusalCode.MAIL_TOO_BIG)
        assert mail.answers_to == "papa@example.org"
        assert not mail.may_be_filed

    school.write(story)
