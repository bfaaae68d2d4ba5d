"""An attempt beside the one before: its words compared, and the marks of then confirmed one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lms.domain.errors import Absent
from lms.models import Attempt, CheckedMark, MarkCheck, MarkCode, ReturnedFeedback, ReturnedMark

# So many words of each text are compared: the table of the longest common words has their product of cells.
MOST_WORDS = 500
_WORDS = re.compile(r"\n|\S+")


class Change(StrEnum):
    """Change of words between two attempts: none, gone, or new."""

    SAME = "same"
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True)
class EarlierMark:
    """A mark of the return before. `is_mended`: what was confirmed, None for nothing yet."""

    position: int
    mark: ReturnedMark
    is_mended: bool | None


@dataclass(frozen=True)
class Comparison:
    """An attempt beside the one before.

    `words`: runs of words, none where one of the two has no text. `is_cut`: a text is longer than what is
    compared. `returned`: the return whose marks are confirmed.
    """

    before: Attempt
    words: Sequence[tuple[Change, str]]
    is_cut: bool
    returned: ReturnedFeedback | None
    marks: Sequence[EarlierMark]


def compare_words(before: str, after: str) -> list[tuple[Change, str]]:
    """Return the words of both texts in runs: those that stayed, those that are gone, those that are new."""
    old, new = _words(before), _words(after)
    begin = _common(old, new)
    end = _common(old[begin:][::-1], new[begin:][::-1])
    middle = _align(old[begin : len(old) - end], new[begin : len(new) - end])
    steps = [
        *((Change.SAME, word) for word in old[:begin]),
        *middle,
        *((Change.SAME, word) for word in old[len(old) - end :]),
    ]
    return [
        (change, " ".join(word for _change, word in run))
        for change, run in groupby(steps, lambda step: step[0])
    ]


def compare_attempts(session: Session, attempt: Attempt) -> Comparison | None:
    """Return the attempt beside the one before that the team has seen; None for a first one.

    One statement, none for a first attempt.
    """
    before = _attempt_before(attempt)
    if before is None:
        return None
    returned = before.last_returned
    texts = (before.text, attempt.text)
    return Comparison(
        before=before,
        words=compare_words(*texts) if all(texts) else [],
        is_cut=all(texts) and any(len(_WORDS.findall(text)) > MOST_WORDS for text in texts),
        returned=returned,
        marks=_earlier_marks(session, attempt, returned) if returned else [],
    )


def check_mark(
    session: Session,
    attempt: Attempt,
    feedback_id: str,
    returned_id: str,
    position: int,
    is_mended: bool | None,
) -> None:
    """Record whether what was marked is mended, for the return to come; None takes the answer back.

    Raises `Absent` for a mark that is not one of the attempt before.
    """
    before = _attempt_before(attempt)
    returned = before.last_returned if before else None
    if returned is None or returned.id != returned_id:
        raise Absent
    if position not in {each.position for each in _earlier_marks(session, attempt, returned)}:
        raise Absent
    session.execute(
        delete(MarkCheck).where(
            MarkCheck.feedback_id == feedback_id,
            MarkCheck.returned_feedback_id == returned_id,
            MarkCheck.position == position,
        )
    )
    if is_mended is not None:
        session.add(
            MarkCheck(
                feedback_id=feedback_id,
                returned_feedback_id=returned_id,
                position=position,
                is_mended=is_mended,
            )
        )
    session.flush()


def freeze_checks(session: Session, attempt: Attempt) -> list[CheckedMark]:
    """Return what was confirmed, as it is kept with a return; no statement for a first attempt."""
    before = _attempt_before(attempt)
    returned = before.last_returned if before else None
    return [
        CheckedMark(
            code=each.mark["code"],
            quote=each.mark["quote"],
            model=each.mark["model"],
            is_mended=each.is_mended,
        )
        for each in (_earlier_marks(session, attempt, returned) if returned else ())
        if each.is_mended is not None
    ]


def _attempt_before(attempt: Attempt) -> Attempt | None:
    """Return the last attempt before this one that the team has seen."""
    earlier = [
        each for each in attempt.submission.attempts if each.number < attempt.number and each.queued_at
    ]
    return earlier[-1] if earlier else None


def _earlier_marks(session: Session, attempt: Attempt, returned: ReturnedFeedback) -> list[EarlierMark]:
    """Return the marks of faults; what was good needs no confirmation."""
    checks = select(MarkCheck.position, MarkCheck.is_mended).where(
        MarkCheck.feedback_id == (attempt.feedback.id if attempt.feedback else ""),
        MarkCheck.returned_feedback_id == returned.id,
    )
    checked = {row.position: row.is_mended for row in session.execute(checks)}
    return [
        EarlierMark(position, mark, checked.get(position))
        for position, mark in enumerate(returned.marks)
        if mark["code"] and mark["code"] != MarkCode.GOOD
    ]


def _words(text: str) -> list[str]:
    return _WORDS.findall(text)[:MOST_WORDS]


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """Return how many words both begin with."""
    number = 0
    for word, other in zip(old, new, strict=False):
        if word != other:
            break
        number += 1
    return number


def _align(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[Change, str]]:
    """Align the words by their longest common sequence. `difflib` takes minutes for a text of one word."""
    lengths = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        row, below, word = lengths[i], lengths[i + 1], old[i]
        for j in range(len(new) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if word == new[j] else max(below[j], row[j + 1])
    i = j = 0
    while i < len(old) and j < len(new):
        if old[i] == new[j]:
            yield Change.SAME, old[i]
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            yield Change.GONE, old[i]
            i += 1
        else:
            yield Change.NEW, new[j]
            j += 1
    yield from ((Change.GONE, word) for word in old[i:])
    yield from ((Change.NEW, word) for word in new[j:])
