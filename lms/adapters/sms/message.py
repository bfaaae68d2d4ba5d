"""A text on a phone: what it may hold, and how many pages the network counts."""

from __future__ import annotations

import unicodedata
from typing import Protocol

# GSM 03.38: what fits in seven bits. One letter outside of it and the whole text takes sixteen.
_SEVEN_BITS = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWO_OF_SEVEN = frozenset("^{}\\[~]|€")
# Holds a number and the Latin letters after it together in a line that runs from right to left.
LEFT_TO_RIGHT = "\u200e"
# Our typography: a text does without it, and is half as long for the network.
_PLAIN = str.maketrans({"\u00a0": " ", "\u202f": " ", "’": "'", "–": "-", "…": "..."})


class SmsSender(Protocol):
    def send(self, to: str, text: str, key: str) -> None:
        """Return once the text is accepted; raise Postponed or Undeliverable when it is not.

        `key` is the same for each attempt at one message, so that a repeat can be recognised.
        """


def plain(text: str) -> str:
    """Without the typography of a page, and without what could turn a line round or end it."""
    lines = [" ".join(_kept(line).split()) for line in text.translate(_PLAIN).splitlines()]
    return "\n".join(line for line in lines if line)


def segments(text: str) -> int:
    """How many messages the network counts: 160 letters are one, or 70 of other scripts."""
    if all(c in _SEVEN_BITS or c in _TWO_OF_SEVEN for c in text):
        length, one, each = sum(2 if c in _TWO_OF_SEVEN else 1 for c in text), 160, 153
    else:
        length, one, each = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= one else -(-length // each)


def _kept(line: str) -> str:
    return "".join(c for c in line if c == LEFT_TO_RIGHT or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
