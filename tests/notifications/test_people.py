"""The mail with the link for a password."""

from __future__ import annotations

from datetime import datetime, timedelta
from email import message_from_bytes, policy

from sqlalchemy import select

from lms.clock import now
from lms.domain.people import staff
from lms.models import OutboxItem, Outcome
from tests import factories
from tests.support.narrow import present
from tests.support.school import School


def mails(school: School) -> list[str]:
    folder = school.settings.instance / "mail"
    found = [
        message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(folder.glob("*.eml"))
    ]
    return [mail["subject"] + "\n" + present(mail.get_body(("plain",))).get_content() for mail in found]


def send(school: School, at: datetime | None = None) -> str:
    token = staff.new_token()
    school.write(lambda s: staff.send_link(s, factories.luc(s), token, now=at or now()))
    return token


def test_the_mail_carries_the_link_and_the_row_forgets_it(school: School) -> None:
    token = send(school)
    school.deliver()
    (mail,) = mails(school)
    assert mail.startswith("Votre mot de passe pour Passerelle")
    assert f"http://localhost/password/{token}" in mail
    item = school.read(lambda s: s.scalars(select(OutboxItem)).one())
    assert (item.outcome, item.secret) == (Outcome.SENT, None)


def test_a_link_that_was_spent_or_replaced_is_not_mailed(school: School) -> None:
    first, _second = send(school), send(school)
    token = send(school)
    school.write(lambda s: staff.choose_password(s, token, "hash", now=now()))
    school.deliver()
    assert first
    assert mails(school) == []


def test_a_link_that_ran_out_is_not_mailed(school: School) -> None:
    send(school, now() - timedelta(hours=2))
    school.deliver()
    assert mails(school) == []
    assert school.read(lambda s: s.scalars(select(OutboxItem.outcome)).one()) == Outcome.EXPIRED
