"""The code on the card: a drawing in the page, without style or script."""

from __future__ import annotations

import re

from lms.adapters import qr

LINK = "https://cours.example.be/card/" + "x" * 24


def test_the_drawing_scales_with_the_paper_and_holds_no_style() -> None:
    drawing = qr.svg(LINK)
    assert drawing.startswith("<svg")
    assert "viewBox=" in drawing
    assert " width=" not in drawing
    assert not re.search(r"style|script|\son\w+=", drawing)


def test_the_link_does_not_stand_in_the_drawing_as_text() -> None:
    assert "cours.example.be" not in qr.svg(LINK)
    assert "<b>" not in qr.svg("https://cours.example.be/card/<b>")


def test_a_terminal_shows_it_in_lines_of_one_width() -> None:
    lines = qr.draw_in_terminal(LINK).splitlines()
    assert len(lines) > 15
    assert qr.draw_in_terminal(LINK) != qr.draw_in_terminal(LINK + "y")


def test_another_link_is_another_drawing() -> None:
    assert qr.svg(LINK) != qr.svg(LINK + "y")
