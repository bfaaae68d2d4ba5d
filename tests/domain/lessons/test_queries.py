from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from lms.domain.errors import Absent
from lms.domain.lessons import authoring, queries, tracking
from lms.domain.lessons.progress import LessonState
from lms.models import Assignment, OpenedLevel, Person
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def open_level(session: Session, person: Person, code: str) -> None:
    session.add(
        OpenedLevel(
            person_id=person.id,
            level_id=factories.level(session, code).id,
            opened_by_id=factories.nadia(session).id,
            opened_at=NOW,
        )
    )
    session.flush()


def test_a_learner_sees_her_own_level_first_and_then_what_was_opened_for_her(school: School) -> None:
    def operation(s: Session) -> list[str]:
        oksana = factories.oksana(s)
        open_level(s, oksana, "N1")
        return [level.code for level in queries.levels_for(s, oksana)]

    assert school.write(operation) == ["N2", "N1"]


def test_the_team_sees_every_level_and_someone_without_a_level_sees_none(school: School) -> None:
    def operation(s: Session) -> list[int]:
        nobody = factories.person(s, "Sans niveau", "learner")
        return [len(queries.levels_for(s, who)) for who in (factories.nadia(s), factories.claire(s), nobody)]

    assert school.write(operation) == [3, 3, 0]


@pytest.mark.parametrize(
    ("who", "found"),
    [("samira", True), ("nadia", True), ("claire", True), ("oksana", False), ("farid", False)],
)
def test_a_lesson_is_found_through_the_person(school: School, who: str, found: bool) -> None:
    def operation(s: Session) -> bool:
        lesson = factories.lesson(s)
        person = getattr(factories, who)(s)
        try:
            queries.clip_for(s, person, lesson.clips[0].id)
            queries.open_lesson(s, person, lesson.id)
            return queries.lesson_for(s, person, lesson.id) is lesson
        except Absent:
            return False

    assert school.write(operation) is found


@pytest.mark.parametrize("finder", [queries.lesson_for, queries.open_lesson])
def test_a_draft_does_not_exist_for_learners(
    school: School, finder: Callable[[Session, Person, str], object]
) -> None:
    def operation(s: Session) -> None:
        draft = factories.lesson(s, published=False)
        assert finder(s, factories.nadia(s), draft.id) is not None
        with pytest.raises(Absent):
            finder(s, factories.samira(s), draft.id)
        with pytest.raises(Absent):
            queries.clip_for(s, factories.samira(s), draft.clips[0].id)

    school.write(operation)


def test_a_lesson_has_only_the_steps_that_hold_something(school: School) -> None:
    def operation(s: Session) -> list[tuple[str, ...]]:
        plain, full = factories.lesson(s, words=()), factories.lesson(s, "Avec devoir")
        s.add(
            Assignment(
                lesson_id=full.id, instruction="Écrivez.", created_at=NOW, created_by_id=factories.nadia(s).id
            )
        )
        gone = Assignment(
            lesson_id=plain.id, instruction="Non.", created_at=NOW, created_by_id=factories.nadia(s).id
        )
        gone.withdrawn_at = NOW
        s.add(gone)
        s.flush()
        return [queries.open_lesson(s, factories.samira(s), lesson.id).steps for lesson in (plain, full)]

    assert school.write(operation) == [("watch",), ("watch", "words", "homework")]


def test_a_lesson_opens_where_she_left_it_unless_that_step_is_gone(school: School) -> None:
    def operation(s: Session) -> list[str]:
        samira, lesson = factories.samira(s), factories.lesson(s)
        seen = []
        for step in ("words", "homework"):
            tracking.record_visit(s, samira, lesson, step, now=NOW)
            seen.append(queries.open_lesson(s, samira, lesson.id).left_at)
        return seen

    assert school.write(operation) == ["words", "watch"]


def test_a_clip_goes_on_where_she_left_it_and_from_its_start_once_watched(school: School) -> None:
    def operation(s: Session) -> list[int]:
        samira = factories.samira(s)
        lesson = authoring.create_lesson(
            s,
            factories.nadia(s),
            factories.level(s),
            title="Clip",
            clips=[factories.clip_draft(starts=10, ends=60, seconds=None)],
            now=NOW,
        )
        clip, seen = lesson.clips[0], []
        for second in (None, 5, 33, 59):
            if second is not None:
                tracking.record_position(s, samira, clip, second, now=NOW)
            seen.append(queries.clips_of(s, samira, lesson.id)[0].resume)
        tracking.record_position(s, samira, clip, 33, now=NOW)
        tracking.record_watched(s, samira, clip, now=NOW)
        return [*seen, queries.clips_of(s, samira, lesson.id)[0].resume]

    assert school.write(operation) == [10, 10, 33, 10, 10]


def test_the_list_says_done_begun_or_new_in_the_order_of_the_level(school: School) -> None:
    def operation(s: Session) -> list[tuple[str, str]]:
        samira = factories.samira(s)
        done, begun, _new = (factories.lesson(s, title) for title in ("Un", "Deux", "Trois"))
        factories.lesson(s, "Brouillon", published=False)
        tracking.record_watched(s, samira, done.clips[0], now=NOW)
        tracking.record_position(s, samira, begun.clips[0], 3, now=NOW)
        rows = queries.lessons_of(s, samira)[done.level_id]
        return [(lesson.title, lesson.state) for lesson in rows]

    assert school.write(operation) == [
        ("Un", LessonState.DONE),
        ("Deux", LessonState.BEGUN),
        ("Trois", LessonState.NEW),
    ]


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("le bus 🚌", ("le bus", "🚌")),
        ("la ville 🏙️", ("la ville", "🏙️")),
        ("à gauche ⬅️", ("à gauche", "⬅️")),
        ("la famille 👨‍👩‍👧", ("la famille", "👨‍👩‍👧")),
        ("septante (70)", ("septante (70)", "")),
        ("merci", ("merci", "")),
        ("🚌", ("🚌", "")),
    ],
)
def test_the_picture_of_a_word_is_the_emoji_at_its_end(word: str, parts: tuple[str, str]) -> None:
    assert queries.split_picture(word) == parts
