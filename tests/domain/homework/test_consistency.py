"""The check of homework: a school that lives is sound, each planted fault is named."""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lms.domain.homework.consistency import find_homework_faults
from lms.models import Attempt, Feedback, OutboxItem, QueuedAttempt, ReturnedFeedback, Submission
from tests import factories
from tests.support.school import School


def returned(session: Session) -> tuple[str, str]:
    """Return the ids of an attempt and of its feedback; another attempt waits, one is a draft."""
    samira, yusuf = factories.samira(session), factories.learner(session, "Yusuf")
    task = factories.assignment(session)
    attempt = factories.sent(session, samira, task)
    feedback = factories.answered(session, attempt, redo=True)
    factories.drafted(session, samira, task, "Mardi")
    factories.sent(session, yusuf, task)
    return attempt.id, feedback.id


def faults(school: School) -> list[str]:
    return school.read(find_homework_faults)


def test_work_that_is_sent_returned_and_begun_again_is_sound(school: School) -> None:
    assert faults(school) == []
    school.write(returned)
    school.deliver()
    assert faults(school) == []


def test_feedback_that_nobody_was_told_of_is_found(school: School) -> None:
    _attempt, feedback = school.write(returned)
    school.write(lambda s: s.execute(delete(OutboxItem).where(OutboxItem.about_id == feedback)))
    assert faults(school) == [f"feedback {feedback}: returned, and feedback_returned was never written"]


def test_feedback_to_work_that_was_never_sent_is_found(school: School) -> None:
    attempt, feedback = school.write(returned)

    def plant(session: Session) -> None:
        submission = session.get_one(Attempt, attempt).submission_id
        session.execute(delete(Attempt).where(Attempt.submission_id == submission, Attempt.sent_at.is_(None)))
        session.execute(update(Attempt).where(Attempt.id == attempt).values(sent_at=None, queued_at=None))

    school.write(plant)
    draft = school.read(lambda s: s.get_one(ReturnedFeedback, feedback).feedback_id)
    assert faults(school) == [f"feedback {draft}: the attempt {attempt} was never sent"]


def test_feedback_whose_returns_are_not_as_many_as_it_says_is_found(school: School) -> None:
    attempt, feedback = school.write(returned)
    draft = school.read(lambda s: s.get_one(ReturnedFeedback, feedback).feedback_id)
    school.write(lambda s: s.execute(update(Feedback).values(returns=0)))
    school.write(lambda s: s.execute(update(Submission).values(redo_since=None)))
    assert faults(school) == [
        f"feedback {draft}: returned 0 times, with 1 rows of it",
        f"attempt {attempt}: waits for feedback, and is not in the queue",
    ]


def test_feedback_by_the_learner_of_the_work_is_found(school: School) -> None:
    _attempt, feedback = school.write(returned)
    samira = school.read(lambda s: factories.samira(s).id)
    school.write(lambda s: s.execute(update(Feedback).values(teacher_id=samira)))
    draft = school.read(lambda s: s.get_one(ReturnedFeedback, feedback).feedback_id)
    assert faults(school) == [f"feedback {draft}: written by the learner of the work"]


def test_an_attempt_that_is_missing_and_work_without_any_are_found(school: School) -> None:
    attempt, _feedback = school.write(returned)
    submission = school.read(lambda s: s.get_one(Attempt, attempt).submission_id)
    draft = (Attempt.submission_id == submission, Attempt.sent_at.is_(None))
    school.write(lambda s: s.execute(update(Attempt).where(*draft).values(number=3)))
    assert faults(school) == [f"submission {submission}: has 2 attempts, the last is number 3"]
    other = Attempt.submission_id != submission
    school.write(lambda s: s.execute(update(Attempt).where(*draft).values(number=2)))
    lost = school.read(lambda s: s.scalars(select(Attempt.submission_id).where(other)).one())
    school.write(lambda s: s.execute(delete(Attempt).where(other)))
    assert faults(school) == [f"submission {lost}: has no attempt"]


def test_what_is_missing_from_the_queue_and_what_stands_there_for_nothing_are_found(school: School) -> None:
    answered, _feedback = school.write(returned)
    waiting = school.read(lambda s: s.scalars(select(QueuedAttempt.attempt_id)).one())
    school.write(lambda s: s.execute(update(QueuedAttempt).values(is_follow_up=True)))
    assert faults(school) == [f"attempt {waiting}: its row of the queue is not what it was sent as"]
    school.write(lambda s: s.execute(update(QueuedAttempt).values(attempt_id=answered)))
    assert faults(school) == [
        f"attempt {waiting}: waits for feedback, and is not in the queue",
        f"attempt {answered}: is in the queue, and waits for nothing",
    ]
