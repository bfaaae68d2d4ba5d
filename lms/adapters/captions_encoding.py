"""Decode the bytes of a caption file, and say when nobody but a reader can tell the encoding."""

from __future__ import annotations

import re
import unicodedata

from lms.domain.errors import Refused
from lms.refusal_codes import RefusalCode

# French and its neighbours, Turkish, Arabic, Cyrillic, Central Europe, Greek, Chinese; older computers.
CANDIDATES = (
    "cp1252",
    "iso8859-15",
    "cp1254",
    "cp1256",
    "cp1251",
    "cp1250",
    "cp1253",
    "gb18030",
    "mac_roman",
    "cp850",
    "utf-8",
)
MOST_BYTES_ASKED = 300_000  # they travel with the page while the teacher is asked
MOST_SAMPLES, SAMPLE_LENGTH = 6, 80
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
_HIGH = dict.fromkeys(range(0x80, 0xA0))  # letters in most encodings
_ONE_IN = 20  # characters, of which one may be damaged; more are no text
# What French texts in Windows' Western encoding hold beside ASCII; capitals begin a word or follow a capital.
_FRENCH = re.compile(
    r"(?:[\x00-\x7f]|[àâäáçéèêëîïíôöóùûüúÿœæñß]|(?<![a-zà-ÿœ])[ÀÂÄÁÇÉÈÊËÎÏÍÔÖÓÙÛÜÚŸŒÆÑ]|"
    r"[\u00a0«»’‘“”„…–—•·°€£§©®¡¿])*"
)


class UnsureEncoding(Refused):
    """The encoding of a file is not certain. `samples`: encoding, and how the file reads in it."""

    def __init__(self, samples: list[tuple[str, str]]) -> None:
        super().__init__(RefusalCode.CAPTIONS_ENCODING)
        self.samples = samples


def decode(raw: bytes, encoding: str | None = None) -> str:
    """Return the text of a file; a damaged byte spoils one letter. `encoding`: as a reader chose it.

    Refusals: `captions_encoding` (as `UnsureEncoding`), `captions_too_big`, `captions_unreadable`.
    """
    if encoding in CANDIDATES:
        return raw.decode(encoding, "replace").lstrip("\ufeff")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _readable(raw.decode("utf-16", "replace"))
    if raw[:400].count(0) > len(raw[:400]) // 4:  # half of the bytes of Latin text in UTF-16
        return _readable(raw.decode("utf-16-le" if raw[1:2] == b"\0" else "utf-16-be", "replace"))
    text = raw.decode("utf-8-sig", "replace")
    damaged = text.count("\ufffd") - raw.count(b"\xef\xbf\xbd")
    sound = sum(not letter.isascii() for letter in text) - text.count("\ufffd")
    # Bytes of another encoding are sound here by chance alone, and then no French letter.
    if damaged * 3 <= sound or (damaged <= sound and _FRENCH.fullmatch(text.replace("\ufffd", ""))):
        return _readable(text)
    western = _decoded(raw, "cp1252")
    if western is not None and _FRENCH.fullmatch(western):
        return _readable(western)
    if len(_CONTROL.findall(raw.decode("latin-1").translate(_HIGH))) * _ONE_IN > len(raw):
        raise Refused(RefusalCode.CAPTIONS_UNREADABLE)  # a picture has no encoding to choose
    if len(raw) > MOST_BYTES_ASKED:
        raise Refused(RefusalCode.CAPTIONS_TOO_BIG)
    raise UnsureEncoding(samples(raw))


def samples(raw: bytes) -> list[tuple[str, str]]:
    """Return how the file begins in each encoding that it may have, the likeliest first."""
    found: dict[str, tuple[int, str]] = {}
    for encoding in CANDIDATES:
        text = raw.decode("utf-8", "replace") if encoding == "utf-8" else _decoded(raw, encoding)
        if text is not None and (sample := _sample(text)) not in {each for _oddity, each in found.values()}:
            found[encoding] = _oddity(text), sample
    likeliest = sorted(found, key=lambda encoding: found[encoding][0])
    return [(encoding, found[encoding][1]) for encoding in likeliest[:MOST_SAMPLES]]


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text


def _readable(text: str) -> str:
    """Return the text with a mark for each damaged character."""
    text = _CONTROL.sub("\ufffd", text.lstrip("\ufeff"))
    damaged = text.count("\ufffd")
    if damaged * _ONE_IN > len(text) and (damaged > 1 or len(text) < _ONE_IN // 2):
        raise Refused(RefusalCode.CAPTIONS_UNREADABLE)
    return text


def _sample(text: str) -> str:
    """Return the first lines of which the encoding matters."""
    lines = [" ".join(line.split()) for line in text.splitlines() if not line.isascii()]
    return " / ".join(lines)[:SAMPLE_LENGTH]


def _oddity(text: str) -> int:
    """Return how much of a text nobody writes: odd signs, and words of two alphabets or odd capitals."""
    odd = sum(unicodedata.category(letter) in ("So", "Sm", "Sk", "Lm", "Cf", "No", "Co") for letter in text)
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    for word in words:
        kinds = {unicodedata.name(letter, "?").split()[0] for letter in word}
        odd += 3 * (len(kinds) > 1) + 2 * (
            not (word.islower() or word.isupper() or word.istitle() or _caseless(word))
        )
    return odd + 3 * text.count("\ufffd")


def _caseless(word: str) -> bool:
    return word.lower() == word.upper()
