"""Turn caption files (.vtt, .srt) and pasted transcripts into readable text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from itertools import pairwise

from lms.domain.errors import Refused
from lms.refusal_codes import RefusalCode

MOST_BYTES = 1_000_000
MAX_CHARACTERS = 100_000

_TIME = r"(?:\d{1,3}:)?\d{1,2}:\d{2}(?:[.,]\d{1,3})?"
_TIMING = re.compile(rf"\s*({_TIME})\s*-->\s*({_TIME})(?:\s.*)?", re.ASCII)
_STAMP = re.compile(r"(?:\d{1,2}:)?\d{1,2}:\d{2}", re.ASCII)  # as YouTube's own transcript panel is copied
_SPEAKER = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]{1,60})>")
_TAG = re.compile(r"</?[A-Za-z0-9][^<>]{0,200}>|\{\\[^{}]{0,60}\}")
_NEW_TURN = re.compile(r"(?:[-–—]\s|>>|[^\W\d_][\w .’'-]{0,28}\s?:\s|\[|♪)")
_SENTENCE_END = (".", "?", "!", "…", "»", "]", "♪")
_LONG_LINE = 160
_PAUSE = 2.0


@dataclass
class _Cue:
    starts: float
    ends: float
    lines: list[str] = field(default_factory=list)


def parse_captions(raw: bytes) -> str:
    """Return the readable text of an uploaded caption file.

    Refusals: `captions_empty`, `captions_too_big`, `captions_unreadable`.
    """
    if len(raw) > MOST_BYTES:
        raise Refused(RefusalCode.CAPTIONS_TOO_BIG)
    return tidy(_decoded(raw))


def tidy(text: str) -> str:
    """Return the readable text of captions, or of a pasted transcript.

    Refusals: `captions_empty`, `captions_too_big`.
    """
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    cues = _cues(lines)
    if cues:
        readable = _merged(_without_repeats(cues))
    elif sum(1 for line in lines if _STAMP.fullmatch(line.strip())) > 1:
        spoken = [line for line in lines if not _STAMP.fullmatch(line.strip())]
        readable = _merged([_Cue(0, 0, [clean]) for line in spoken if (clean := _clean(line))])
    elif lines and lines[0].startswith("WEBVTT"):
        readable = ""
    else:
        plain = "\n".join(" ".join(line.split()) for line in lines)
        readable = re.sub(r"\n{3,}", "\n\n", plain).strip()
    if not readable:
        raise Refused(RefusalCode.CAPTIONS_EMPTY)
    if len(readable) > MAX_CHARACTERS:
        raise Refused(RefusalCode.CAPTIONS_TOO_BIG)
    return readable


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif raw[:400].count(0) > len(raw[:400]) // 4:  # half of the bytes of Latin text in UTF-16
        encodings = ["utf-16-le" if raw[1:2] == b"\0" else "utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text):
            return text
    raise Refused(RefusalCode.CAPTIONS_UNREADABLE)


def _cues(lines: list[str]) -> list[_Cue]:
    """Return the cues: the text under each timing line, without header, notes, styles and cue names."""
    timings = [(number, found) for number, line in enumerate(lines) if (found := _TIMING.fullmatch(line))]
    cues = []
    for position, (number, found) in enumerate(timings):
        last = position + 1 == len(timings)
        following = lines[number + 1 : len(lines) if last else timings[position + 1][0]]
        if not last and following:
            following = _without_name(following)
        cue = _Cue(_moment(found.group(1)), _moment(found.group(2)))
        in_comment = False
        for index, line in enumerate(following):
            if not line.strip():
                in_comment = False
            elif (index == 0 or not following[index - 1].strip()) and re.match(
                r"(NOTE|STYLE|REGION)\b", line
            ):
                in_comment = index > 0
            if not in_comment and (clean := _clean(line)):
                cue.lines.append(clean)
        cues.append(cue)
    return cues


def _without_name(following: list[str]) -> list[str]:
    """Drop the last line when it is the number or name of the next cue: it touches that cue's timing line."""
    name = following[-1].strip()
    alone = len(following) > 1 and not following[-2].strip()
    return following[:-1] if name and (alone or (name.isdigit() and len(following) > 1)) else following


def _clean(line: str) -> str:
    line = _SPEAKER.sub(lambda found: f"{found.group(1).strip()} : ", line)
    return " ".join(unescape(_TAG.sub("", line)).replace("\u200b", "").split())


def _moment(stamp: str) -> float:
    hours, minutes, seconds = ["0", *stamp.replace(",", ".").split(":")][-3:]
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _without_repeats(cues: list[_Cue]) -> list[_Cue]:
    """Drop repeated lines of rolling captions, where each cue shows the last line of the one before again.

    Captions that do not roll stay as they are: a line that was said twice stays twice.
    """
    cues = [cue for cue in cues if cue.lines]
    rolling = sum(
        1
        for before, cue in pairwise(cues)
        if cue.lines[0] == before.lines[-1] and cue.starts - before.ends < 0.1
    )
    if rolling * 4 < len(cues):
        return cues
    kept: list[_Cue] = []
    shown: list[str] = []
    for cue in cues:
        overlap = next(
            (n for n in range(min(len(shown), len(cue.lines)), 0, -1) if shown[-n:] == cue.lines[:n]), 0
        )
        new = cue.lines[overlap:]
        shown = cue.lines
        if new:
            kept.append(_Cue(cue.starts, cue.ends, new))
        elif kept:
            kept[-1].ends = cue.ends
    return kept


def _merged(cues: list[_Cue]) -> str:
    """Join the lines of the cues to one line for each sentence or turn of speech."""
    written: list[str] = []
    ended = 0.0
    for cue in cues:
        for line in cue.lines:
            goes_on = (
                written
                and not written[-1].endswith(_SENTENCE_END)
                and not _NEW_TURN.match(line)
                and cue.starts - ended < _PAUSE
                and len(written[-1]) < _LONG_LINE
            )
            if goes_on:
                written[-1] += f" {line}"
            else:
                written.append(line)
            ended = cue.ends
    return "\n".join(written)
