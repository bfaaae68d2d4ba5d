"""Marked words of a text, cut into pieces that a template draws."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from lms.models import Mark, MarkKind, ReturnedMark


class Piece(NamedTuple):
    """A piece of a text: the numbers of the marks that cover it, and of those that end with it."""

    text: str
    numbers: list[int]
    ending: list[int]


def cut_marked_text(text: str, marks: Sequence[Mark] | Sequence[ReturnedMark]) -> list[Piece]:
    """Return the text in pieces that each lie in the same marks; the number of the first mark is 1."""
    spans = [
        (starts, min(ends, len(text)), number)
        for number, (kind, starts, ends) in enumerate(map(_span, marks), 1)
        if kind == MarkKind.RANGE and starts is not None and ends is not None
    ]
    spans = [span for span in spans if span[0] < span[1]]
    cuts = sorted({0, len(text), *(start for start, _, _ in spans), *(end for _, end, _ in spans)})
    return [
        Piece(
            text[begin:end],
            [number for start, stop, number in spans if start <= begin and end <= stop],
            [number for _, stop, number in spans if stop == end],
        )
        for begin, end in pairwise(cuts)
    ]


def _span(mark: Mark | ReturnedMark) -> tuple[str, int | None, int | None]:
    if isinstance(mark, Mark):
        return mark.kind, mark.starts, mark.ends
    return mark["kind"], mark["starts"], mark["ends"]
