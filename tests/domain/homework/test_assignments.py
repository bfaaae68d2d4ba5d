from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lms.domain import homework
from lms.domain.errors import Absent
from tests import make
from tests.house import House
from tests.make import NOW


def test_withdrawn_homework_stands_at_the_end_and_can_come_back(house: House) -> None:
    def story(session: Session) -> None:
        nadia, lesson = make.nadia(session), make.lesson(session)
        first, second = make.assignment(session, lesson), make.assignment(session, lesson)
        homework.withdraw(session, first, nadia, now=NOW)
        homework.withdraw(session, first, nadia, now=NOW)
        assert list(homework.of_lesson(session, lesson.id)) == [second, first]
        homework.bring_back(session, first, nadia, now=NOW)
        assert first.withdrawn_at is None
        task = homework.Task("Parlez.", ["voice"], may_redo=False)
        homework.change(session, first, nadia, task, now=NOW)
        assert first.kinds == ("voice",)
        assert not first.may_redo

    house.write(story)


def test_homework_that_takes_nothing_is_refused_by_the_database(house: House) -> None:
    with pytest.raises(IntegrityError):
        house.write(lambda s: make.assignment(s, kinds=()))


def test_a_teacher_finds_any_homework_and_a_learner_her_own(house: House) -> None:
    def story(session: Session) -> None:
        work = make.assignment(session, make.lesson(session, level_code="N2", published=False))
        assert homework.assignment_for(session, make.nadia(session), work.id) is work
        for person in (make.samira(session), make.oksana(session), make.claire(session)):
            with pytest.raises(Absent):
                homework.assignment_for(session, person, work.id)
            with pytest.raises(Absent):
                homework.lesson_for(session, person, work.lesson_id)

    house.write(story)
