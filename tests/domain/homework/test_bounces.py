"""A mail that comes back is found by its address or its id, and by nothing that anybody can invent."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.homework import bounces
from lms.domain.homework.reply_address import make_bounce_token
from lms.domain.people.contact import mail_address
from lms.models import OutboxItem, Outcome, Person
from tests import factories
from tests.support.school import School

SECRET = "a secret of the instance"


def story_of(session: Session) -> tuple[Person, OutboxItem]:
    samira = factories.samira(session)
    sent = factories.sent(session, samira, factories.assignment(session), now=now())
    factories.answered(session, sent, now=now())
    item = session.scalars(select(OutboxItem)).one()
    item.outcome, item.closed_at = Outcome.SENT, now()
    session.flush()
    return samira, item


def record(session: Session, token: str, address: str, message_id: str = "") -> Person | None:
    return bounces.record_bounce(
        session,
        [token],
        [address],
        [message_id],
        secret=SECRET,
        message_id_of=lambda dedupe: f"<{dedupe}>",
        now=now(),
    )


def test_a_bounce_stops_the_mails_until_the_address_changes(school: School) -> None:
    def story(session: Session) -> None:
        samira, item = story_of(session)
        assert record(session, make_bounce_token(SECRET, item.id), "SAMIRA@learners.example.be") is samira
        assert (item.outcome, mail_address(samira)) == (Outcome.BOUNCED, None)
        samira.email = "samira@new.example"
        assert mail_address(samira) == "samira@new.example"

    school.write(story)


def test_another_address_that_failed_stops_nothing_of_hers(school: School) -> None:
    """She has changed her address since the mail has left, or it was a receipt for another one."""

    def story(session: Session) -> None:
        samira, item = story_of(session)
        assert record(session, make_bounce_token(SECRET, item.id), "old@example.be") is samira
        assert item.outcome == Outcome.BOUNCED
        assert mail_address(samira) == "samira@learners.example.be"

    school.write(story)


def test_by_its_id_it_is_found_among_the_mails_to_that_address_alone(school: School) -> None:
    def story(session: Session) -> None:
        samira, item = story_of(session)
        message_id = f"<{item.dedupe}>"
        assert record(session, "", "oksana@learners.example.be", message_id) is None
        assert record(session, "b" * 27, "samira@learners.example.be", "<another>") is None
        assert samira.email_bounced_at is None
        assert record(session, "", "samira@learners.example.be", message_id) is samira
        assert samira.email_bounced_at is not None

    school.write(story)
