"""Pages with the marks of a teacher on them, measured in pixels."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image, ImageChops

from lms.adapters.media import marked

WIDTH, HEIGHT = 1200, 1600
# Red of a spelling fault, purple of an agreement, green of what is good.
INKS = {"spelling": (168, 50, 30), "agreement": (100, 70, 156), "good": (26, 107, 69)}


def blank() -> Image.Image:
    return Image.new("RGB", (WIDTH, HEIGHT), "#f4f0e6")


def drawn(marks: list[dict[str, Any]], turns: int) -> Image.Image:
    """Return the turned page with the marks on it."""
    turn = marked.TURNS[turns]
    page = blank().transpose(turn) if turn is not None else blank()
    return marked.draw_marks(page, marks, turns, 800)


def centre(picture: Image.Image, ink: tuple[int, int, int]) -> tuple[float, float]:
    """Return the middle of everything that has this colour."""
    difference = ImageChops.difference(picture, Image.new("RGB", picture.size, ink)).convert("L")
    box = difference.point(lambda value: 255 if value < 24 else 0).getbbox()
    assert box is not None, "nothing has this colour"
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def place(x: int, y: int, turns: int, size: tuple[int, int]) -> tuple[float, float]:
    """Return where a place of the page as it was sent lies on the turned picture: worked out by hand."""
    across, down = x / 10_000, y / 10_000
    turned = [(across, down), (1 - down, across), (1 - across, 1 - down), (down, 1 - across)][turns]
    return turned[0] * size[0], turned[1] * size[1]


@pytest.mark.parametrize("turns", range(4))
def test_a_pin_stands_within_two_pixels_of_its_place_on_a_turned_page_too(turns: int) -> None:
    places = {"spelling": (1500, 2000), "agreement": (7300, 4100), "good": (4200, 8800)}
    pins = [{"kind": "pin", "code": code, "letter": "O", "x": x, "y": y} for code, (x, y) in places.items()]
    picture = drawn(pins, turns)
    assert picture.width <= 800
    assert (picture.width > picture.height) == (turns % 2 == 1)
    for code, at in places.items():
        found, wanted = centre(picture, INKS[code]), place(*at, turns, picture.size)
        assert abs(found[0] - wanted[0]) <= 2, (code, found, wanted)
        assert abs(found[1] - wanted[1]) <= 2, (code, found, wanted)


@pytest.mark.parametrize("turns", range(4))
def test_lines_arrows_and_highlights_lie_in_their_places(turns: int) -> None:
    circle = [[3000, 3000], [5000, 3000], [5000, 5000], [3000, 5000], [3000, 3000]]
    picture = drawn([{"kind": "pen", "points": circle}], turns)
    assert centre(picture, INKS["spelling"]) == pytest.approx(place(4000, 4000, turns, picture.size), abs=2)
    arrow = drawn([{"kind": "arrow", "x": 8000, "y": 2000, "w": -4000, "h": 6000}], turns)
    for end in ((8000, 2000), (4000, 8000)):
        across, down = place(*end, turns, arrow.size)
        near = arrow.crop((round(across - 4), round(down - 4), round(across + 4), round(down + 4)))
        centre(near, INKS["spelling"])
    bar = drawn([{"kind": "highlight", "x": 1000, "y": 7000, "w": 3000, "h": 500}], turns)
    changed = ImageChops.difference(bar, drawn([], turns)).convert("L").point(lambda value: value and 255)
    box = changed.getbbox()
    assert box is not None
    corners = [place(1000, 7000, turns, bar.size), place(4000, 7500, turns, bar.size)]
    for wanted, found in zip([*map(min, *corners), *map(max, *corners)], box, strict=True):
        assert abs(wanted - found) <= 2


def test_a_text_stays_on_the_page_in_a_corner_too() -> None:
    note = {"kind": "text", "x": 9900, "y": 9900, "note": "Très bien : écrivez « à la tête » ! " * 20}
    picture = drawn([note], 0)
    box = (
        ImageChops.difference(picture, drawn([], 0)).convert("L").point(lambda value: value and 255).getbbox()
    )
    assert box is not None
    assert box[2] <= 800
    assert box[3] <= picture.height
    assert box[2] - box[0] > 200
