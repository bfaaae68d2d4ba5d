"""What a teacher is asked before a return, and decides beside the words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.homework import attempts, correction, marks
from lms.domain.homework.marks import MarkContent
from lms.models import MarkCode, MarkKind, ReturnedFeedback
from tests import factories
from tests.factories import NOW
from tests.support.pages import Visitor
from tests.support.school import School

MarkWords = Callable[..., str]


@pytest.fixture
def nadia(school: School) -> Visitor:
    return school.visitor(school.write(factories.nadia))


@pytest.fixture
def mark_words(school: School) -> MarkWords:
    """Send a copy of a level and mark words in it with these codes; returns the id of the attempt."""

    def mark(level: str, *codes: MarkCode) -> str:
        def write(session: Session) -> str:
            teacher = factories.nadia(session)
            work = factories.assignment(session, factories.lesson(session, level_code=level))
            sent = factories.sent(session, factories.learner(session, "Diego", level_code=level), work)
            copy = attempts.queued_attempt_for(session, teacher, sent.id)
            feedback = correction.open_feedback(session, copy, teacher, returns=0, now=NOW)
            for number, code in enumerate(codes):
                word = MarkContent(MarkKind.RANGE, code, quote=f"mot {number}")
                marks.add_mark(session, copy, feedback.id, teacher, f"key-{number}", word, now=NOW)
            return sent.id

        return school.write(write)

    return mark


def test_too_many_marks_are_asked_about_once_all_at_the_same_time(
    school: School, nadia: Visitor, mark_words: MarkWords
) -> None:
    copy = mark_words("N1", MarkCode.WORD, MarkCode.ORDER, MarkCode.ORDER)
    page = nadia.get(f"/corrections/{copy}")
    asked = nadia.submit(page, {"comment": "Bien"}, action=copy, button=f"{copy}/return")
    assert asked.status == 422
    assert "Plus de 2 marques" in asked.text
    assert "Aucune marque ne dit ce qui est bien." in asked.text
    assert "Il y a une erreur" not in asked.text
    assert asked.root.all("textarea")[0].text == "Bien"
    assert school.read(lambda s: s.scalars(select(ReturnedFeedback)).all()) == []
    done = nadia.submit(asked, {}, action=copy, button=f"{copy}/return")
    assert "Copie rendue à Diego." in done.text
    assert school.read(lambda s: s.scalars(select(ReturnedFeedback.comment)).one()) == "Bien"


def test_what_fits_the_level_goes_through_at_once(nadia: Visitor, mark_words: MarkWords) -> None:
    copy = mark_words("N2", MarkCode.WORD, MarkCode.ORDER, MarkCode.ORDER, MarkCode.GOOD)
    page = nadia.get(f"/corrections/{copy}")
    assert "Montrer les réponses" not in page.text, "at this level they are never hidden"
    assert "Copie rendue" in nadia.submit(page, {}, action=copy, button=f"{copy}/return").text


def test_at_the_third_level_the_teacher_shows_the_answers_with_one_press(
    school: School, nadia: Visitor, mark_words: MarkWords
) -> None:
    copy = mark_words("N3", MarkCode.WORD, MarkCode.GOOD)
    page = nadia.get(f"/corrections/{copy}")
    assert "Montrer les réponses tout de suite" in page.text
    nadia.submit(page, {"shows_answers": "y"}, action=copy, button=f"{copy}/return")
    assert school.read(lambda s: s.scalars(select(ReturnedFeedback)).one()).shows_answers
