"""Whose homework a mail is."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.homework import inbox_filing, inbox_matching
from lms.domain.homework.inbox import ParsedMail
from lms.domain.homework.inbox_matching import Match
from lms.domain.homework.reply_address import make_reply_token
from lms.models import OutboxItem, Person
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW
from tests.support.school import School

SECRET = "a secret of the instance"
HER_ADDRESS = "samira@learners.example.be"


def match(session: Session, **mail: object) -> Match | None:
    sent = ParsedMail(**{"from_address": HER_ADDRESS, **mail})  # type: ignore[arg-type]
    return inbox_matching.match_mail(session, sent, SECRET, lambda dedupe: f"<{dedupe}>", now=now())


def homework_of(session: Session, title: str = "Au marché") -> str:
    return factories.assignment(session, factories.lesson(session, title)).id


def test_her_address_and_one_open_homework_are_enough(school: School) -> None:
    def story(session: Session) -> None:
        samira, assignment = factories.samira(session), homework_of(session)
        assert match(session, from_address=HER_ADDRESS.upper()) == Match(samira, assignment)
        assert match(session, from_address="nobody@example.org") is None
        assert match(session, from_address="") is None

    school.write(story)


def test_of_two_open_homeworks_the_subject_must_name_one(school: School) -> None:
    def story(session: Session) -> None:
        samira = factories.samira(session)
        market, _bus = homework_of(session), homework_of(session, "Je prends le bus")
        assert match(session, subject="devoir") == Match(samira, None)
        assert match(session, subject="devoir AU MARCHE svp") == Match(samira, market)
        assert match(session, subject="au marché, je prends le bus") == Match(samira, None)

    school.write(story)


def test_an_address_of_a_family_says_not_who_of_them_writes(school: School) -> None:
    def story(session: Session) -> None:
        factories.samira(session)
        homework_of(session)
        factories.learner(session, "Yasmin", email=HER_ADDRESS)
        assert match(session) is None

    school.write(story)


def test_a_tied_address_is_as_good_as_her_own(school: School) -> None:
    def story(session: Session) -> None:
        samira, assignment = factories.samira(session), homework_of(session)
        inbox_filing.tie_address(session, factories.nadia(session), samira, "Papa@example.org", now=NOW)
        assert match(session, from_address="papa@example.org") == Match(samira, assignment)

    school.write(story)


def test_the_name_of_another_learner_is_a_doubt_and_an_unknown_one_is_none(school: School) -> None:
    def story(session: Session) -> None:
        samira, assignment = factories.samira(session), homework_of(session)
        factories.oksana(session)
        doubtful = Match(samira, None, why=RefusalCode.MAIL_DOUBTFUL)
        assert match(session, from_name="Oksana B.") == doubtful
        assert match(session, from_name="iPhone de papa") == Match(samira, assignment)
        assert match(session, from_name="SAMIRA") == Match(samira, assignment)

    school.write(story)


def test_the_reply_address_counts_more_than_the_sender(school: School) -> None:
    def story(session: Session) -> None:
        samira, assignment = factories.samira(session), homework_of(session)
        homework_of(session, "Je prends le bus")
        token = make_reply_token(SECRET, samira, assignment)
        found = match(session, tokens=(token,), from_address="anybody@example.org", from_name="Oksana")
        assert found == Match(samira, assignment, is_verified=True)
        samira.email = "new@example.be"
        assert match(session, tokens=(token,)) == Match(samira, None, why=RefusalCode.MAIL_OLD_ADDRESS)
        samira.deactivated_at = now()
        session.flush()
        left = Match(samira, None, is_verified=True, why=RefusalCode.PERSON_DEACTIVATED)
        assert match(session, tokens=(token,)) == left

    school.write(story)


def test_an_answer_to_our_mail_counts_from_an_address_that_we_know_alone(school: School) -> None:
    def story(session: Session) -> tuple[Person, str]:
        samira, assignment = factories.samira(session), factories.assignment(session)
        homework_of(session)
        factories.answered(session, factories.sent(session, samira, assignment), redo=True, now=now())
        item = session.scalars(select(OutboxItem)).one()
        item.created_at = now()
        session.flush()
        answers = ("<before@example.be>", f"<{item.dedupe}>")
        assert match(session, answers=answers) == Match(samira, assignment.id, is_verified=True)
        assert match(session, answers=answers, from_address="anybody@example.org") is None
        return samira, assignment.id

    school.write(story)
