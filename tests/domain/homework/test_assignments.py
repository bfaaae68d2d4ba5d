from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms.domain.errors import Absent
from lms.domain.homework import assignments
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def test_withdrawn_homework_stands_at_the_end_and_can_come_back(school: School) -> None:
    def story(session: Session) -> None:
        nadia, lesson = factories.nadia(session), factories.lesson(session)
        first, second = factories.assignment(session, lesson), factories.assignment(session, lesson)
        assignments.withdraw_assignment(session, nadia, first, now=NOW)
        assignments.withdraw_assignment(session, nadia, first, now=NOW)
        assert list(assignments.assignments_of_lesson(session, lesson.id)) == [second, first]
        assignments.restore_assignment(session, nadia, first, now=NOW)
        assert first.withdrawn_at is None
        task = assignments.AssignmentDraft("Parlez.", ["voice"], may_redo=False)
        assignments.update_assignment(session, nadia, first, task, now=NOW)
        assert first.kinds == ("voice",)
        assert not first.may_redo

    school.write(story)


def test_homework_that_takes_nothing_is_refused_by_the_database(school: School) -> None:
    with pytest.raises(IntegrityError):
        school.write(lambda s: factories.assignment(s, kinds=()))


def test_a_teacher_finds_any_homework_and_a_learner_her_own(school: School) -> None:
    def story(session: Session) -> None:
        work = factories.assignment(session, factories.lesson(session, level_code="N2", published=False))
        assert assignments.assignment_for(session, factories.nadia(session), work.id, now=NOW) is work
        for person in (factories.samira(session), factories.oksana(session), factories.claire(session)):
            with pytest.raises(Absent):
                assignments.assignment_for(session, person, work.id, now=NOW)
            with pytest.raises(Absent):
                assignments.lesson_for_homework(session, person, work.lesson_id)

    school.write(story)
