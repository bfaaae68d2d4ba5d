from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain.lessons import progress, tracking
from lms.models import Lesson, OpenedLevel, Person
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def watch_all(session: Session, lesson: Lesson, person: Person) -> None:
    for clip in lesson.clips:
        tracking.record_watched(session, person, clip, now=NOW)


def test_a_plank_is_lit_when_every_clip_of_its_lesson_was_watched(school: School) -> None:
    def operation(s: Session) -> list[tuple[int, int]]:
        samira, two = factories.samira(s), factories.lesson(s, clips=2)
        factories.lesson(s, "Encore une")
        seen = []
        for clip in (None, *two.clips):
            if clip is not None:
                tracking.record_watched(s, samira, clip, now=NOW)
            seen.append(progress.progress_by_level(s, samira)[two.level_id])
        return seen

    assert school.write(operation) == [(0, 2), (0, 2), (1, 2)]


def test_a_lesson_without_clips_is_lit_once_she_read_it(school: School) -> None:
    def operation(s: Session) -> list[tuple[int, int]]:
        samira, text = factories.samira(s), factories.lesson(s, clips=0)
        seen = []
        for step in ("watch", "words"):
            tracking.record_visit(s, samira, text, step, now=NOW)
            seen.append(progress.progress_by_level(s, samira)[text.level_id])
        tracking.finish_lesson(s, samira, text, now=NOW)
        return [*seen, progress.progress_by_level(s, samira)[text.level_id]]

    assert school.write(operation) == [(0, 1), (1, 1), (1, 1)]


def test_drafts_and_levels_that_are_not_hers_are_no_planks(school: School) -> None:
    def operation(s: Session) -> tuple[dict[str, tuple[int, int]], str, str]:
        samira = factories.samira(s)
        own = factories.lesson(s)
        factories.lesson(s, "Brouillon", published=False)
        other = factories.lesson(s, "À la commune", "N2")
        factories.lesson(s, "Au travail", "N3")
        s.add(
            OpenedLevel(
                person_id=samira.id,
                level_id=other.level_id,
                opened_by_id=factories.nadia(s).id,
                opened_at=NOW,
            )
        )
        s.flush()
        return progress.progress_by_level(s, samira), own.level_id, other.level_id

    found, own, opened = school.write(operation)
    assert found == {own: (0, 1), opened: (0, 1)}


def test_what_one_learner_watched_lights_nobody_else(school: School) -> None:
    def operation(s: Session) -> dict[str, tuple[int, int]]:
        lesson = factories.lesson(s)
        watch_all(s, lesson, factories.samira(s))
        other = factories.learner(s, "Tesfay")
        return progress.class_progress(s, [factories.samira(s).id, other.id, factories.oksana(s).id])

    found = school.write(operation)
    assert sorted(found.values()) == [(0, 0), (0, 1), (1, 1)]


@pytest.mark.parametrize("size", [1, 30])
def test_the_class_is_counted_in_one_statement(school: School, size: int) -> None:
    def operation(s: Session) -> list[str]:
        lesson = factories.lesson(s)
        people = [factories.learner(s, f"Personne {number}") for number in range(size)]
        watch_all(s, lesson, people[0])
        return [person.id for person in people]

    ids = school.write(operation)
    with school.counting_statements() as sent:
        found = school.read(lambda s: progress.class_progress(s, ids))
    assert len(sent) == 1
    assert (len(found), sum(done for done, _ in found.values())) == (size, 1)


def test_an_empty_class_asks_nothing(school: School) -> None:
    with school.counting_statements() as sent:
        assert school.read(lambda s: progress.class_progress(s, [])) == {}
    assert sent == []


def test_the_next_lesson_is_the_one_begun_last_then_the_first_not_done(school: School) -> None:
    def operation(s: Session) -> list[str | None]:
        samira = factories.samira(s)
        first, second, third = (factories.lesson(s, title) for title in ("Un", "Deux", "Trois"))
        seen = [progress.next_lesson(s, samira)]
        tracking.record_visit(s, samira, second, "watch", now=NOW)
        tracking.record_position(s, samira, third.clips[0], 30, now=NOW + timedelta(minutes=5))
        seen.append(progress.next_lesson(s, samira))
        watch_all(s, third, samira)
        seen.append(progress.next_lesson(s, samira))
        watch_all(s, second, samira)
        seen.append(progress.next_lesson(s, samira))
        watch_all(s, first, samira)
        seen.append(progress.next_lesson(s, samira))
        return [lesson.title if lesson else None for lesson in seen]

    assert school.write(operation) == ["Un", "Trois", "Deux", "Un", None]


def test_a_lesson_of_an_opened_level_is_next_only_when_it_was_begun(school: School) -> None:
    def operation(s: Session) -> list[str]:
        samira, own, other = (
            factories.samira(s),
            factories.lesson(s, "Bonjour"),
            factories.lesson(s, "La commune", "N2"),
        )
        s.add(
            OpenedLevel(
                person_id=samira.id,
                level_id=other.level_id,
                opened_by_id=factories.nadia(s).id,
                opened_at=NOW,
            )
        )
        s.flush()
        before = progress.next_lesson(s, samira)
        tracking.record_visit(s, samira, other, "words", now=NOW)
        after = progress.next_lesson(s, samira)
        assert before is own
        return [lesson.title for lesson in (before, after) if lesson]

    assert school.write(operation) == ["Bonjour", "La commune"]
