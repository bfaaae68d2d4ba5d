"""What every page of every test is checked for."""

from __future__ import annotations

import pytest

from tests.support.pages import filled, honest_page, parse

PAGE = (
    '<!doctype html><html lang="fr" dir="ltr"><head><title>T</title></head><body><h1>H</h1>{}</body></html>'
)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('<p style="color: red">', "inline style"),
        ('<template><p style="color: red"></template>', "inline style"),
        ('<a href="/" ONCLICK="go()">', "inline script"),
        ("<h1>Another</h1>", "one h1"),
        ('<p id="one"></p><i id="one"></i>', "ids twice"),
        ('<label for="other">L</label><input name="x" id="x">', "no label"),
        ('<textarea name="x"></textarea>', "no label"),
        ('<img src="x.jpg">', "no alt"),
    ],
)
def test_a_page_with_a_barrier_is_refused(content: str, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        honest_page(PAGE.format(content))


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [(' lang="fr"', "", "lang"), ('"ltr"', '"left"', "dir"), ("<title>T", "<title>", "a title")],
)
def test_a_page_without_language_direction_or_title_is_refused(right: str, wrong: str, fault: str) -> None:
    with pytest.raises(AssertionError, match=fault):
        honest_page(PAGE.replace(right, wrong).format(""))


def test_a_page_with_labels_is_taken() -> None:
    honest_page(PAGE.format('<label>L <input name="x"></label><input name="y" aria-label="Y"><img alt="">'))


def test_a_form_is_sent_as_a_browser_would() -> None:
    (form,) = parse(
        '<form><textarea name="text">\n\nA &amp; B</textarea><input name="n" type="number" value="3">'
        '<input type="radio" name="r" value="1"><input type="radio" name="r" value="2" checked>'
        '<select name="s"><option value="">-</option><option selected>Mons</option></select>'
        '<input name="off" value="x" disabled><button name="b" value="1">Envoyer</button></form>'
    ).all("form")
    assert filled(form) == {"text": "\nA & B", "n": "3", "r": "2", "s": "Mons"}
