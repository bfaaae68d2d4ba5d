from __future__ import annotations

import pytest

from lms.forms.lessons import length_of, seconds_of


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("3", 180),
        ("3:20", 200),
        ("3 min", 180),
        ("3 min 20", 200),
        ("2,5", 150),
        ("0:45", 45),
        ("0", None),
        ("", None),
        ("abc", None),
        ("٣", None),
        ("999999", None),
    ],
)
def test_minutes_are_read_as_people_write_them(said: str, seconds: int | None) -> None:
    assert seconds_of(said) == seconds
    assert seconds_of(length_of(seconds)) == seconds
