"""The marks of a teacher as the server draws them over a page and in a text."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lms.models import Mark, MarkCode, MarkKind, ReturnedMark
from lms.web.marked_text import cut_marked_text
from tests.support.pages import parse
from tests.support.school import School

PLACE: dict[str, Any] = {"attachment_id": "photo", "page": 1, "points": None, "w": None, "h": None}
WORDS: dict[str, Any] = {"quote": "", "model": "", "note": "", "starts": None, "ends": None}


def returned(kind: str, code: str | None = None, **more: Any) -> ReturnedMark:
    mark: ReturnedMark = {"kind": kind, "code": code, **PLACE, "x": None, "y": None, **WORDS, **more}  # type: ignore[typeddict-item]
    return mark


def drawn(school: School, name: str, *what: object) -> str:
    with school.app.test_request_context():
        template = school.app.jinja_env.get_template("homework/_marks.html")
        return str(getattr(template.make_module(), name)(*what))


def page(turns: int = 0) -> SimpleNamespace:
    return SimpleNamespace(attachment_id="photo", page=1, turns=turns)


@pytest.mark.parametrize(
    ("turns", "place"),
    [(0, ("20.0%", "30.0%")), (1, ("70.0%", "20.0%")), (2, ("80.0%", "70.0%")), (3, ("30.0%", "80.0%"))],
)
def test_a_pin_stays_on_its_word_when_the_page_is_turned(
    school: School, turns: int, place: tuple[str, str]
) -> None:
    html = drawn(school, "over", page(turns), [returned("pin", "conjugation", x=2000, y=3000)])
    (at,) = [each for each in parse(html).all("svg") if each.get("class") == "at"]
    assert (at.get("x"), at.get("y")) == place


def test_a_pin_leads_to_its_card_and_says_its_letter_and_its_word(school: School) -> None:
    elsewhere = returned("pin", "order", x=1, y=1, page=2)
    html = drawn(school, "over", page(), [elsewhere, returned("pin", "good", x=2000, y=3000)])
    (link,) = parse(html).all("a")
    assert (link.get("href"), link.get("id"), link.get("aria-label")) == ("#mark-2", "pin-2", "2. Bien")
    assert "★" in html


def test_rows_are_drawn_as_what_a_return_has_kept(school: School) -> None:
    row = Mark(
        id="h" * 14, kind=MarkKind.PIN, code=MarkCode.ORDER, attachment_id="photo", page=1, x=2000, y=3000
    )
    kept = drawn(school, "over", page(), [returned("pin", "order", x=2000, y=3000)])
    assert drawn(school, "over", page(), [row]).replace(f' data-mark="{row.id}"', "") == kept


def test_lines_arrows_words_and_highlights_are_drawn(school: School) -> None:
    marks = [
        returned("pen", x=0, y=0, points=[[0, 0], [500, 900]]),
        returned("arrow", x=1000, y=2000, w=-500, h=300),
        returned("text", x=9000, y=2000, note="<b>Attention au pluriel de ces mots"),
        returned("highlight", x=1000, y=2000, w=500, h=300),
    ]
    html = drawn(school, "over", page(1), marks)
    assert 'points="0,0 500,900"' in html
    assert "translate(10000 0) rotate(90)" in html
    assert 'x1="80.0%" y1="10.0%" x2="77.0%" y2="5.0%"' in html
    assert "&lt;b&gt;Attention au" in html
    assert html.count("<tspan") == 2
    assert 'width="500" height="300"' in html


def test_words_that_two_marks_share_are_drawn_once(school: School) -> None:
    text = "Je <prend> le bus."
    marks = [
        returned("range", "conjugation", starts=4, ends=9, page=None, attachment_id=None),
        returned("range", "order", starts=4, ends=13, page=None, attachment_id=None),
        returned("range", "word", page=None, attachment_id=None, quote="train"),
    ]
    html = drawn(school, "words", text, marks)
    assert "Je &lt;<mark" in html
    assert ">prend</mark>" in html
    assert 'href="#mark-2"' in html
    assert "#mark-3" not in html
    assert "".join(piece.text for piece in cut_marked_text(text, marks)) == text
    assert cut_marked_text("", marks) == []
