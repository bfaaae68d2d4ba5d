from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain import homework
from lms.domain.errors import Absent
from lms.models import OpenedLevel
from tests import make
from tests.house import House
from tests.make import NOW


def test_the_state_is_that_of_the_last_attempt_that_was_sent(house: House) -> None:
    def state(session: Session) -> str:
        return homework.all_for(session, make.samira(session))[0].state

    def story(session: Session) -> list[str]:
        samira, work = make.samira(session), make.assignment(session)
        states = [state(session)]
        make.drafted(session, samira, work, "Lun")
        states.append(state(session))
        first = make.sent(session, samira, work)
        states.append(state(session))
        make.answered(session, first, redo=True)
        states.append(state(session))
        make.drafted(session, samira, work, "Lundi")
        states.append(state(session))
        second = make.sent(session, samira, work)
        states.append(state(session))
        make.answered(session, second)
        states.append(state(session))
        homework.read(session, samira, second.submission_id, now=NOW)
        return [*states, state(session)]

    assert house.write(story) == ["todo", "todo", "sent", "redo", "redo", "sent", "returned", "done"]


def test_she_sees_the_homework_of_her_levels_and_what_she_has_sent(house: House) -> None:
    def story(session: Session) -> tuple[list[str], list[str]]:
        samira = make.samira(session)

        def titles() -> list[str]:
            return sorted(work.lesson_title for work in homework.all_for(session, samira))

        for title, code, published in (("un", "N1", True), ("deux", "N2", True), ("trois", "N1", False)):
            make.assignment(session, make.lesson(session, title, code, published=published))
        gone = make.assignment(session, make.lesson(session, "retiré"))
        kept = make.assignment(session, make.lesson(session, "envoyé"))
        make.sent(session, samira, kept)
        for work in (gone, kept):
            homework.withdraw(session, work, make.nadia(session), now=NOW)
        before = titles()
        level = make.level(session, "N2")
        session.add(
            OpenedLevel(
                person_id=samira.id, level_id=level.id, opened_by_id=make.nadia(session).id, opened_at=NOW
            )
        )
        session.flush()
        return before, titles()

    before, after = house.write(story)
    assert before == ["envoyé", "un"]
    assert after == ["deux", "envoyé", "un"]


def test_what_is_to_do_comes_by_its_day_and_what_is_to_redo_before_it(house: House) -> None:
    def story(session: Session) -> list[str]:
        samira = make.samira(session)
        for title, due in (("sans jour", None), ("plus tard", date(2026, 12, 4)), ("bientôt", NOW.date())):
            make.assignment(session, make.lesson(session, title), due_on=due)
        again = make.assignment(session, make.lesson(session, "encore"))
        make.answered(session, make.sent(session, samira, again), redo=True)
        make.sent(session, samira, make.assignment(session, make.lesson(session, "envoyé")))
        return [work.lesson_title for work in homework.to_do(session, samira)]

    assert house.write(story) == ["encore", "bientôt", "plus tard", "sans jour"]


def test_answers_that_nobody_has_opened_come_newest_first(house: House) -> None:
    def story(session: Session) -> tuple[list[str], list[str | None]]:
        samira = make.samira(session)
        for hours, title in enumerate(("premier", "second", "lu")):
            attempt = make.sent(session, samira, make.assignment(session, make.lesson(session, title)))
            make.answered(session, attempt, redo=hours == 0, now=NOW + timedelta(hours=hours))
            if title == "lu":
                homework.read(session, samira, attempt.submission_id, now=NOW)
        found = homework.returned_unseen(session, samira)
        return [work.lesson_title for work in found], [work.teacher for work in found]

    assert house.write(story) == (["second", "premier"], ["Nadia Dubois", "Nadia Dubois"])


def test_the_states_of_a_class_cost_one_statement(house: House) -> None:
    def story(session: Session) -> tuple[str, str]:
        samira, tesfay = make.samira(session), make.learner(session, "Tesfay")
        first, second = make.assignment(session), make.assignment(session)
        make.sent(session, samira, first)
        make.answered(session, make.sent(session, samira, second), redo=True)
        make.sent(session, tesfay, first)
        return samira.id, tesfay.id

    samira, tesfay = house.write(story)
    with house.counting_statements() as sent:
        found = house.read(lambda s: homework.states(s, [samira, tesfay]))
    assert len(sent) == 1
    assert found[samira] == {"redo": 1, "returned": 0, "todo": 0, "sent": 1, "done": 0}
    assert found[tesfay] == {"redo": 0, "returned": 0, "todo": 1, "sent": 1, "done": 0}
    assert house.read(lambda s: homework.counts(s, make.samira(s))) == found[samira]


def test_homework_of_others_does_not_exist(house: House) -> None:
    def look(session: Session) -> None:
        work = make.assignment(session, make.lesson(session, level_code="N2"))
        for person in (make.samira(session), make.nadia(session), make.farid(session)):
            with pytest.raises(Absent):
                homework.work_for(session, person, work.id)
        assert homework.work_for(session, make.oksana(session), work.id).state == "todo"

    house.write(look)
