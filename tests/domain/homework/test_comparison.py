"""An attempt beside the one before: words, and marks that are confirmed."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain.errors import Absent
from lms.domain.homework import attempts, comparison, correction, marks
from lms.domain.homework.comparison import Change
from lms.domain.homework.marks import MarkContent
from lms.models import Attempt, MarkCode, MarkKind, ReturnedFeedback
from tests import factories
from tests.factories import NOW
from tests.support.narrow import present
from tests.support.school import School

GONE, NEW, SAME = Change.GONE, Change.NEW, Change.SAME


def test_words_that_stay_that_are_gone_and_that_are_new() -> None:
    assert comparison.compare_words("Je prend le bus.", "Je prends le petit bus.") == [
        (SAME, "Je"),
        (GONE, "prend"),
        (NEW, "prends"),
        (SAME, "le"),
        (NEW, "petit"),
        (SAME, "bus."),
    ]
    assert comparison.compare_words("un deux", "un deux") == [(SAME, "un deux")]
    assert comparison.compare_words("", "un") == [(NEW, "un")]
    assert comparison.compare_words("a\n b", "a\n c") == [(SAME, "a \n"), (GONE, "b"), (NEW, "c")]


def test_a_text_of_one_word_alone_takes_no_longer_than_others() -> None:
    begin = time.perf_counter()
    found = comparison.compare_words("a " * 10_000, "a b " * 5_000)
    assert time.perf_counter() - begin < 2
    assert sum(len(words.split()) for _change, words in found) <= 2 * comparison.MOST_WORDS


def two_attempts(session: Session) -> tuple[Attempt, ReturnedFeedback]:
    """Return the second attempt of Samira, and the return to the first one, with three marks."""
    nadia, samira, work = factories.nadia(session), factories.samira(session), factories.assignment(session)
    first = factories.sent(session, samira, work, "Je prend le bus mardi.")
    copy = attempts.queued_attempt_for(session, nadia, first.id)
    feedback = correction.open_feedback(session, copy, nadia, returns=0, now=NOW)
    made = (
        (MarkCode.CONJUGATION, "prend", "prends"),
        (MarkCode.GOOD, "le bus", ""),
        (MarkCode.SPELLING, "mardi", "Mardi"),
    )
    for number, (code, quote, model) in enumerate(made):
        content = MarkContent(MarkKind.RANGE, code, quote=quote, model=model)
        marks.add_mark(
            session, copy, feedback.id, nadia, str(code), content, now=NOW + timedelta(seconds=number)
        )
    returned = factories.answered(session, first, redo=True)
    later = NOW + timedelta(hours=1)
    second = factories.sent(session, samira, work, "Je prends le bus mardi.", now=later)
    return attempts.queued_attempt_for(session, nadia, second.id), returned


def test_marks_are_confirmed_in_the_draft_and_frozen_with_the_return(school: School) -> None:
    def story(session: Session) -> None:
        second, returned = two_attempts(session)
        nadia = factories.nadia(session)
        found = present(comparison.compare_attempts(session, second))
        assert [(each.position, each.mark["quote"], each.is_mended) for each in found.marks] == [
            (0, "prend", None),
            (2, "mardi", None),
        ]
        assert (GONE, "prend") in found.words
        draft = correction.open_feedback(session, second, nadia, returns=0, now=NOW)
        check = comparison.check_mark
        check(session, second, draft.id, returned.id, 0, True)
        check(session, second, draft.id, returned.id, 2, True)
        check(session, second, draft.id, returned.id, 2, False)
        second = attempts.queued_attempt_for(session, nadia, second.id)
        again = factories.answered(session, second)
        assert [(each["quote"], each["is_mended"]) for each in again.checked] == [
            ("prend", True),
            ("mardi", False),
        ]
        check(session, second, draft.id, returned.id, 2, None)
        assert len(again.checked) == 2
        for wrong_return, position in ((again.id, 0), (returned.id, 1), (returned.id, 3)):
            with pytest.raises(Absent):
                check(session, second, draft.id, wrong_return, position, True)

    school.write(story)


def test_a_first_attempt_is_compared_with_nothing(school: School) -> None:
    def story(session: Session) -> None:
        sent = factories.sent(session, factories.samira(session), factories.assignment(session))
        copy = attempts.queued_attempt_for(session, factories.nadia(session), sent.id)
        assert comparison.compare_attempts(session, copy) is None
        assert factories.answered(session, copy).checked == []

    school.write(story)
