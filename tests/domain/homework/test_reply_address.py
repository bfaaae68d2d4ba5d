"""A reply address says whose homework a mail is, as long as its learner has it, and nobody can make one."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.homework.reply_address import (
    find_reply_target,
    find_returned_item,
    make_bounce_token,
    make_reply_token,
)
from lms.models import OutboxItem
from tests import factories
from tests.factories import NOW
from tests.support.school import School

SECRET = "a secret of the instance"


def test_a_token_leads_to_its_learner_and_homework_and_a_changed_one_to_nobody(school: School) -> None:
    def story(session: Session) -> None:
        samira, assignment = factories.samira(session), factories.assignment(session)
        token = make_reply_token(SECRET, samira, assignment.id)
        assert token == token.lower()
        assert len(token) == 41, "config.py counts on it"
        found = find_reply_target(session, SECRET, ["x" * 41, token])
        assert found is not None
        assert (found.learner, found.assignment_id, found.is_current) == (samira, assignment.id, True)
        other = make_reply_token(SECRET, factories.oksana(session), assignment.id)
        forged = other[:-12] + token[-12:]
        assert find_reply_target(session, SECRET, [forged, token[:-1] + "0", ""]) is None
        assert find_reply_target(session, "another secret", [token]) is None

    school.write(story)


def test_an_address_ends_with_the_e_mail_of_the_learner_and_when_the_learner_leaves(school: School) -> None:
    def story(session: Session) -> None:
        samira, assignment = factories.samira(session), factories.assignment(session)
        tokens = [make_reply_token(SECRET, samira, assignment.id)]
        samira.email = samira.email  # nothing has changed
        assert find_reply_target(session, SECRET, tokens) is not None
        samira.email = "new@example.be"
        tokens.append(make_reply_token(SECRET, samira, assignment.id))
        samira.deactivated_at = now()
        tokens.append(make_reply_token(SECRET, samira, assignment.id))
        found = [find_reply_target(session, SECRET, [token]) for token in tokens]
        assert [each.is_current for each in found if each] == [False, False, True]

    school.write(story)


def test_the_token_of_a_message_is_none_of_a_homework(school: School) -> None:
    def story(session: Session) -> None:
        factories.answered(
            session,
            factories.sent(session, factories.samira(session), factories.assignment(session)),
            now=NOW,
        )
        item = session.scalars(select(OutboxItem)).one()
        token = make_bounce_token(SECRET, item.id)
        assert find_returned_item(session, SECRET, ["b" * 27, token]) is item
        assert find_returned_item(session, "another", [token]) is None
        assert find_reply_target(session, SECRET, [token]) is None

    school.write(story)
