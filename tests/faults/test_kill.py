"""kill -9 of the real server between the commit and the mail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain import outbox
from lms.models import OutboxItem, Outcome, PasswordLink
from tests import factories
from tests.support.live_server import LiveServer
from tests.support.school import School
from tests.support.servers import wait_until
from tests.support.smtp import SmtpServer


def _invite(session: Session, name: str) -> str:
    """A letter caused as a page causes one, by the commit of its transaction alone."""
    moment = now()
    person = factories.person(
        session, name, "teacher", login_email=f"{name.lower()}@service.example.be", now=moment
    )
    link = PasswordLink(
        person_id=person.id,
        token_hash=f"{name:0>64}",
        created_at=moment,
        expires_at=moment + timedelta(hours=1),
    )
    session.add(link)
    session.flush()
    return outbox.post(session, "password_link", person, link.id, secret=f"link-of-{name}", now=moment).id


def _row(school: School, item: str) -> OutboxItem:
    return school.read(lambda s: s.get_one(OutboxItem, item))


def _mail(server: SmtpServer) -> dict[str, str]:
    return {"LMS_MAIL_HOST": server.host, "LMS_MAIL_PORT": str(server.port), "LMS_MAIL_SECURITY": "none"}


def test_a_server_killed_between_commit_and_mail_sends_the_mail_once_after_its_restart(
    tmp_path: Path, template: Path, start_smtp: Callable[..., SmtpServer]
) -> None:
    """One mail is in the worker's hands and one still waits when the process dies."""
    deaf = start_smtp(answers=False)
    server = LiveServer(tmp_path, template, **_mail(deaf)).start()
    try:
        school = server.school()
        school.write(factories.organisation)
        in_hand = school.write(lambda s: _invite(s, "Nadia"))
        school.app.extensions["lms_jobs"].wake([in_hand])
        wait_until(lambda: _row(school, in_hand).claimed_until is not None, "a worker takes the mail", 30)
        waiting = school.write(lambda s: _invite(s, "Luc"))
    finally:
        server.kill()
    assert [_row(school, item).outcome for item in (in_hand, waiting)] == [None, None]

    # The dead worker's lease is over after ten minutes; nobody waits for that here.
    school.write(lambda s: s.execute(update(OutboxItem).values(claimed_until=None)))
    with SmtpServer() as post, LiveServer(tmp_path, **_mail(post)):
        post.wait_for(2)
        wait_until(lambda: _closed(school) == {Outcome.SENT}, "both rows are closed", 30)
    with SmtpServer() as quiet, LiveServer(tmp_path, **_mail(quiet)):
        wait_until(lambda: _closed(school) == {Outcome.SENT}, "the rows stay closed", 10)
    assert sorted(str(letter["To"]).split()[0] for letter in post.messages) == ["Luc", "Nadia"]
    assert quiet.messages == []


def _closed(school: School) -> set[str | None]:
    return set(school.read(lambda s: s.scalars(select(OutboxItem.outcome)).all()))


def test_a_living_lease_is_respected_by_the_next_process(school: School, smtp: SmtpServer) -> None:
    """Two processes never send one mail: the second waits until the lease of the first is over."""
    item = school.write(lambda s: _invite(s, "Nadia"))
    assert school.write(lambda s: outbox.claim_item(s, item, now=now()))
    jobs = school.app.extensions["lms_jobs"]
    jobs.deliver(item)
    jobs.every_minute()
    assert _row(school, item).outcome is None
    assert smtp.messages == []
