"""The text of an SMS: allowed characters, and how many segments the network counts."""

from __future__ import annotations

import unicodedata
from typing import Protocol

# GSM 03.38: characters of seven bits. One other character, and the whole text takes sixteen bits each.
_SEVEN_BITS = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_TWO_OF_SEVEN = frozenset("^{}\\[~]|€")
# Keeps a number and the Latin letters after it together in a right-to-left line.
LEFT_TO_RIGHT = "\u200e"
# Typographic characters that would make the network count twice as many segments.
_PLAIN = str.maketrans({"\u00a0": " ", "\u202f": " ", "’": "'", "–": "-", "…": "..."})


class SmsSender(Protocol):
    """Anything that sends SMS: the gateway or a folder."""

    def send(self, to: str, text: str, key: str) -> None:
        """Return once the SMS is accepted; raise `Postponed` or `Undeliverable` when it is not.

        `key` is the same for each attempt at one message, so that a repeat can be recognised.
        """


def plain(text: str) -> str:
    """Return the text without typographic, control and direction characters and without empty lines."""
    lines = [" ".join(_kept(line).split()) for line in text.translate(_PLAIN).splitlines()]
    return "\n".join(line for line in lines if line)


def segments(text: str) -> int:
    """Return how many segments the network counts: one holds 160 characters, or 70 of other scripts."""
    if all(c in _SEVEN_BITS or c in _TWO_OF_SEVEN for c in text):
        length, single, each = sum(2 if c in _TWO_OF_SEVEN else 1 for c in text), 160, 153
    else:
        length, single, each = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= single else -(-length // each)


def _kept(line: str) -> str:
    return "".join(c for c in line if c == LEFT_TO_RIGHT or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
