import pytest
from hypothesis import given
from hypothesis import strategies as st

from lms.adapters.media.names import LENGTH, NAMELESS, clean_name


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("devoir.jpg", "devoir.jpg"),
        ("واجب منزلي.jpg", "واجب منزلي.jpg"),
        ("домашнє завдання.pdf", "домашнє завдання.pdf"),
        ("C:\\Users\\Oksana\\photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\x00b\r\nSet-Cookie: x.jpg", "ab Set-Cookie: x.jpg"),
        ("e\u0301te\u0301.png", "été.png"),
        ("  deux   mots .jpg ", "deux mots .jpg"),
        ("", NAMELESS),
        ("...", NAMELESS),
        ("\u202e\u200f", NAMELESS),
        ("/", NAMELESS),
        ("\ud800.jpg", "?.jpg"),
    ],
)
def test_a_name_is_shown_as_it_was_meant_and_without_traps(sent: str, shown: str) -> None:
    assert clean_name(sent) == shown


def test_a_very_long_name_keeps_its_ending() -> None:
    shown = clean_name("é" * 400 + ".heic")
    assert len(shown) == LENGTH
    assert shown.endswith("é.heic")


@given(st.text(max_size=300))
def test_any_name_at_all_becomes_a_short_line_of_text(sent: str) -> None:
    shown = clean_name(sent)
    assert 0 < len(shown) <= LENGTH
    assert "/" not in shown
    assert "\\" not in shown
    assert shown.isprintable() or "\u200c" in shown or "\u200d" in shown
    assert clean_name(shown) == shown
