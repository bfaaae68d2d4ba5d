"""What a learner sees of a copy that was returned: its pages with the marks, and a card for each mark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lms.domain.homework.answer_levels import Answers, answers_of
from lms.domain.homework.marked_pages import DRAWN
from lms.models import Attempt, MarkCode, MarkKind, Rendition, ReturnedFeedback, ReturnedMark


@dataclass(frozen=True)
class MarkCard:
    """A mark as the learner reads it. `number`: that of the card, to which its place on the copy leads.

    `at`: the second of the recording.
    """

    number: int
    code: str | None
    quote: str
    model: str
    note: str
    at: int | None

    @property
    def is_good(self) -> bool:
        return self.code == MarkCode.GOOD


class Span(NamedTuple):
    """A piece of the text; `number`: the card of the mark on it, None for none."""

    text: str
    number: int | None
    code: str | None


@dataclass(frozen=True)
class ShownPage:
    """A page of the copy with the marks on it, each with the number of its card."""

    made: Rendition
    name: str
    address: str
    marks: Sequence[tuple[ReturnedMark, int | None]]


@dataclass(frozen=True)
class CorrectedCopy:
    """A copy as its learner reads it. `good`, `faults`, `notes`: the cards of its marks, in their order."""

    attempt: Attempt
    returned: ReturnedFeedback
    answers: Answers
    pages: Sequence[ShownPage]
    text: Sequence[Span]
    good: Sequence[MarkCard]
    faults: Sequence[MarkCard]
    notes: Sequence[MarkCard]


def corrected_copy(
    attempt: Attempt,
    returned: ReturnedFeedback,
    address_of: Callable[[Rendition], str],
    *,
    may_try_again: bool,
) -> CorrectedCopy:
    """Return what the learner sees of a return to an attempt. `address_of`: where a page is delivered."""
    numbers: dict[int, int] = {}
    cards: list[MarkCard] = []
    for place, mark in enumerate(returned.marks):
        if mark["code"] is not None or mark["note"]:
            numbers[place] = len(cards) + 1
            at = mark["starts"] if mark["kind"] == MarkKind.MOMENT else None
            words = (mark["quote"], mark["model"], mark["note"])
            cards.append(MarkCard(len(cards) + 1, mark["code"], *words, at))
    marks = [(mark, numbers.get(place)) for place, mark in enumerate(returned.marks)]
    return CorrectedCopy(
        attempt=attempt,
        returned=returned,
        answers=answers_of(returned, attempt, may_try_again=may_try_again),
        pages=_pages(attempt, marks, address_of),
        text=_spans(attempt.text, marks),
        good=[card for card in cards if card.is_good],
        faults=[card for card in cards if card.code is not None and not card.is_good],
        notes=[card for card in cards if card.code is None],
    )


def _pages(
    attempt: Attempt,
    marks: Sequence[tuple[ReturnedMark, int | None]],
    address_of: Callable[[Rendition], str],
) -> list[ShownPage]:
    return [
        ShownPage(
            made,
            attachment.shown_name,
            address_of(made),
            [
                (mark, number)
                for mark, number in marks
                if mark["kind"] in DRAWN
                and (mark["attachment_id"], mark["page"]) == (attachment.id, made.page)
            ],
        )
        for attachment in attempt.attachments
        if attachment.is_ready
        for made in attachment.renditions
        if made.purpose == "web"
    ]


def _spans(text: str, marks: Sequence[tuple[ReturnedMark, int | None]]) -> list[Span]:
    """Divide the text at its marks; of two that overlap, the later one begins where the other ends."""
    ranges = sorted(
        (mark["starts"], mark["ends"], number, mark["code"])
        for mark, number in marks
        if mark["kind"] == MarkKind.RANGE
        and mark["starts"] is not None
        and mark["ends"] is not None
        and number is not None
    )
    found, done = [], 0
    for starts, ends, number, code in ranges:
        begin, end = max(done, starts), min(ends, len(text))
        if begin >= end:
            continue
        if begin > done:
            found.append(Span(text[done:begin], None, None))
        found.append(Span(text[begin:end], number, code))
        done = end
    if done < len(text):
        found.append(Span(text[done:], None, None))
    return found
