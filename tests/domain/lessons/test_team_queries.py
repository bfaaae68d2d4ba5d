"""The lessons as the team lists them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from lms.domain.lessons import team_queries, tracking
from lms.domain.paging import PAGE
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def titles(school: School, level_id: str | None, after: str | None = None, **more: Any) -> list[str]:
    page = school.read(lambda s: team_queries.lesson_page(s, level_id, after, **more))
    return [lesson.title for lesson in page.lessons]


def test_the_list_says_clips_homework_and_what_lacks_a_text(school: School) -> None:
    def operation(s: Session) -> list[tuple[str, bool, int, int, int]]:
        two = factories.lesson(s, "Deux vidéos", clips=2)
        factories.lesson(s, "Texte", clips=0, published=False)
        two.clips[1].transcript = ""
        factories.assignment(s, two)
        factories.assignment(s, two).withdrawn_at = NOW
        s.flush()
        rows = team_queries.lesson_page(s, two.level_id).lessons
        return [
            (r.title, r.published_at is not None, r.clips, r.without_transcript, r.assignments) for r in rows
        ]

    assert school.write(operation) == [("Deux vidéos", True, 2, 1, 1), ("Texte", False, 0, 0, 0)]


def test_who_watched_all_clips_or_read_on_has_done_the_lesson(school: School) -> None:
    def operation(s: Session) -> tuple[int, int]:
        two, text = factories.lesson(s, "Deux vidéos", clips=2), factories.lesson(s, "Texte", clips=0)
        samira, tesfay = factories.samira(s), factories.learner(s, "Tesfay")
        gone = factories.learner(s, "Partie")
        for clip in two.clips:
            tracking.record_watched(s, samira, clip, now=NOW)
            tracking.record_watched(s, gone, clip, now=NOW)
        tracking.record_watched(s, tesfay, two.clips[0], now=NOW)
        tracking.record_visit(s, tesfay, text, "words", now=NOW)
        tracking.record_visit(s, samira, text, "watch", now=NOW)
        gone.deactivated_at = NOW
        s.flush()
        return team_queries.count_done_by(s, two), team_queries.count_done_by(s, text)

    assert school.write(operation) == (1, 1)


def test_each_level_has_its_page_and_its_number_of_lessons(school: School) -> None:
    def operation(s: Session) -> tuple[str, str]:
        first = factories.lesson(s, "Un")
        return first.level_id, factories.lesson(s, "Deux", level_code="N2").level_id

    one, two = school.write(operation)
    page = school.read(lambda s: team_queries.lesson_page(s, None))
    assert [(tab.id, tab.lessons) for tab in page.levels if tab.lessons] == [(one, 1), (two, 1)]
    assert titles(school, None) == titles(school, "no-such-level") == ["Un"]
    assert titles(school, two) == ["Deux"]


def test_a_long_level_has_pages_and_a_lesson_is_found_on_its_own(school: School) -> None:
    lessons = school.write(
        lambda s: [factories.lesson(s, f"L {number:02d}").id for number in range(PAGE + 2)]
    )
    assert titles(school, None) == [f"L {number:02d}" for number in range(PAGE)]
    rest = [f"L {number:02d}" for number in range(PAGE, PAGE + 2)]
    assert titles(school, None, lessons[PAGE - 1]) == rest
    assert titles(school, None, showing=lessons[PAGE]) == titles(school, None, showing=lessons[-1]) == rest
    assert titles(school, None, lessons[PAGE - 1], showing=lessons[0])[0] == "L 00"


def test_without_levels_there_is_nothing_to_list(school: School) -> None:
    page = school.read(lambda s: team_queries.lesson_page(s, None))
    assert (page.levels, page.level, page.lessons) == ([], None, [])


def test_drafts_or_published_lessons_alone_are_listed_and_counted(school: School) -> None:
    def operation(s: Session) -> None:
        factories.lesson(s, "Un")
        factories.lesson(s, "Deux", published=False)
        factories.lesson(s, "Trois", level_code="N2", published=False)

    school.write(operation)

    def ask(s: Session) -> list[tuple[list[str], list[int]]]:
        found = [team_queries.lesson_page(s, None, publication=each) for each in team_queries.Publication]
        return [([row.title for row in page.lessons], [tab.lessons for tab in page.levels]) for page in found]

    assert school.read(ask) == [(["Un"], [1, 0, 0]), (["Deux"], [1, 1, 0])]
