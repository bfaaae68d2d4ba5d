"""National numbers are found, telephone numbers and dates are not."""

from __future__ import annotations

import pytest

from lms.domain.people.screening import holds_national_number


def number(base: str, *, after_2000: bool = False) -> str:
    whole = int(("2" if after_2000 else "") + base)
    return f"{base}{97 - whole % 97:02d}"


@pytest.mark.parametrize(
    "text",
    [
        "85.07.30-033.28",
        "85073003328",
        f"NN {number('850730033')} demandé au guichet",
        f"né en 2003 : {number('030215017', after_2000=True)}",
        f"bis {number('852730033')}, rue du Pont 1",
        "85 07 30 033 28",
    ],
)
def test_a_national_number_is_found_in_a_text(text: str) -> None:
    assert holds_national_number(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "85.07.30-033.29",  # the check does not fit
        "+32 475 12 34 56",
        "BE68 5390 0754 7034",
        "30/07/1985",
        "1850730033285",  # inside a longer number
        number("853330033"),  # no such month
    ],
)
def test_other_numbers_are_left_alone(text: str | None) -> None:
    assert not holds_national_number(text)
