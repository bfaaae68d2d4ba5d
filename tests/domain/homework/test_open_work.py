"""What is open of the homework of a class, as the list of learners shows it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from lms.domain.homework import open_work, worklist
from lms.domain.homework.consistency import find_homework_faults
from lms.domain.homework.open_work import OpenWork
from lms.models import HomeworkState, Person, Submission
from tests import factories
from tests.support.school import School


def counted(session: Session, learner: Person) -> OpenWork:
    """Count the states of all the learner's assignments, as the page of the learner shows them."""
    states = [each.state for each in worklist.assignments_for_team(session, learner)]
    return OpenWork(
        states.count(HomeworkState.SENT),
        states.count(HomeworkState.REDO),
        states.count(HomeworkState.TODO),
        session.query(Submission).filter_by(learner_id=learner.id).count() > 0,
    )


def test_the_open_work_of_a_class_costs_one_statement_and_is_that_of_each_learner(school: School) -> None:
    def story(session: Session) -> list[str]:
        samira, tesfay = factories.samira(session), factories.learner(session, "Tesfay")
        first, second, third = (factories.assignment(session) for _ in range(3))
        factories.sent(session, samira, first)
        factories.answered(session, factories.sent(session, samira, second), redo=True)
        factories.answered(session, factories.sent(session, samira, third))
        factories.sent(session, tesfay, first)
        factories.drafted(session, tesfay, second, "Lundi")
        factories.answered(session, factories.sent(session, tesfay, third), redo=True)
        factories.sent(session, tesfay, third, "Mieux")
        new = factories.learner(session, "Elif")
        return [samira.id, tesfay.id, new.id]

    ids = school.write(story)
    with school.counting_statements() as sent:
        found = school.read(lambda s: open_work.count_open_work(s, ids))
    assert len(sent) == 1
    assert list(found.values()) == [
        OpenWork(sent=1, redo=1, has_begun=True),
        OpenWork(sent=2, todo=1, has_begun=True),
        OpenWork(todo=3),
    ]
    assert found == school.read(lambda s: {each: counted(s, s.get_one(Person, each)) for each in ids})
    assert school.read(find_homework_faults) == []


def test_the_check_finds_a_submission_that_asks_for_another_attempt_against_its_feedback(
    school: School,
) -> None:
    def story(session: Session) -> str:
        work = factories.assignment(session)
        attempt = factories.sent(session, factories.samira(session), work)
        factories.answered(session, attempt, redo=True)
        submission = session.get_one(Submission, attempt.submission_id)
        submission.redo_since = None
        return submission.id

    submission_id = school.write(story)
    assert [line.split(":")[0] for line in school.read(find_homework_faults)] == [
        f"submission {submission_id}"
    ]
