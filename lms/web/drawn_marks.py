"""Marks of a teacher as pages draw them: places on a turned page, and the marked words of a text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lms.domain.homework import marks
from lms.domain.homework.marks import WHOLE
from lms.models import Mark, MarkCode, MarkKind, Rendition, ReturnedMark

AnyMark = Mark | ReturnedMark
# The looks of a code say its family, so that nobody needs to see the colour.
SHAPES: dict[MarkCode, str] = {
    MarkCode.AGREEMENT: "square",
    MarkCode.CONJUGATION: "square",
    MarkCode.ORDER: "square",
    MarkCode.DETERMINER: "drop",
    MarkCode.PREPOSITION: "drop",
    MarkCode.MISSING: "drop",
    MarkCode.WORD: "leaf",
    MarkCode.UNCLEAR: "leaf",
    MarkCode.GOOD: "star",
}
_ARROW_HEAD = 0.03  # of the longer side


@dataclass(frozen=True)
class DrawnMark:
    """A mark on a page as it is shown.

    `number`: its place in the list of the marks, from 1. `left`, `top`: where the pin or the words are, in
    hundredths of the shown page. `path`: lines and areas, in its pixels.
    """

    mark: AnyMark
    number: int
    left: str
    top: str
    path: str


@dataclass(frozen=True)
class TextPiece:
    """Some characters of a text, and the number of the mark on them; None for none."""

    text: str
    number: int | None = None
    code: MarkCode | None = None


def mark_values(mark: Mark) -> dict[str, object]:
    """Return what the script of the page sends back of a mark that it changes, without what is empty."""
    content = marks.content_of(mark)
    values = {**asdict(content), "id": mark.id, "version": mark.version}
    values["attachment"] = values.pop("attachment_id")
    values["points"] = " ".join(f"{x},{y}" for x, y in content.points or [])
    return {name: value for name, value in values.items() if value not in (None, "")}


def shape_of(code: MarkCode | str | None) -> str:
    """Return the shape of a code: `round`, `square`, `drop`, `leaf` or `star`."""
    return SHAPES.get(MarkCode(code), "round") if code else "round"


def marks_on(page: Rendition, made: Sequence[AnyMark]) -> list[DrawnMark]:
    """Return the marks on a page as it is shown, turned as it is; areas first, then lines, then pins."""
    drawn = [
        _draw(mark, number, page)
        for number, mark in enumerate(made, start=1)
        if _of(mark, "attachment_id") == page.attachment_id and _of(mark, "page") == page.page
    ]
    order = (MarkKind.HIGHLIGHT, MarkKind.PEN, MarkKind.ARROW, MarkKind.TEXT, MarkKind.PIN)
    return sorted(drawn, key=lambda each: order.index(MarkKind(_of(each.mark, "kind"))))


def mark_text(text: str, made: Sequence[AnyMark]) -> list[TextPiece]:
    """Cut a text at its marks; where two lie over each other, the one that begins first has the words."""
    spans = sorted(
        (starts, min(ends, len(text)), number, _of(mark, "code"))
        for number, mark in enumerate(made, start=1)
        if _of(mark, "kind") == MarkKind.RANGE
        and (starts := _of(mark, "starts")) is not None
        and (ends := _of(mark, "ends")) is not None
    )
    pieces, at = list[TextPiece](), 0
    for starts, ends, number, code in spans:
        begin = max(starts, at)
        if begin >= ends:
            continue
        if begin > at:
            pieces.append(TextPiece(text[at:begin]))
        pieces.append(TextPiece(text[begin:ends], number, MarkCode(code) if code else None))
        at = ends
    return [*pieces, TextPiece(text[at:])] if at < len(text) else pieces


def _of(mark: AnyMark, name: str) -> Any:
    return mark.get(name) if isinstance(mark, Mapping) else getattr(mark, name)


def _draw(mark: AnyMark, number: int, page: Rendition) -> DrawnMark:
    x, y = _of(mark, "x"), _of(mark, "y")
    across, down = _turn(x, y, page.turns)
    width, height = (page.height, page.width) if page.turns % 2 else (page.width, page.height)

    def pixels(x: float, y: float) -> tuple[float, float]:
        across, down = _turn(x, y, page.turns)
        return across * width / WHOLE, down * height / WHOLE

    kind, w, h = MarkKind(_of(mark, "kind")), _of(mark, "w") or 0, _of(mark, "h") or 0
    path = ""
    if kind == MarkKind.PEN:
        path = _line([pixels(*point) for point in _of(mark, "points") or []])
    elif kind == MarkKind.ARROW:
        begin, end = pixels(x, y), pixels(x + w, y + h)
        path = _line([begin, end]) + "".join(_line(wing) for wing in _wings(begin, end, max(width, height)))
    elif kind == MarkKind.HIGHLIGHT:
        corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
        path = _line([pixels(*corner) for corner in corners]) + "Z"
    return DrawnMark(mark, number, f"{across * 100 / WHOLE:g}%", f"{down * 100 / WHOLE:g}%", path)


def _turn(x: float, y: float, turns: int) -> tuple[float, float]:
    """Return a place of the page as it was sent on the page that is turned clockwise."""
    for _ in range(turns):
        x, y = WHOLE - y, x
    return x, y


def _line(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) if points else ""


def _wings(
    begin: tuple[float, float], end: tuple[float, float], side: float
) -> Iterator[list[tuple[float, float]]]:
    angle, length = math.atan2(end[1] - begin[1], end[0] - begin[0]), side * _ARROW_HEAD
    for spread in (-0.5, 0.5):
        wing = (end[0] - length * math.cos(angle + spread), end[1] - length * math.sin(angle + spread))
        yield [wing, end]
