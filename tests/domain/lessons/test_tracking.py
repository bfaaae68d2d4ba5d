from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain.lessons import queries, tracking
from lms.extensions import write
from lms.models import ClipProgress, LessonVisit, Person
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def test_watching_twice_counts_once_and_keeps_the_first_time(school: School) -> None:
    def operation(s: Session) -> ClipProgress:
        samira, clip = factories.samira(s), factories.lesson(s).clips[0]
        tracking.record_watched(s, samira, clip, now=NOW)
        tracking.record_watched(s, samira, clip, now=NOW + timedelta(hours=1))
        return s.scalars(select(ClipProgress)).one()

    row = school.write(operation)
    assert (row.watched_at, row.seen_at) == (NOW, NOW + timedelta(hours=1))


def test_progress_after_the_end_does_not_put_out_the_plank(school: School) -> None:
    def operation(s: Session) -> ClipProgress:
        samira, clip = factories.samira(s), factories.lesson(s).clips[0]
        tracking.record_watched(s, samira, clip, now=NOW)
        tracking.record_position(s, samira, clip, 12, now=NOW)
        return s.scalars(select(ClipProgress)).one()

    row = school.write(operation)
    assert (row.watched_at, row.seconds) == (NOW, 12)


@pytest.mark.parametrize(("said", "kept"), [(-5, 0), (12, 12), (10**12, 24 * 3600)])
def test_a_nonsense_second_is_brought_within_a_day(school: School, said: int, kept: int) -> None:
    def operation(s: Session) -> int:
        tracking.record_position(s, factories.samira(s), factories.lesson(s).clips[0], said, now=NOW)
        return s.scalars(select(ClipProgress.seconds)).one()

    assert school.write(operation) == kept


def test_a_learner_has_one_visit_of_a_lesson_however_often_she_comes(school: School) -> None:
    def operation(s: Session) -> tuple[int, str]:
        samira, lesson = factories.samira(s), factories.lesson(s)
        for step in ("words", "watch", "words"):
            tracking.record_visit(s, samira, lesson, step, now=NOW)
        tracking.record_watched(s, samira, lesson.clips[0], now=NOW)
        return s.scalars(select(func.count()).select_from(LessonVisit)).one(), s.scalars(
            select(LessonVisit.step)
        ).one()

    assert school.write(operation) == (1, "words")


def test_a_finished_lesson_opens_at_its_beginning(school: School) -> None:
    def operation(s: Session) -> str:
        samira, lesson = factories.samira(s), factories.lesson(s)
        tracking.record_visit(s, samira, lesson, "words", now=NOW)
        tracking.finish_lesson(s, samira, lesson, now=NOW)
        return queries.open_lesson(s, samira, lesson.id).left_at

    assert school.write(operation) == "watch"


def test_the_first_yes_to_youtube_is_kept(school: School) -> None:
    def operation(s: Session) -> Person:
        samira = factories.samira(s)
        tracking.give_video_consent(s, samira, now=NOW)
        tracking.give_video_consent(s, samira, now=NOW + timedelta(days=1))
        return samira

    assert school.write(operation).video_consent_at == NOW


def test_a_button_pressed_on_eight_devices_at_once_leaves_one_row_and_no_error(school: School) -> None:
    lesson, samira = school.write(factories.lesson), school.write(factories.samira)
    clip_id, gate = lesson.clips[0].id, threading.Barrier(8)

    def press(_number: int) -> None:
        def operation(s: Session) -> None:
            person = s.get_one(Person, samira.id)
            tracking.record_watched(s, person, queries.clip_for(s, person, clip_id), now=NOW)

        gate.wait(20)
        with school.app.app_context():
            write(operation)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(press, range(8)))
    counts = [select(func.count()).select_from(table) for table in (ClipProgress, LessonVisit)]
    assert school.read(lambda s: [s.scalars(count).one() for count in counts]) == [1, 1]
