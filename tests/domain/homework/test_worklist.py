from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain.errors import Absent
from lms.domain.homework import assignments, attempts, queue, worklist
from lms.domain.lessons import authoring
from lms.models import HomeworkState, Lesson, OpenedLevel
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def test_the_state_is_that_of_the_last_attempt_that_was_sent(school: School) -> None:
    def state(session: Session) -> str:
        return worklist.assignments_of_learner(session, factories.samira(session), now=NOW)[0].state

    def story(session: Session) -> list[str]:
        samira, work = factories.samira(session), factories.assignment(session)
        states = [state(session)]
        factories.drafted(session, samira, work, "Lun")
        states.append(state(session))
        first = factories.sent(session, samira, work)
        states.append(state(session))
        factories.answered(session, first, redo=True)
        states.append(state(session))
        factories.drafted(session, samira, work, "Lundi")
        states.append(state(session))
        second = factories.sent(session, samira, work)
        states.append(state(session))
        factories.answered(session, second)
        states.append(state(session))
        attempts.mark_feedback_seen(session, samira, second.submission_id, now=NOW)
        return [*states, state(session)]

    assert school.write(story) == [
        HomeworkState.TODO,
        HomeworkState.TODO,
        HomeworkState.SENT,
        HomeworkState.REDO,
        HomeworkState.REDO,
        HomeworkState.SENT,
        HomeworkState.RETURNED,
        HomeworkState.DONE,
    ]


def test_she_sees_the_homework_of_her_levels_and_what_she_has_sent(school: School) -> None:
    def story(session: Session) -> tuple[list[str], list[str]]:
        samira = factories.samira(session)

        def titles() -> list[str]:
            return sorted(
                work.lesson_title for work in worklist.assignments_of_learner(session, samira, now=NOW)
            )

        for title, code, published in (("un", "N1", True), ("deux", "N2", True), ("trois", "N1", False)):
            factories.assignment(session, factories.lesson(session, title, code, published=published))
        gone = factories.assignment(session, factories.lesson(session, "retiré"))
        kept = factories.assignment(session, factories.lesson(session, "envoyé"))
        factories.sent(session, samira, kept)
        for work in (gone, kept):
            assignments.withdraw_assignment(session, factories.nadia(session), work, now=NOW)
        before = titles()
        level = factories.level(session, "N2")
        session.add(
            OpenedLevel(
                person_id=samira.id,
                level_id=level.id,
                opened_by_id=factories.nadia(session).id,
                opened_at=NOW,
            )
        )
        session.flush()
        return before, titles()

    before, after = school.write(story)
    assert before == ["envoyé", "un"]
    assert after == ["deux", "envoyé", "un"]


@pytest.mark.parametrize("change", ["withdrawn", "unpublished", "another level", "no level"])
def test_whoever_has_begun_may_finish_and_nobody_else_may_begin(school: School, change: str) -> None:
    def story(session: Session) -> None:
        samira, tesfay = factories.samira(session), factories.learner(session, "Tesfay")
        nadia, work = factories.nadia(session), factories.assignment(session)
        draft = factories.drafted(session, samira, work, "Lundi")
        if change == "withdrawn":
            assignments.withdraw_assignment(session, nadia, work, now=NOW)
        elif change == "unpublished":
            authoring.unpublish_lesson(session, nadia, session.get_one(Lesson, work.lesson_id), now=NOW)
        else:
            level = factories.level(session, "N2") if change == "another level" else None
            samira.level_id = tesfay.level_id = level.id if level else None
        session.flush()
        with pytest.raises(Absent):
            attempts.open_draft(session, tesfay, work.id, now=NOW)
        found = worklist.learner_assignment_for(session, samira, work.id, now=NOW)
        assert (found.may_write, found.is_on_offer, found.draft_id) == (True, False, draft.id)
        assert [each.draft_id for each in worklist.assignments_to_do(session, samira, now=NOW)] == [draft.id]
        assert attempts.open_draft(session, samira, work.id, now=NOW) is draft
        attempts.write_text(session, draft, "Lundi, mardi", 1)
        attempts.send_attempt(session, draft, work, now=NOW)
        assert [copy.attempt_id for copy in queue.list_queue(session)] == [draft.id]

    school.write(story)


def test_a_second_attempt_that_is_begun_may_be_finished_when_there_are_no_more(school: School) -> None:
    def story(session: Session) -> None:
        samira, work = factories.samira(session), factories.assignment(session)
        for begun in (True, False):
            factories.answered(session, factories.sent(session, samira, work))
            draft = factories.drafted(session, samira, work, "Encore") if begun else None
            work.may_redo = False
            session.flush()
            found = worklist.learner_assignment_for(session, samira, work.id, now=NOW)
            assert found.may_write is begun
            if draft is not None:
                attempts.send_attempt(session, draft, work, now=NOW)
                factories.answered(session, draft)
                work.may_redo = True
                session.flush()

    school.write(story)


def test_what_is_to_do_comes_by_its_day_and_what_is_to_redo_before_it(school: School) -> None:
    def story(session: Session) -> list[str]:
        samira = factories.samira(session)
        for title, due in (("sans jour", None), ("plus tard", date(2026, 12, 4)), ("bientôt", NOW.date())):
            factories.assignment(session, factories.lesson(session, title), due_on=due)
        again = factories.assignment(session, factories.lesson(session, "encore"))
        factories.answered(session, factories.sent(session, samira, again), redo=True)
        factories.sent(session, samira, factories.assignment(session, factories.lesson(session, "envoyé")))
        return [work.lesson_title for work in worklist.assignments_to_do(session, samira, now=NOW)]

    assert school.write(story) == ["encore", "bientôt", "plus tard", "sans jour"]


def test_answers_that_nobody_has_opened_come_newest_first(school: School) -> None:
    def story(session: Session) -> tuple[list[str], list[str | None]]:
        samira, later = factories.samira(session), NOW + timedelta(hours=2)
        for hours, title in enumerate(("premier", "second", "lu")):
            attempt = factories.sent(
                session, samira, factories.assignment(session, factories.lesson(session, title))
            )
            factories.answered(session, attempt, redo=hours == 0, now=NOW + timedelta(hours=hours))
            if title == "lu":
                attempts.mark_feedback_seen(session, samira, attempt.submission_id, now=later)
        found = worklist.returned_unseen(session, samira, now=later)
        return [work.lesson_title for work in found], [work.teacher for work in found]

    assert school.write(story) == (["second", "premier"], ["Nadia", "Nadia"])


def test_homework_of_others_does_not_exist(school: School) -> None:
    def look(session: Session) -> None:
        work = factories.assignment(session, factories.lesson(session, level_code="N2"))
        for person in (factories.samira(session), factories.nadia(session), factories.farid(session)):
            with pytest.raises(Absent):
                worklist.learner_assignment_for(session, person, work.id, now=NOW)
        assert (
            worklist.learner_assignment_for(session, factories.oksana(session), work.id, now=NOW).state
            == HomeworkState.TODO
        )

    school.write(look)
