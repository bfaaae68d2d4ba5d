"""Recognise caption formats other than lines under timing lines, and return what is spoken."""

from __future__ import annotations

import json
import re
from html import unescape

from lms.domain.errors import Refused
from lms.refusal_codes import RefusalCode

_MARKUP = re.compile(
    r"<(?:[?!]|(?!/?(?:i|b|u|v|c|s|em|font|span|lang|ruby)\b)[A-Za-z][\w:.-]*[\s>/])", re.IGNORECASE
)
# A paragraph of TTML, a line of YouTube's own XML, a paragraph of SAMI.
_PARAGRAPH = re.compile(r"<(/?)(?:[A-Za-z]{1,20}:)?(?:p|text)\b[^<>]*>", re.IGNORECASE)
_CAPTION_ROOT = re.compile(r"<(?:[A-Za-z]{1,20}:)?(?:tt|transcript|timedtext)\b", re.IGNORECASE)
_BREAK = re.compile(r"<(?:[A-Za-z]{1,20}:)?br\s*/?>", re.IGNORECASE)
_LYRIC = re.compile(r"((?:\[\d{1,3}:\d\d(?:[.:]\d{1,3})?\]\s*)+)(.*)")
_LYRIC_FACT = re.compile(r"\[[a-z#]+:.*\]", re.IGNORECASE)
_WORD_TIME = re.compile(r"<\d{1,3}:\d\d(?:[.:]\d{1,3})?>")
_SCRIPT = re.compile(r"\[Script Info\]|\[V4\+? Styles\]|\[Events\]", re.IGNORECASE)
_DIALOGUE = re.compile(r"Dialogue:\s*(?:[^,]*,){9}(.*)", re.IGNORECASE)
_FRAMES = re.compile(r"\{\d+\}\{\d*\}(.*)")


def spoken_lines(text: str) -> list[str] | None:
    """Return the lines of TTML, YouTube's XML and JSON, LRC, ASS or MicroDVD; None for other texts.

    Refusals: `captions_kind`.
    """
    text = text.strip()
    if text.startswith(("{", "[")) and (lines := _json(text)) is not None:
        return lines
    if _MARKUP.match(text):
        return _markup(text)
    if text.startswith("{\\rtf"):
        raise Refused(RefusalCode.CAPTIONS_KIND)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if _SCRIPT.match(text):
        spoken = [found.group(1) for line in lines if (found := _DIALOGUE.fullmatch(line))]
        return [_plain(re.sub(r"\\[Nnh]", " ", re.sub(r"\{[^{}]*\}", "", line))) for line in spoken]
    if lines and all(_FRAMES.fullmatch(line) for line in lines):
        return [_plain(re.sub(r"\{[^{}]*\}", "", line).replace("|", " ")) for line in lines]
    timed = [found for line in lines if (found := _LYRIC.fullmatch(line))]
    if timed and len(timed) * 2 > sum(not _LYRIC_FACT.fullmatch(line) for line in lines):
        return [_plain(_WORD_TIME.sub("", found.group(2))) for found in timed]
    return None


def _json(text: str) -> list[str] | None:
    """Return the lines of YouTube's JSON; None when the text is no JSON."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        if re.match(r'[{\[]\s*(?:\{\s*)?"[\w-]+"\s*:', text):  # the file was cut
            raise Refused(RefusalCode.CAPTIONS_KIND) from None
        return None
    events = found.get("events") if isinstance(found, dict) else None
    if not isinstance(events, list):
        raise Refused(RefusalCode.CAPTIONS_KIND)
    lines = []
    for event in events:
        segments = event.get("segs") if isinstance(event, dict) else None
        pieces = [piece.get("utf8") for piece in segments or [] if isinstance(piece, dict)]
        lines.append(_plain("".join(piece for piece in pieces if isinstance(piece, str))))
    return lines


def _markup(text: str) -> list[str]:
    """Return the paragraphs of captions in XML. They are found, not parsed: no entity is ever expanded."""
    if not _CAPTION_ROOT.search(text[:4000]):
        raise Refused(RefusalCode.CAPTIONS_KIND)
    paragraphs, begin = list[str](), None
    for tag in _PARAGRAPH.finditer(text):
        if begin is not None:
            paragraphs.append(text[begin : tag.start()])
        is_open = not tag.group(1) and not tag.group().endswith("/>")
        begin = tag.end() if is_open else None
    if not paragraphs:
        raise Refused(RefusalCode.CAPTIONS_EMPTY)
    return [_plain(unescape(unescape(re.sub(r"<[^<>]*>", "", _BREAK.sub(" ", each))))) for each in paragraphs]


def _plain(line: str) -> str:
    return " ".join(line.split())
