"""What a learner sees of a copy that was returned: its pages with the marks, and a card for each mark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lms.domain.homework.answer_levels import Answers, answers_of
from lms.models import Attempt, MarkCode, MarkKind, Rendition, ReturnedFeedback, ReturnedMark


@dataclass(frozen=True)
class MarkCard:
    """A mark as the learner reads it. `number`: its place in the list, to which its sign on the copy leads.

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


@dataclass(frozen=True)
class ShownPage:
    """A page of the copy, and where it is delivered."""

    made: Rendition
    name: str
    address: str


@dataclass(frozen=True)
class CorrectedCopy:
    """A copy as its learner reads it. `good`, `faults`, `notes`: the cards of its marks, in their order."""

    attempt: Attempt
    returned: ReturnedFeedback
    answers: Answers
    pages: Sequence[ShownPage]
    marks: Sequence[ReturnedMark]
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
    cards = [_card(number, mark) for number, mark in enumerate(returned.marks, start=1)]
    return CorrectedCopy(
        attempt=attempt,
        returned=returned,
        answers=answers_of(returned, attempt, may_try_again=may_try_again),
        pages=[
            ShownPage(made, attachment.shown_name, address_of(made))
            for attachment in attempt.attachments
            if attachment.is_ready
            for made in attachment.renditions
            if made.purpose == "web"
        ],
        marks=returned.marks,
        good=[card for card in cards if card.is_good],
        faults=[card for card in cards if card.code is not None and not card.is_good],
        notes=[card for card in cards if card.code is None and card.note],
    )


def _card(number: int, mark: ReturnedMark) -> MarkCard:
    at = mark["starts"] if mark["kind"] == MarkKind.MOMENT else None
    return MarkCard(number, mark["code"], mark["quote"], mark["model"], mark["note"], at)
