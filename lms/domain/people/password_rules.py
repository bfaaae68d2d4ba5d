"""Passwords that are tried first: common ones, dates, runs of the keyboard, the person's own names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lms.normal_forms import name_key

_COMMON = frozenset(
    word
    for line in Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
    for word in line.split()
)
# Digits and signs that are written for letters.
_LETTERS = str.maketrans("013457@$!", "oieastasi")
# Rows and columns of keyboards, the alphabet and the digits: AZERTY, QWERTY, QWERTZ, Cyrillic, Arabic.
_ROWS = [
    name_key(row)
    for row in (
        *("abcdefghijklmnopqrstuvwxyz", "01234567890", "azertyuiop", "qsdfghjklm", "wxcvbn"),
        *("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "aqwzsxedcrfvtgbyhnuj"),
        *("1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujm"),
        *("1q2w3e4r5t6y7u8i9o0p", "1a2z3e4r5t6y7u8i9o0p"),
        *("йцукенгшщзхъ", "йцукенгшщзхї", "фывапролджэ", "фівапролджє", "ячсмитьбю"),
        *("ضصثقفغعهخحجد", "شسيبلاتنمكط"),
    )
]
_RUN = 4  # characters beside each other
_LONGEST_RUN = max(map(len, _ROWS))
_REST = 4  # letters that must be left when names and runs are taken away


def is_guessable(password: str, *about: str | None) -> bool:
    """Return whether a password is common, a pattern, or made of the texts in `about`: names and addresses.

    Case, accents, digits and signs around the letters, and signs for letters make no difference.
    """
    whole = name_key(password)
    readings, own = list(_readings(whole)), _own_words(about)
    return _is_pattern(whole) or any(reading in _COMMON or _is_made_of(own, reading) for reading in readings)


def _readings(whole: str) -> Iterator[str]:
    """Yield the readings of a password: without signs around it, as letters alone, backwards."""
    core = _core(whole)
    for text in dict.fromkeys((whole, core, core.translate(_LETTERS), _trimmed(whole).translate(_LETTERS))):
        letters = _letters(text)
        unit = re.fullmatch(r"(.{3,}?)\1+", letters)
        yield from (text, letters, text[::-1], letters[::-1], unit[1] if unit else letters)


def _is_pattern(whole: str) -> bool:
    """Return whether it is a date or a number, repeats up to four characters, or is a run of the keyboard."""
    if len(set(whole)) < 4 or re.fullmatch(r"[\d\s./+-]{1,16}|(.{1,4})\1+", whole):
        return True
    rest, start = "", 0
    while start < len(whole):
        longest = min(len(whole), start + _LONGEST_RUN)
        run = next((end for end in range(longest, start + _RUN - 1, -1) if _is_run(whole[start:end])), None)
        rest += "" if run else whole[start]
        start = run or start + 1
    return rest != whole and len(_letters(rest)) < _REST


def _is_run(text: str) -> bool:
    return any(text in row or text[::-1] in row for row in _ROWS)


def _own_words(about: tuple[str | None, ...]) -> list[str]:
    """Return the words of the texts and each text as one, forwards and backwards, the longest first."""
    found = set[str]()
    for text in about:
        words = re.split(r"[\W\d_]+", name_key(text or ""))
        found |= {word for word in (*words, "".join(words)) if len(word) > 2}
    return sorted(found | {word[::-1] for word in found}, key=lambda word: (-len(word), word))


def _is_made_of(own: list[str], text: str) -> bool:
    rest = text
    for word in own:
        rest = rest.replace(word, " ")
    letters = _letters(rest)
    return rest != text and (len(letters) < _REST or letters in _COMMON)


def _core(text: str) -> str:
    return re.sub(r"\A[\W\d_]+", "", _trimmed(text))


def _trimmed(text: str) -> str:
    return re.sub(r"[\W\d_]+\Z", "", text)


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", text)
