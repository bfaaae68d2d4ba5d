from __future__ import annotations

import pytest

from lms.adapters.sms.message import plain, segments


def test_a_text_does_without_the_typography_of_a_page() -> None:
    assert plain("L’heure :\u00a014\u202fh 30…\n\n \u202eTom ") == "L'heure : 14 h 30...\nTom"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 1),
        ("é" * 160, 1),
        ("é" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("😀" * 36, 2),
        ("a" * 70 + "ê", 2),
    ],
)
def test_the_pages_of_a_text_are_counted_as_the_network_counts(text: str, number: int) -> None:
    assert segments(text) == number
