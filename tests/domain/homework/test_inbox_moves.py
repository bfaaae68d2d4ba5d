"""A mail that was filed for the wrong person goes to the right one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.errors import Refused
from lms.domain.homework import consistency, correction, inbox_filing, inbox_moves, queue
from lms.domain.homework.returns import UNDOABLE
from lms.models import Assignment, Attempt, InboundMail, Person, QueuedAttempt, Submission
from tests import factories
from tests.factories import NOW
from tests.support.mails import waiting_mail
from tests.support.school import School

LATER = NOW + timedelta(hours=1)


def rosa(session: Session) -> Person:
    return session.scalar(select(Person).where(Person.name == "Rosa")) or factories.learner(session, "Rosa")


def filed(session: Session, assignment: Assignment, text: str = "lundi") -> InboundMail:
    mail = waiting_mail(session, text)
    for_samira = (mail, factories.samira(session), assignment.id)
    inbox_filing.file_mail(session, factories.nadia(session), *for_samira, quota=1 << 20, now=NOW)
    return mail


def move(session: Session, mail: InboundMail, assignment_id: str) -> None:
    inbox_moves.move_mail(session, factories.nadia(session), mail, rosa(session), assignment_id, now=LATER)


def queued(session: Session) -> list[tuple[str, bool, bool]]:
    rows = select(Person.name, QueuedAttempt.is_follow_up, QueuedAttempt.is_first)
    found = session.execute(rows.join(Person, Person.id == QueuedAttempt.learner_id))
    return [(name, follows, first) for name, follows, first in found]


def test_the_copy_waits_for_the_right_person_and_nothing_is_left_with_the_other(school: School) -> None:
    def story(session: Session) -> None:
        assignment = factories.assignment(session)
        mail = filed(session, assignment)
        for _ in range(2):  # pressed twice
            move(session, mail, assignment.id)
        assert session.scalars(select(Submission.learner_id)).all() == [rosa(session).id]
        assert queued(session) == [("Rosa", False, True)]
        assert (mail.person_id, mail.is_verified, mail.handled_at) == (rosa(session).id, True, NOW)
        assert consistency.find_homework_faults(session) == []

    school.write(story)


def test_a_second_attempt_leaves_the_first_as_it_was_and_comes_before_the_draft_of_the_other(
    school: School,
) -> None:
    def story(session: Session) -> None:
        assignment = factories.assignment(session)
        first = factories.sent(session, factories.samira(session), assignment)
        factories.answered(session, first, redo=True)
        draft = factories.drafted(session, rosa(session), assignment, "je commence")
        mail = filed(session, assignment)
        move(session, mail, assignment.id)
        kept = session.get_one(Submission, first.submission_id)
        assert kept.redo_since == NOW - UNDOABLE, "the first attempt is asked for again"
        session.refresh(draft)
        assert (draft.number, session.get_one(Attempt, mail.attempt_id).number) == (2, 1)
        assert consistency.find_homework_faults(session) == []

    school.write(story)


def test_the_only_copy_that_the_other_still_has_waiting_is_the_first_again(school: School) -> None:
    def story(session: Session) -> None:
        assignment = factories.assignment(session)
        mail = filed(session, assignment)
        other = factories.assignment(session, factories.lesson(session, "Au marché"))
        factories.sent(session, factories.samira(session), other)
        move(session, mail, assignment.id)
        assert sorted(queued(session)) == [("Rosa", False, True), ("Samira", False, True)]
        assert consistency.find_homework_faults(session) == []

    school.write(story)


def test_once_its_correction_has_begun_or_a_draft_is_in_it_the_copy_stays(school: School) -> None:
    def story(session: Session) -> None:
        nadia, assignment = factories.nadia(session), factories.assignment(session)
        mail = filed(session, assignment)
        attempt = session.get_one(Attempt, mail.attempt_id)
        assert inbox_moves.may_move(session, mail)
        written = correction.FeedbackDraft("Bravo")
        correction.save_feedback(session, attempt, nadia, written, {}, now=NOW)
        with pytest.raises(Refused, match="mail_moved_late"):
            move(session, mail, assignment.id)
        other = factories.assignment(session, factories.lesson(session, "Au marché"))
        factories.drafted(session, factories.samira(session), other, "lundi", now=NOW - timedelta(days=1))
        mixed = filed(session, other, "mardi")
        assert not inbox_moves.may_move(session, mixed)
        assert not inbox_moves.may_move(session, waiting_mail(session))

    school.write(story)


def test_who_has_sent_that_homework_already_cannot_get_it_twice(school: School) -> None:
    def story(session: Session) -> None:
        assignment = factories.assignment(session)
        factories.sent(session, rosa(session), assignment)
        mail = filed(session, assignment)
        with pytest.raises(Refused, match="already_sent"):
            move(session, mail, assignment.id)
        photos = factories.assignment(session, factories.lesson(session, "Au marché"), kinds=("photo",))
        with pytest.raises(Refused, match="kind_text"):
            move(session, mail, photos.id)
        assert queue.counts_by_level(session, factories.nadia(session), None)[0].number == 2

    school.write(story)
