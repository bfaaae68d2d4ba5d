"""Detect Belgian national numbers, which must not be written about a person."""

from __future__ import annotations

import re

from lms.normal_forms import plain_text

# 85.07.30-033.28, with any of the separators people use, or none; not inside a longer number.
_NUMBER = re.compile(r"(?<!\d)\d{2}[. /-]?\d{2}[. /-]?\d{2}[. /-]{0,3}\d{3}[. /-]?\d{2}(?!\d)")


def holds_national_number(text: str | None) -> bool:
    """Return whether eleven digits of the text pass the check of a Belgian national number (modulo 97).

    For a birth in 2000 or later, a 2 stands before the nine digits when the check is computed.
    """
    return any(_passes(re.sub(r"\D", "", found)) for found in _NUMBER.findall(plain_text(text or "")))


def _passes(digits: str) -> bool:
    month, day = int(digits[2:4]), int(digits[4:6])
    # An unknown day is 00; numbers of people who are not residents have 20 or 40 added to the month.
    if month % 20 > 12 or month > 52 or day > 31:
        return False
    base, check = int(digits[:9]), int(digits[9:])
    return check in (97 - base % 97, 97 - (2_000_000_000 + base) % 97)
