from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.errors import Refused
from lms.domain.lessons import authoring, queries, team_queries, tracking
from lms.models import ClipProgress, Lesson
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def as_it_is(lesson: Lesson) -> dict[str, Any]:
    return {
        "title": lesson.title,
        "goal": lesson.goal,
        "instructions": lesson.instructions,
        "words": [word.text for word in lesson.words],
        "clips": [
            authoring.ClipDraft(c.youtube_id, c.starts, c.ends, c.title, c.seconds, c.transcript, c.id)
            for c in lesson.clips
        ],
        "seen": authoring.fingerprint(lesson),
    }


def test_a_new_lesson_is_a_draft_at_the_end_of_its_level(school: School) -> None:
    def operation(s: Session) -> list[tuple[int, bool]]:
        made = [factories.lesson(s, title, published=False) for title in ("Un", "Deux")]
        made.append(factories.lesson(s, "Ailleurs", "N2", published=False))
        return [(lesson.position, lesson.published_at is None) for lesson in made]

    assert school.write(operation) == [(1, True), (2, True), (1, True)]


def test_publishing_twice_is_noted_once_and_taking_back_too(school: School) -> None:
    def operation(s: Session) -> list[tuple[str, str | None]]:
        lesson, luc = factories.lesson(s, published=False), factories.luc(s)
        for operation in (
            authoring.publish_lesson,
            authoring.publish_lesson,
            authoring.unpublish_lesson,
            authoring.unpublish_lesson,
        ):
            operation(s, luc, lesson, now=NOW)
        s.flush()
        return sorted((line.action, line.actor_id) for line in audit_log.events_for(s, lesson.id))

    lines = school.write(operation)
    assert [action for action, _ in lines] == ["lesson_published", "lesson_unpublished"]
    assert all(actor for _, actor in lines)


def test_an_empty_lesson_is_not_published_and_a_published_one_cannot_be_emptied(school: School) -> None:
    def operation(s: Session) -> None:
        empty = factories.lesson(s, clips=0, words=(), instructions=" ", published=False)
        with pytest.raises(Refused, match="lesson_empty"):
            authoring.publish_lesson(s, factories.nadia(s), empty, now=NOW)
        full = factories.lesson(s)
        with pytest.raises(Refused, match="lesson_empty"):
            authoring.update_lesson(
                s,
                factories.nadia(s),
                full,
                now=NOW,
                **(as_it_is(full) | {"clips": [], "words": [], "instructions": ""}),
            )

    school.write(operation)


def test_clips_keep_who_watched_them_when_they_are_moved_and_lose_it_when_removed(school: School) -> None:
    def operation(s: Session) -> tuple[list[str], list[str], int]:
        lesson, samira, nadia = factories.lesson(s, clips=3), factories.samira(s), factories.nadia(s)
        first, second, third = lesson.clips
        for clip in lesson.clips:
            tracking.record_watched(s, samira, clip, now=NOW)
        values = as_it_is(lesson)
        values["clips"] = [values["clips"][2], values["clips"][0]]
        authoring.update_lesson(s, nadia, lesson, now=NOW, **values)
        s.expire_all()
        kept = [state.clip.id for state in queries.clips_of(s, samira, lesson.id) if state.watched]
        assert second.id not in kept
        return kept, [third.id, first.id], len(s.scalars(select(ClipProgress)).all())

    kept, expected, rows = school.write(operation)
    assert kept == expected
    assert rows == 2


def test_another_video_in_a_clip_forgets_the_second_but_not_that_it_was_watched(school: School) -> None:
    def operation(s: Session) -> ClipProgress:
        lesson, samira = factories.lesson(s), factories.samira(s)
        tracking.record_position(s, samira, lesson.clips[0], 40, now=NOW)
        tracking.record_watched(s, samira, lesson.clips[0], now=NOW)
        values = as_it_is(lesson)
        values["clips"] = [factories.clip_draft(7, id=lesson.clips[0].id)]
        authoring.update_lesson(s, factories.nadia(s), lesson, now=NOW, **values)
        s.expire_all()
        return s.scalars(select(ClipProgress)).one()

    row = school.write(operation)
    assert (row.seconds, row.watched_at) == (0, NOW)


def test_a_clip_of_another_lesson_cannot_be_taken_over_by_its_id(school: School) -> None:
    def operation(s: Session) -> tuple[str, str]:
        mine, other = factories.lesson(s, "Un"), factories.lesson(s, "Deux")
        values = as_it_is(mine)
        values["clips"] = [factories.clip_draft(5, id=other.clips[0].id)]
        authoring.update_lesson(s, factories.nadia(s), mine, now=NOW, **values)
        s.flush()
        return mine.clips[0].id, other.clips[0].id

    new, old = school.write(operation)
    assert new != old


def test_the_length_of_a_clip_is_known_from_its_start_and_end(school: School) -> None:
    def operation(s: Session) -> list[int | None]:
        lesson = authoring.create_lesson(
            s,
            factories.nadia(s),
            factories.level(s),
            title="Longueurs",
            clips=[
                factories.clip_draft(1, starts=30, ends=90, seconds=None),
                factories.clip_draft(2, starts=30, ends=90, seconds=70),
                factories.clip_draft(3, seconds=None),
            ],
            now=NOW,
        )
        return [clip.seconds for clip in lesson.clips]

    assert school.write(operation) == [60, 70, None]


def test_a_second_teacher_does_not_overwrite_what_she_never_saw(school: School) -> None:
    def operation(s: Session) -> str:
        lesson = factories.lesson(s)
        before = as_it_is(lesson)
        authoring.update_lesson(s, factories.nadia(s), lesson, now=NOW, **(before | {"title": "De Nadia"}))
        with pytest.raises(Refused, match="lesson_changed"):
            authoring.update_lesson(s, factories.luc(s), lesson, now=NOW, **(before | {"title": "De Luc"}))
        return lesson.title

    assert school.write(operation) == "De Nadia"


def test_lessons_change_places_one_by_one_and_stop_at_the_ends(school: School) -> None:
    def operation(s: Session) -> list[list[str]]:
        un, deux, trois = (factories.lesson(s, title) for title in ("Un", "Deux", "Trois"))
        orders = []
        for lesson, way in ((un, "up"), (trois, "up"), (un, "down"), (deux, "down")):
            authoring.move_lesson(s, factories.nadia(s), lesson, way, now=NOW)  # type: ignore[arg-type]
            s.flush()
            rows = team_queries.lesson_page(s, un.level_id).lessons
            orders.append([row.title for row in rows])
        return orders

    assert school.write(operation) == [
        ["Un", "Deux", "Trois"],
        ["Un", "Trois", "Deux"],
        ["Trois", "Un", "Deux"],
        ["Trois", "Un", "Deux"],
    ]
