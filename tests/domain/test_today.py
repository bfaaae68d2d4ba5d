"""The order of the start page."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import absence, queries, waitlist
from lms.domain.homework import attempts
from lms.domain.lessons import tracking
from lms.domain.today import (
    NextLesson,
    OpenHomework,
    Today,
    TodayCard,
    UnseenFeedback,
    list_today,
)
from lms.models import Lesson, OpenedLevel, Person
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School
from tests.support.waitlist import cancel_for_good

SOON = wall("2026-11-23", "14:00")
LATER = wall("2026-12-01", "10:00")
LATER_STILL = wall("2026-12-03", "10:00")


def what(card: TodayCard) -> str:
    match card:
        case NextLesson(lesson):
            return f"lesson {lesson.title}"
        case OpenHomework(assignment) | UnseenFeedback(assignment):
            return f"{type(card).__name__} {assignment.lesson_title}"
    return type(card).__name__


def today(school: School) -> Today:
    return school.write(lambda s: list_today(s, factories.samira(s), now=NOW))


def _today_of(learner: str, session: Session) -> Today:
    return list_today(session, session.get_one(Person, learner), now=NOW)


def order(school: School) -> list[str]:
    return [what(card) for card in today(school).cards]


def open_level(session: Session, lesson: Lesson) -> None:
    samira, nadia = factories.samira(session), factories.nadia(session)
    session.add(
        OpenedLevel(person_id=samira.id, level_id=lesson.level_id, opened_by_id=nadia.id, opened_at=NOW)
    )
    session.flush()


def test_a_learner_without_any_work_has_no_card(school: School) -> None:
    assert today(school) == Today((), 0, 0)


def test_the_next_lesson_comes_before_its_homework_and_other_homework_last(school: School) -> None:
    def work(session: Session) -> None:
        first, second = factories.lesson(session, "Un"), factories.lesson(session, "Deux")
        factories.assignment(session, second)
        factories.assignment(session, first)

    school.write(work)
    assert order(school) == ["lesson Un", "OpenHomework Un", "OpenHomework Deux"]
    assert (today(school).done, today(school).total) == (0, 2)


def test_a_started_draft_comes_before_the_next_lesson_and_a_redo_after_the_draft(school: School) -> None:
    def work(session: Session) -> None:
        samira = factories.samira(session)
        one, two, three = (factories.lesson(session, title) for title in ("Un", "Deux", "Trois"))
        factories.assignment(session, one)
        again = factories.sent(session, samira, factories.assignment(session, two))
        factories.answered(session, again, redo=True)
        attempts.mark_feedback_seen(session, samira, again.submission_id, now=NOW)
        factories.drafted(session, samira, factories.assignment(session, three), "Lundi")

    school.write(work)
    assert order(school) == ["OpenHomework Trois", "OpenHomework Deux", "lesson Un", "OpenHomework Un"]


def test_returned_feedback_comes_first_and_is_no_homework_until_it_is_seen(school: School) -> None:
    def work(session: Session) -> None:
        one = factories.lesson(session, "Un")
        sent = factories.sent(session, factories.samira(session), factories.assignment(session, one))
        factories.answered(session, sent, redo=True)

    school.write(work)
    assert order(school) == ["UnseenFeedback Un", "lesson Un"]


@pytest.mark.parametrize(
    ("starts", "wanted"),
    [
        (SOON, ["NextAppointment", "lesson Un", "OpenHomework Un"]),
        (LATER, ["lesson Un", "OpenHomework Un", "NextAppointment"]),
    ],
)
def test_an_appointment_within_a_day_comes_before_the_work_a_later_one_after_it(
    school: School, starts: datetime, wanted: list[str]
) -> None:
    def work(session: Session) -> None:
        factories.assignment(session, factories.lesson(session, "Un"))
        factories.all_week(session, factories.nadia(session))
        samira, nadia = factories.samira(session), factories.nadia(session)
        factories.booked(session, samira, nadia, starts, now=starts - timedelta(days=4))

    school.write(work)
    assert order(school) == wanted


def test_what_others_changed_comes_before_all(school: School) -> None:
    def taken(session: Session) -> None:
        samira, luc = factories.samira(session), factories.luc(session)
        sent = factories.sent(session, samira, factories.assignment(session))
        factories.answered(session, sent)
        factories.rule(session, factories.nadia(session), 1, "10:00", "11:00")
        factories.rule(session, luc, 3, "10:00", "11:00")
        factories.booked(session, factories.oksana(session), factories.nadia(session), LATER)
        factories.booked(session, samira, luc, LATER_STILL)

    def changed(session: Session) -> None:
        samira, oksana, luc = (who(session) for who in (factories.samira, factories.oksana, factories.luc))
        waitlist.join_waitlist(session, samira, samira, None, 7, None, now=NOW)
        coming = queries.upcoming_appointments(session, oksana, now=NOW)
        cancel_for_good(session, oksana, coming[0], now=NOW)
        absence.cancel_day(session, luc, luc, LATER_STILL.date(), now=NOW, zone=BRUSSELS)

    school.write(taken)
    school.write(changed)
    assert order(school)[:3] == ["SlotOffer", "LostAppointment", "UnseenFeedback Bonjour, je m’appelle…"]


def test_levels_opened_in_addition_come_after_the_own_level(school: School) -> None:
    def work(session: Session) -> None:
        own = factories.lesson(session, "Un")
        other = factories.lesson(session, "La commune", "N2")
        open_level(session, other)
        factories.assignment(session, other)
        factories.assignment(session, own)
        tracking.record_visit(session, factories.samira(session), other, "words", now=NOW)

    school.write(work)
    assert order(school) == ["lesson Un", "OpenHomework Un", "lesson La commune", "OpenHomework La commune"]


def test_a_lesson_of_an_opened_level_is_shown_once_it_is_begun(school: School) -> None:
    school.write(lambda s: open_level(s, factories.lesson(s, "La commune", "N2")))
    assert order(school) == []


def test_the_start_page_costs_the_same_for_one_lesson_and_for_thirty(school: School) -> None:
    def more(session: Session, number: int) -> None:
        for index in range(number):
            factories.assignment(session, factories.lesson(session, f"Leçon {number} {index}"))

    costs = []
    for number in (1, 29):
        school.write(partial(more, number=number))
        learner = school.write(lambda s: factories.samira(s).id)
        with school.counting_statements() as sent:
            school.read(partial(_today_of, learner))
        costs.append(len(sent))
    assert costs[0] == costs[1]
