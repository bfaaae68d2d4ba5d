from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain import lessons
from lms.models import Lesson, OpenedLevel, Person
from tests import make
from tests.house import House
from tests.make import NOW


def watch_all(session: Session, lesson: Lesson, person: Person) -> None:
    for clip in lesson.clips:
        lessons.watched(session, clip, person, now=NOW)


def test_a_plank_is_lit_when_every_clip_of_its_lesson_was_watched(house: House) -> None:
    def deed(s: Session) -> list[tuple[int, int]]:
        samira, two = make.samira(s), make.lesson(s, clips=2)
        make.lesson(s, "Encore une")
        seen = []
        for clip in (None, *two.clips):
            if clip is not None:
                lessons.watched(s, clip, samira, now=NOW)
            seen.append(lessons.bridges(s, samira)[two.level_id])
        return seen

    assert house.write(deed) == [(0, 2), (0, 2), (1, 2)]


def test_a_lesson_without_clips_is_lit_once_she_read_it(house: House) -> None:
    def deed(s: Session) -> list[tuple[int, int]]:
        samira, text = make.samira(s), make.lesson(s, clips=0)
        seen = []
        for step in ("watch", "words"):
            lessons.visit(s, text, samira, step, now=NOW)
            seen.append(lessons.bridges(s, samira)[text.level_id])
        lessons.finish(s, text, samira, now=NOW)
        return [*seen, lessons.bridges(s, samira)[text.level_id]]

    assert house.write(deed) == [(0, 1), (1, 1), (1, 1)]


def test_drafts_and_levels_that_are_not_hers_are_no_planks(house: House) -> None:
    def deed(s: Session) -> tuple[dict[str, tuple[int, int]], str, str]:
        samira = make.samira(s)
        own = make.lesson(s)
        make.lesson(s, "Brouillon", published=False)
        other = make.lesson(s, "À la commune", "N2")
        make.lesson(s, "Au travail", "N3")
        s.add(
            OpenedLevel(
                person_id=samira.id, level_id=other.level_id, opened_by_id=make.nadia(s).id, opened_at=NOW
            )
        )
        s.flush()
        return lessons.bridges(s, samira), own.level_id, other.level_id

    found, own, opened = house.write(deed)
    assert found == {own: (0, 1), opened: (0, 1)}


def test_what_one_learner_watched_lights_nobody_else(house: House) -> None:
    def deed(s: Session) -> dict[str, tuple[int, int]]:
        lesson = make.lesson(s)
        watch_all(s, lesson, make.samira(s))
        other = make.learner(s, "Tesfay")
        return lessons.class_progress(s, [make.samira(s).id, other.id, make.oksana(s).id])

    found = house.write(deed)
    assert sorted(found.values()) == [(0, 0), (0, 1), (1, 1)]


@pytest.mark.parametrize("size", [1, 30])
def test_the_class_is_counted_in_one_statement(house: House, size: int) -> None:
    def deed(s: Session) -> list[str]:
        lesson = make.lesson(s)
        people = [make.learner(s, f"Personne {number}") for number in range(size)]
        watch_all(s, lesson, people[0])
        return [person.id for person in people]

    ids = house.write(deed)
    with house.counting_statements() as sent:
        found = house.read(lambda s: lessons.class_progress(s, ids))
    assert len(sent) == 1
    assert (len(found), sum(done for done, _ in found.values())) == (size, 1)


def test_an_empty_class_asks_nothing(house: House) -> None:
    with house.counting_statements() as sent:
        assert house.read(lambda s: lessons.class_progress(s, [])) == {}
    assert sent == []


def test_the_next_lesson_is_the_one_begun_last_then_the_first_not_done(house: House) -> None:
    def deed(s: Session) -> list[str | None]:
        samira = make.samira(s)
        first, second, third = (make.lesson(s, title) for title in ("Un", "Deux", "Trois"))
        seen = [lessons.next_lesson(s, samira)]
        lessons.visit(s, second, samira, "watch", now=NOW)
        lessons.progress(s, third.clips[0], samira, 30, now=NOW + timedelta(minutes=5))
        seen.append(lessons.next_lesson(s, samira))
        watch_all(s, third, samira)
        seen.append(lessons.next_lesson(s, samira))
        watch_all(s, second, samira)
        seen.append(lessons.next_lesson(s, samira))
        watch_all(s, first, samira)
        seen.append(lessons.next_lesson(s, samira))
        return [lesson.title if lesson else None for lesson in seen]

    assert house.write(deed) == ["Un", "Trois", "Deux", "Un", None]


def test_a_lesson_of_an_opened_level_is_next_only_when_it_was_begun(house: House) -> None:
    def deed(s: Session) -> list[str]:
        samira, own, other = make.samira(s), make.lesson(s, "Bonjour"), make.lesson(s, "La commune", "N2")
        s.add(
            OpenedLevel(
                person_id=samira.id, level_id=other.level_id, opened_by_id=make.nadia(s).id, opened_at=NOW
            )
        )
        s.flush()
        before = lessons.next_lesson(s, samira)
        lessons.visit(s, other, samira, "words", now=NOW)
        after = lessons.next_lesson(s, samira)
        assert before is own
        return [lesson.title for lesson in (before, after) if lesson]

    assert house.write(deed) == ["Bonjour", "La commune"]
