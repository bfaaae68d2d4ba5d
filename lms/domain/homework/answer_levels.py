"""What the level decides: how much a teacher should mark, and when the learner sees how it is right.

A level counts by its place in the order, never by its name; the third and all after it are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from lms.domain.errors import Refused
from lms.models import Attempt, Mark, MarkCode, MarkKind, ReturnedFeedback
from lms.refusal_codes import RefusalCode

FIRST, SECOND = 1, 2
# Soft limits: asked about once.
MOST_PINS, MOST_CODES = 2, 3
SOFT = frozenset({RefusalCode.TOO_MANY_PINS, RefusalCode.TOO_MANY_CODES, RefusalCode.NO_GOOD_MARK})


class Answers(StrEnum):
    """How the learner sees the answers to the marks: at once, on a tap, or not yet."""

    SHOWN = "shown"
    ON_TAP = "on_tap"
    HIDDEN = "hidden"


def soft_limits(made: Sequence[Mark], position: int) -> list[Refused]:
    """Return what is too much, or missing, in the marks for a level at this place; each is asked about once.

    `too_many_pins`: more than two at the first level; `too_many_codes`: more than three kinds of faults at
    the second; `no_good_mark`: faults alone. Feedback without marks says what is good in its words.
    """
    faults = [mark for mark in made if mark.code is not None and mark.code != MarkCode.GOOD]
    codes = {mark.code for mark in faults}
    pins = [mark for mark in faults if mark.kind in (MarkKind.PIN, MarkKind.RANGE, MarkKind.MOMENT)]
    found = []
    if position == FIRST and len(pins) > MOST_PINS:
        found.append(Refused(RefusalCode.TOO_MANY_PINS, number=MOST_PINS))
    if position == SECOND and len(codes) > MOST_CODES:
        found.append(Refused(RefusalCode.TOO_MANY_CODES, number=MOST_CODES))
    if faults and not any(mark.code == MarkCode.GOOD for mark in made):
        found.append(Refused(RefusalCode.NO_GOOD_MARK))
    return found


def answers_of(returned: ReturnedFeedback, attempt: Attempt, *, may_try_again: bool = True) -> Answers:
    """Return how the learner sees the answers of a return to an attempt, whose submission is loaded whole.

    From the third level on the learner finds them alone first, until a second attempt is sent: where there is
    none to come (`may_try_again`), on a tap. The teacher may show them at once.
    """
    if returned.shows_answers:
        return Answers.SHOWN
    position = attempt.submission.assignment.lesson.level.position
    if position <= FIRST:
        return Answers.SHOWN
    if position == SECOND or not may_try_again:
        return Answers.ON_TAP
    is_sent_again = any(each.number > 1 and each.sent_at for each in attempt.submission.attempts)
    return Answers.ON_TAP if is_sent_again else Answers.HIDDEN
