from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms.adapters import markdown
from tests.support.pages import parse


def test_bold_lists_and_links_are_written() -> None:
    html = str(markdown.to_html("Lisez **bien**.\nPuis :\n\n- un\n- deux\n\n[le bus](https://www.letec.be)"))
    root = parse(html)
    assert [e.tag for e in root.all("strong", "li", "br")] == ["strong", "br", "li", "li"]
    link = root.all("a")[0]
    assert (link.get("href"), link.get("rel")) == ("https://www.letec.be", "noopener noreferrer nofollow")


def test_plain_text_stays_as_it_was_typed_and_an_address_in_it_is_a_link() -> None:
    root = parse(str(markdown.to_html("Lisez.\nPuis : https://www.letec.be/horaire")))
    assert [e.tag for e in root.all("p", "br", "a")] == ["p", "br", "a"]
    link = root.all("a")[0]
    assert (link.get("href"), link.text) == ("https://www.letec.be/horaire",) * 2


def test_a_heading_never_competes_with_the_title_of_the_page() -> None:
    assert [e.tag for e in parse(str(markdown.to_html("# Un\n\n## Deux\n\n##### Cinq"))).all()] == [
        "h2",
        "h3",
        "h3",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt&#58;alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "<javascript:alert(1)>",
        "![suivi](https://pisteur.example/pixel.png)",
        '[x](https://a.be "\\" onmouseover=alert(1)")',
        "<a href='https://a.be' style='position:fixed'>x</a>",
        "<iframe src='https://a.be'></iframe>",
        "[x]: javascript:alert(1)\n\n[x]",
    ],
)
def test_nothing_that_runs_or_loads_comes_through(text: str) -> None:
    for element in parse(str(markdown.to_html(text))).all():
        assert element.tag in markdown.TAGS
        assert set(element.attrs) <= {"href", "rel"}
        assert element.get("href").split(":")[0] in ("", "https", "#harmful-link")


@given(st.text(alphabet="<>[]()!*_`#-> \nab&\"'\\:", max_size=120))
def test_no_text_breaks_it_and_no_other_tag_comes_out(text: str) -> None:
    for element in parse(str(markdown.to_html(text))).all():
        assert element.tag in markdown.TAGS
