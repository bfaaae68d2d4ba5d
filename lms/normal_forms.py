"""One normal form for each kind of text that people type (ADR 20).

The form cleans with it, the unique column stores it, the rate limit counts it and the search compares it:
what looks the same is the same everywhere.
"""

from __future__ import annotations

import re
import unicodedata

# Inside Persian words and between the parts of an emoji they decide what is drawn.
_JOINERS = "\u200c\u200d"
# With the selectors of a variant, for example text or emoji.
_SHAPING = frozenset((*_JOINERS, *map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))))
# Format characters that are drawn, as the Arabic sign before a number.
_DRAWN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
# Letters, marks and symbols that are not drawn: fillers of Hangul and Khmer, the empty pattern of Braille.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
# Marks that are accents or vowel points. The others (Indic, Thai, kana) make another letter.
_ACCENTS = frozenset((*range(10, 37), *range(200, 241)))
# Letters without a decomposition, and what keyboards use for each other.
_LETTERS = {"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "ى": "ي", "ی": "ي", "ک": "ك"}
# Letters that Unicode has after the others of their script, behind the one that they follow in the alphabet.
_BEHIND = {"ґ": "г", "є": "е", "і": "и", "پ": "ب", "چ": "ج", "ژ": "ز", "گ": "ك"}
_LAST = "\U0010fffd"  # sorted after every letter
_APOSTROPHES, _HYPHENS, _TATWEEL = "‘’ʼʹ′´＇", "‐‑‒–—―−", "ـ"
_ALIKE = str.maketrans(
    {letter: before + _LAST for letter, before in _BEHIND.items()}
    | {**_LETTERS, **dict.fromkeys(_APOSTROPHES, "'"), **dict.fromkeys(_HYPHENS, "-"), _TATWEEL: None}
)
_CARD_BETWEEN = re.compile(r"[\s.\-]")
# A national zero in brackets, as letterheads write it: "+32 (0)470 12 34 56".
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")
_PHONE_BETWEEN = re.compile(r"[\s./()'\-]")
_PHONE = re.compile(r"\+[1-9][0-9]{5,14}|[0-9]{6,15}")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"(?=.{{1,64}}\Z){_ATOM}(?:\.{_ATOM})*")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last part is no number: that would be the address of a machine.
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z)(?!(?:.*\.)?[0-9]+\Z){_LABEL}(?:\.{_LABEL})*")
LONGEST_EMAIL = 254


def is_visible(text: str) -> bool:
    """Return whether anything of the text is drawn: a letter, a digit, a sign, an emoji."""
    return any(unicodedata.category(c)[0] in "LNPS" and c not in _BLANK for c in text)


def drop_invisible(text: str) -> str:
    """Return the text without the characters for which nothing is drawn; spaces stay."""
    return "".join(c for c in text if not _is_invisible(c))


def clean_line(text: str) -> str:
    """Return one line without control characters, with single spaces; empty when nothing is drawn."""
    kept = (" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    line = " ".join(unicodedata.normalize("NFC", "".join(kept)).split())
    return line if is_visible(line) else ""


def clean_name(text: str) -> str:
    """Return a name as it is stored and shown: a clean line without invisible marks."""
    shown = "".join(c for c in clean_line(text) if c in _SHAPING or not _is_invisible(c))
    words = (word.strip(_JOINERS) for word in shown.split())
    return " ".join(word for word in words if word)


def name_key(name: str) -> str:
    """Return the form in which names are compared, searched and sorted: without case, accents and marks.

    Digits of every script become those of ASCII. Names with the same key are the same name.
    """
    alike = name.translate(_ALIKE)  # before a spacing accent falls apart, and after the case is folded
    bare = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", alike).casefold())
    kept = drop_invisible("".join(c for c in bare if unicodedata.combining(c) not in _ACCENTS))
    key = unicodedata.normalize("NFC", " ".join(ascii_digits(kept.translate(_ALIKE)).split()))
    return key or unicodedata.normalize("NFC", name)  # of a name that is an accent alone


def sentence_key(text: str) -> str:
    """Return the form in which sentences are compared: without case, with one kind of space and apostrophe.

    Accents count: "a" and "à" are what a sentence may be about.
    """
    alike = "".join("'" if character in _APOSTROPHES else character for character in text)
    return unicodedata.normalize("NFC", clean_line(alike).casefold())


def split_name(name: str) -> tuple[str, str]:
    """Return the first word of a name, which is the first name, and the rest; "" when there is no more."""
    first, _space, rest = " ".join(name.split()).partition(" ")
    return first, rest


def ascii_digits(text: str) -> str:
    """Return the text with the digits of every script as 0 to 9."""
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def plain_text(text: str) -> str:
    """Return typed numbers as a pattern reads them: with digits and hyphens of ASCII, without marks."""
    shown = drop_invisible(unicodedata.normalize("NFKC", text))
    return ascii_digits(re.sub(f"[{_HYPHENS}]", "-", shown))


def card_digits(text: str) -> str:
    """Return the digits typed from a card or of a PIN, without what stands between them."""
    return _CARD_BETWEEN.sub("", plain_text(text))


def normalize_phone(text: str) -> str | None:
    """Return a phone number in digits alone: a Belgian one as 0470123456, a foreign one as +33612345678.

    None when it is no number.
    """
    written = _PHONE_BETWEEN.sub("", _TRUNK_ZERO.sub("", plain_text(text).strip()))
    if written.startswith("00"):
        written = f"+{written[2:]}"
    if written.startswith("+32"):
        written = f"0{written[3:].removeprefix('0')}"
    return written if _PHONE.fullmatch(written) else None


def normalize_email(text: str) -> str:
    """Return an address as the mailer sends to it: without marks, the domain in lower case and ASCII.

    Raises ValueError when no mail can be sent to it.
    """
    local, at, domain = _typed_address(text).rpartition("@")
    try:
        if len(domain) > 255:  # the IDNA codec takes quadratic time
            raise ValueError("the address is malformed")
        domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        domain = ""
    address = f"{local}@{domain}"
    if not at or not _LOCAL_PART.fullmatch(local) or "=?" in local or not _DOMAIN.fullmatch(domain):
        raise ValueError("the address is malformed")
    if len(address) > LONGEST_EMAIL:
        raise ValueError("the address is too long")
    return address


def email_key(text: str) -> str:
    """Return the form in which addresses are compared and counted, also of one that cannot be mailed."""
    try:
        return normalize_email(text).lower()
    except ValueError:
        return _typed_address(text).lower()


def password_forms(password: str) -> tuple[str, ...]:
    """Return the forms of a typed password: first the one that is hashed, then those of older hashes.

    The first is NFC with every space as that of ASCII (RFC 8265): keyboards differ in both.
    """
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    hashed = unicodedata.normalize("NFC", spaced)
    older = (password, unicodedata.normalize("NFC", password), unicodedata.normalize("NFD", password))
    return tuple(dict.fromkeys((hashed, *older)))


def _typed_address(text: str) -> str:
    return drop_invisible(unicodedata.normalize("NFKC", clean_line(text))).strip()


def _is_invisible(character: str) -> bool:
    """Return whether nothing is drawn for a character that is no space and no control character."""
    if character in _BLANK or character in _SHAPING:
        return True
    return unicodedata.category(character) in ("Cf", "Cs") and character not in _DRAWN
