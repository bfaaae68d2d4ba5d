"""Marks as pages draw them: places on turned pages, and the marked words of a text."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import render_template_string

from lms.models import Mark, MarkCode, MarkKind, Rendition
from lms.web.drawn_marks import TextPiece, mark_text, mark_values, marks_on, shape_of
from tests.support.school import School

DRAW = '{% import "homework/_marks.html" as drawn %}'


def sheet(turns: int = 0) -> Rendition:
    return Rendition(id="r", attachment_id="file", purpose="web", page=1, width=600, height=800, turns=turns)


def pin(x: int = 2500, y: int = 1000, **more: Any) -> Mark:
    values = {"kind": MarkKind.PIN, "code": MarkCode.AGREEMENT, "attachment_id": "file", "page": 1}
    return Mark(x=x, y=y, quote="", model="", note="", **{**values, **more})


def words(starts: int, ends: int, code: MarkCode = MarkCode.AGREEMENT) -> Mark:
    return Mark(kind=MarkKind.RANGE, code=code, starts=starts, ends=ends)


@pytest.mark.parametrize(
    ("turns", "place"),
    [(0, ("25%", "10%")), (1, ("90%", "25%")), (2, ("75%", "90%")), (3, ("10%", "75%"))],
)
def test_a_pin_stays_on_its_word_however_the_page_is_turned(turns: int, place: tuple[str, str]) -> None:
    (drawn,) = marks_on(sheet(turns), [pin()])
    assert (drawn.left, drawn.top) == place


def test_marks_of_another_page_or_file_are_drawn_there_and_keep_their_numbers() -> None:
    other = pin(page=2)
    strange = pin(attachment_id="another")
    assert [each.number for each in marks_on(sheet(), [other, strange, pin()])] == [3]


def test_lines_areas_and_arrows_are_in_pixels_of_the_turned_page_under_the_pins() -> None:
    pen = pin(kind=MarkKind.PEN, code=None, points=[[0, 0], [10_000, 5000]])
    area = pin(0, 0, kind=MarkKind.HIGHLIGHT, code=None, w=5000, h=1000)
    arrow = pin(0, 0, kind=MarkKind.ARROW, code=None, w=10_000, h=0)
    drawn = marks_on(sheet(1), [pin(), pen, arrow, area])
    assert [each.number for each in drawn] == [4, 2, 3, 1]
    assert [each.path for each in drawn][:2] == [
        "M800.0 0.0L800.0 300.0L720.0 300.0L720.0 0.0Z",
        "M800.0 0.0L400.0 600.0",
    ]
    assert drawn[2].path.startswith("M800.0 0.0L800.0 600.0M")
    assert drawn[2].path.count("L800.0 600.0") == 3, "two wings end where the arrow ends"


def test_what_a_return_keeps_is_drawn_as_its_row_was() -> None:
    frozen: Any = {"kind": "pin", "code": "good", "attachment_id": "file", "page": 1, "x": 0, "y": 0}
    assert [each.left for each in marks_on(sheet(), [frozen])] == ["0%"]


def test_a_text_is_cut_at_its_marks_and_no_letter_is_lost_or_doubled() -> None:
    text = "Il mange trois pomme vert."
    overlapping = [words(15, 20), words(9, 20), words(21, 25), words(22, 900)]
    pieces = mark_text(text, overlapping)
    assert "".join(piece.text for piece in pieces) == text
    assert [(piece.text, piece.number) for piece in pieces] == [
        ("Il mange ", None),
        ("trois pomme", 2),
        (" ", None),
        ("vert", 3),
        (".", 4),
    ]
    assert mark_text(text, []) == [TextPiece(text)]
    assert mark_text("", [words(0, 3)]) == []


def test_each_code_has_a_letter_in_the_shape_of_its_family(school: School) -> None:
    assert {shape_of(code) for code in MarkCode} == {"round", "square", "drop", "leaf", "star"}
    with school.app.test_request_context():
        page = render_template_string(DRAW + "{{ drawn.overlay(page, marks) }}", page=sheet(), marks=[pin()])
    assert re.search(
        r'<svg x="25%" y="10%".*href="#mark-1".*aria-label="Accord".*<rect.*>A</text>', page, re.S
    )


def test_marked_words_are_links_to_their_line_and_never_html(school: School) -> None:
    with school.app.test_request_context():
        page = render_template_string(
            DRAW + "{{ drawn.marked(text, marks) }}", text="a <b>c</b>", marks=[words(2, 5)]
        )
    assert 'href="#mark-1" data-mark="1">&lt;b&gt;</a></mark>c&lt;/b&gt;' in page


def test_a_script_gets_what_it_sends_back() -> None:
    stroke = pin(kind=MarkKind.PEN, code=None, points=[[1, 2], [3, 4]], version=2)
    stroke.id = "m"
    assert mark_values(stroke) == {
        "id": "m",
        "version": 2,
        "kind": "pen",
        "attachment": "file",
        "page": 1,
        "x": 2500,
        "y": 1000,
        "points": "1,2 3,4",
    }
