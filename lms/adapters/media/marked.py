"""Draw the marks of a teacher on a page, as the learner's mail shows it.

Runs in the child process. The page is turned first and the places of the marks with it, so that letters stand
upright on every page.
"""

import json
import math
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, JpegImagePlugin

from lms.adapters.media.decode import Facts, serve
from lms.adapters.media.types import ASKED, DRAWN

# Both sides of the page in which places are counted.
WHOLE = 10_000
# The first that is small enough; the width is what a mail program shows.
SIZES = ((800, 70), (800, 60), (800, 50), (640, 55), (640, 42), (480, 45))
LONGEST = 1.6  # height to width of what is still legible in that width
_FINE = 2  # drawn larger, then made small: smooth edges
TURNS = (None, Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90)
_RED, _PURPLE, _BLUE, _BROWN, _GREEN = "#a8321e", "#64469c", "#1f5fa8", "#8a4b00", "#1a6b45"
_WHITE, _INK, _YELLOW = "#ffffff", "#1d2433", (255, 214, 0, 90)
# Shape and colour of a code stand for its group, as on the page.
_GROUPS = {
    "agreement": "square",
    "conjugation": "square",
    "determiner": "drop",
    "preposition": "drop",
    "missing": "drop",
    "word": "leaf",
    "order": "leaf",
    "unclear": "leaf",
    "good": "star",
}
_COLOURS = {"round": _RED, "square": _PURPLE, "drop": _BLUE, "leaf": _BROWN, "star": _GREEN}
# Of the system; the font that comes with Pillow knows no accents.
_FONTS = ("DejaVuSans-Bold.ttf", "NotoSans-Bold.ttf", "LiberationSans-Bold.ttf", "Arial Bold.ttf")

Point = tuple[float, float]
Mark = dict[str, Any]


def look(source: Path, work: Path) -> Facts:
    """Draw what `asked.json` says on the page, as small as it asks for; return size and bytes."""
    asked = json.loads((work / ASKED).read_bytes())
    page = Image.open(source, formats=[JpegImagePlugin.JpegImageFile.format]).convert("RGB")
    turn = TURNS[asked["turns"]]
    page = page.transpose(turn) if turn is not None else page
    for width, quality in SIZES:
        drawn = draw_marks(page, asked["marks"], asked["turns"], width)
        drawn.save(work / DRAWN, "JPEG", quality=quality, optimize=True, progressive=True)
        if (work / DRAWN).stat().st_size <= asked["bytes"]:
            return {"width": drawn.width, "height": drawn.height}
    return {"width": 0, "height": 0}


def draw_marks(page: Image.Image, marks: list[Mark], turns: int, width: int) -> Image.Image:
    """Return a page that is turned already, of at most this width, with the marks on it."""
    page = page.copy()
    page.thumbnail((width, round(width * LONGEST)))
    sheet = Image.new("RGBA", (page.width * _FINE, page.height * _FINE))
    for kinds in (("highlight",), ("pen", "arrow"), ("text",), ("pin",)):
        for mark in marks:
            if mark["kind"] in kinds:
                _DRAWERS[mark["kind"]](ImageDraw.Draw(sheet), mark, _Place(sheet.size, turns))
    page.paste(sheet.resize(page.size), mask=sheet.resize(page.size).getchannel("A"))
    return page


class _Place:
    """Turns places on the page as it was sent into pixels of the turned page."""

    def __init__(self, size: tuple[int, int], turns: int) -> None:
        self.size, self.turns = size, turns
        self.unit = size[0] / 100  # sizes of signs are hundredths of the width

    def __call__(self, x: float, y: float) -> Point:
        across, down = x / WHOLE, y / WHOLE
        for _ in range(self.turns):
            across, down = 1 - down, across
        return across * self.size[0], down * self.size[1]


def _pin(draw: ImageDraw.ImageDraw, mark: Mark, place: _Place) -> None:
    x, y = place(mark["x"], mark["y"])
    shape = _GROUPS.get(mark["code"], "round")
    radius = place.unit * 2.2
    _badge(draw, shape, (x, y), radius + place.unit * 0.4, _WHITE)
    _badge(draw, shape, (x, y), radius, _COLOURS[shape])
    if shape == "star":
        draw.polygon(list(_star((x, y), radius * 0.72)), fill=_WHITE)
    else:
        draw.text((x, y), mark["letter"], font=_font(radius * 1.45), fill=_WHITE, anchor="mm")


