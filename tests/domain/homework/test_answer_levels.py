from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain.errors import Refused
from lms.domain.homework import attempts, correction, marks
from lms.domain.homework.answer_levels import Answers, answers_of, soft_limits
from lms.domain.homework.correction import FeedbackDraft
from lms.domain.homework.marks import MarkContent
from lms.models import Attempt, Mark, MarkCode, MarkKind, ReturnedFeedback
from tests import factories
from tests.factories import NOW
from tests.support.school import School


def made(*letters: str) -> list[Mark]:
    """Return marks on words: by the letter of their code, `b` for what is good, `/` for a line."""
    codes = {
        "C": MarkCode.CONJUGATION,
        "A": MarkCode.AGREEMENT,
        "O": MarkCode.SPELLING,
        "L": MarkCode.WORD,
        "b": MarkCode.GOOD,
    }
    return [
        Mark(kind=MarkKind.RANGE if letter in codes else MarkKind.PEN, code=codes.get(letter))
        for letter in letters
    ]


@pytest.mark.parametrize(
    ("letters", "position", "asked"),
    [
        ("", 1, []),
        ("/", 1, []),
        ("CCb", 1, []),
        ("CC", 1, ["no_good_mark"]),
        ("CCC", 1, ["too_many_pins", "no_good_mark"]),
        ("CCCCb", 2, []),
        ("CAOb", 2, []),
        ("CAOLb", 2, ["too_many_codes"]),
        ("CAOLCAOLb", 3, []),
        ("CAOLCAOL", 7, ["no_good_mark"]),
    ],
)
def test_a_teacher_is_asked_about_what_is_too_much_for_the_place_of_the_level(
    letters: str, position: int, asked: list[str]
) -> None:
    assert [refusal.code for refusal in soft_limits(made(*letters), position)] == asked


def test_a_return_is_asked_about_once_and_goes_through_when_it_is_confirmed(school: School) -> None:
    def give(session: Session, *, is_confirmed: bool) -> ReturnedFeedback:
        nadia = factories.nadia(session)
        attempt = attempts.queued_attempt_for(session, nadia, copy)
        stamps, returns = factories.what_is_shown(session, attempt)
        return correction.return_feedback(
            session,
            attempt,
            nadia,
            FeedbackDraft("Bien"),
            stamps,
            returns=returns,
            redo=False,
            is_confirmed=is_confirmed,
            now=NOW,
        )

    def send(session: Session) -> str:
        nadia, attempt = (
            factories.nadia(session),
            factories.sent(session, factories.samira(session), factories.assignment(session)),
        )
        copy = attempts.queued_attempt_for(session, nadia, attempt.id)
        feedback = correction.open_feedback(session, copy, nadia, returns=0, now=NOW)
        word = MarkContent(MarkKind.RANGE, MarkCode.WORD, quote="lundi", model="mardi")
        marks.add_mark(session, copy, feedback.id, nadia, "key-0001", word, now=NOW)
        return attempt.id

    copy = school.write(send)
    with pytest.raises(Refused, match="no_good_mark"):
        school.write(lambda s: give(s, is_confirmed=False))
    assert school.write(lambda s: give(s, is_confirmed=True)).number == 1


@pytest.mark.parametrize(
    ("level", "first", "again"),
    [
        ("N1", Answers.SHOWN, Answers.SHOWN),
        ("N2", Answers.ON_TAP, Answers.ON_TAP),
        ("N3", Answers.HIDDEN, Answers.ON_TAP),
    ],
)
def test_the_answers_come_by_the_place_of_the_level_and_at_the_third_after_another_attempt(
    school: School, level: str, first: Answers, again: Answers
) -> None:
    def look(session: Session) -> None:
        work = factories.assignment(session, factories.lesson(session, level_code=level))
        learner = factories.learner(session, "Diego", level_code=level)
        sent = factories.sent(session, learner, work)
        returned = factories.answered(session, sent, redo=True)
        later = NOW + timedelta(hours=1)

        def shown(**more: bool) -> Answers:
            submission = attempts.submission_for(session, learner, sent.submission_id, now=later)
            return answers_of(returned, submission.attempts[0], **more)

        assert shown() == first
        assert shown(may_try_again=False) != Answers.HIDDEN, "there is no second attempt to wait for"
        factories.drafted(session, learner, work, "Mieux", now=later)
        assert shown() == first, "what is only begun is not sent"
        factories.sent(session, learner, work, "Mieux", now=later)
        assert shown() == again

    school.write(look)


def test_a_teacher_shows_the_answers_at_once_with_one_press() -> None:
    returned = ReturnedFeedback(body={"bands": [], "marks": [], "shows_answers": True})
    assert answers_of(returned, Attempt()) == Answers.SHOWN
