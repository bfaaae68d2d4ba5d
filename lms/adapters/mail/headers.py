"""Values of mail headers: cleaned text, checked addresses, stable message ids."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from email.charset import SHORTEST, Charset
from email.header import Header

from lms.normal_forms import normalize_email

MESSAGE_ID = re.compile(r"<[A-Za-z0-9._-]{1,80}@[A-Za-z0-9.-]{1,255}>")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
_HEADER_LIMIT = 200
# Directional overrides, embeddings and isolates: one left open turns the whole line of a mail list.
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_HEADER_UTF8 = Charset("utf-8")
_HEADER_UTF8.header_encoding = SHORTEST


def clean_header(text: str, limit: int = _HEADER_LIMIT) -> str:
    """Return the text cleaned for a header: one line, no control characters, no encoded word, not too long.

    Some mail readers, Python 3.11 among them, decode an encoded word `=?...?=` into line breaks, and so into
    headers of the writer's choice.
    """
    kept = []
    for character in text:
        category = unicodedata.category(character)
        if category in {"Cc", "Zl", "Zp"}:
            kept.append(" ")
        elif category != "Cs" and character not in _BIDI_CONTROLS and character != "\ufeff":
            kept.append(character)
    line = " ".join("".join(kept).split()).replace("=?", "= ?")
    if len(line) > limit:
        line = line[: limit - 1].rstrip() + "…"
    return line


def clean_address(address: str) -> str:
    """Return the address for SMTP, an international domain in its ASCII form.

    Raises ValueError when it is malformed: the forms ask the same function.
    """
    return normalize_email(address)


def message_id(dedupe: str, host: str) -> str:
    """Return the message id of an outbox row, from its `dedupe` key.

    It is the same for every attempt, so that most mailboxes show a repeat once.
    """
    domain = re.sub(r"[^a-z0-9.-]+", "-", host.lower()).strip("-.") or "localhost"
    return f"<{hashlib.sha256(dedupe.encode()).hexdigest()[:40]}@{domain}>"


def text_header(name: str, text: str) -> str:
    """Return the encoded value of a header with text."""
    text = clean_header(text)
    plain = text.isascii() and len(text) <= 60
    return Header(text, "us-ascii" if plain else _HEADER_UTF8, header_name=name).encode()


def address_header(name: str, shown: str, address: str) -> str:
    """Return the encoded value of a header with a name and an address."""
    shown = clean_header(shown, 100)
    header = Header(header_name=name)
    if shown:
        header.append(shown, "us-ascii" if _PLAIN_NAME.fullmatch(shown) else _HEADER_UTF8)
    header.append(f"<{address}>" if shown else address, "us-ascii")
    return header.encode()