def _badge(draw: ImageDraw.ImageDraw, shape: str, at: Point, radius: float, colour: str) -> None:
    x, y = at
    box = (x - radius, y - radius, x + radius, y + radius)
    if shape in ("round", "star"):
        draw.ellipse(box, fill=colour)
    elif shape == "square":
        draw.rounded_rectangle(box, radius * 0.4, fill=colour)
    elif shape == "drop":
        draw.rounded_rectangle(box, radius * 0.9, fill=colour, corners=(True, True, True, False))
    else:
        draw.rounded_rectangle(box, radius * 0.9, fill=colour, corners=(True, False, True, False))


def _star(at: Point, radius: float) -> Iterator[Point]:
    for corner in range(10):
        length = radius if corner % 2 == 0 else radius * 0.45
        angle = math.pi * (corner / 5 - 0.5)
        yield at[0] + length * math.cos(angle), at[1] + length * math.sin(angle)


def _pen(draw: ImageDraw.ImageDraw, mark: Mark, place: _Place) -> None:
    _line(draw, [place(x, y) for x, y in mark["points"]], place)


def _arrow(draw: ImageDraw.ImageDraw, mark: Mark, place: _Place) -> None:
    begin = place(mark["x"], mark["y"])
    end = place(mark["x"] + (mark["w"] or 0), mark["y"] + (mark["h"] or 0))
    angle, length = math.atan2(end[1] - begin[1], end[0] - begin[0]), place.unit * 3
    wings = [
        (end[0] - length * math.cos(angle + side), end[1] - length * math.sin(angle + side))
        for side in (-0.5, 0.5)
    ]
    _line(draw, [begin, end], place)
    _line(draw, [wings[0], end, wings[1]], place)


def _line(draw: ImageDraw.ImageDraw, points: list[Point], place: _Place) -> None:
    for colour, thick in ((_WHITE, 1.2), (_RED, 0.7)):
        draw.line(points, fill=colour, width=max(2, round(place.unit * thick)), joint="curve")


def _highlight(draw: ImageDraw.ImageDraw, mark: Mark, place: _Place) -> None:
    corners = [
        place(mark["x"], mark["y"]),
        place(mark["x"] + (mark["w"] or 0), mark["y"] + (mark["h"] or 0)),
    ]
    (left, right), (top, bottom) = (sorted(side) for side in zip(*corners, strict=True))
    draw.rectangle((left, top, right, bottom), fill=_YELLOW)


def _text(draw: ImageDraw.ImageDraw, mark: Mark, place: _Place) -> None:
    font, pad = _font(place.unit * 3.2), place.unit
    words = _wrapped(_drawable(mark["note"], font), font, place.size[0] * 0.6)
    left, top, right, bottom = draw.multiline_textbbox((0, 0), words, font=font)
    x, y = place(mark["x"], mark["y"])
    x = max(0, min(x, place.size[0] - (right - left) - 2 * pad))
    y = max(0, min(y, place.size[1] - (bottom - top) - 2 * pad))
    box = (x, y, x + right - left + 2 * pad, y + bottom - top + 2 * pad)
    draw.rounded_rectangle(box, pad, fill=_WHITE, outline=_RED, width=max(1, round(place.unit * 0.3)))
    draw.multiline_text((x + pad - left, y + pad - top), words, font=font, fill=_INK)


def _wrapped(words: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines[:6])


def _font(size: float) -> ImageFont.FreeTypeFont:
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    found = ImageFont.load_default(size)
    if not isinstance(found, ImageFont.FreeTypeFont):
        raise OSError("Pillow has no FreeType")
    return found


def _drawable(words: str, font: ImageFont.FreeTypeFont) -> str:
    """Return the words without accents where the font knows none; they stand in the mail in full as well."""
    if font.getname()[0] != "Aileron":
        return words
    return "".join(letter for letter in unicodedata.normalize("NFD", words) if letter.isascii())


_DRAWERS = {"highlight": _highlight, "pen": _pen, "arrow": _arrow, "text": _text, "pin": _pin}


if __name__ == "__main__":
    serve(look)
