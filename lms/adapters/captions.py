"""Turn caption files (.vtt, .srt, .sbv and others) and pasted transcripts into readable text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from itertools import pairwise

from lms.adapters import captions_encoding, captions_formats
from lms.domain.errors import Refused
from lms.normal_forms import ascii_digits
from lms.refusal_codes import RefusalCode

MOST_BYTES = 1_000_000
MAX_CHARACTERS = 100_000

# Parts of a second, or frames behind a third colon.
_TIME = r"(?:(\d{1,3})\s?:\s?)?(\d{1,2})\s?:\s?(\d{2})(?:\s?[.,:;]\s?(\d{1,6}))?"
_TIMING = re.compile(rf"\s*{_TIME}\s*(?:-{{1,3}}\s?>|[–—]\s?>|→|(?<=\d),(?=\d))\s*{_TIME}(?:\s.*)?", re.ASCII)
_STAMP = re.compile(r"(?:\d{1,2}:)?\d{1,2}:\d{2}", re.ASCII)  # as YouTube's own transcript panel is copied
_STAMPED = re.compile(r"[\[(]?(?:(\d{1,2}):)?(\d{1,2}):(\d{2})[\])]?[\s:–-]+(.*)", re.ASCII)
# The same time in words, for those who listen to the panel.
_STAMP_IN_WORDS = re.compile(
    r"(?:\d+\s(?:heures?|hours?|minutes?|secondes?|seconds?)(?:,\s?|\set\s|\sand\s|\s)?)+", re.IGNORECASE
)
_SPEAKER = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]{1,60})>")
_TAG = re.compile(r"</?[A-Za-z0-9][^<>]{0,200}>|\{(?:\\|[A-Za-z]:)[^{}]{0,60}\}")
_NEW_TURN = re.compile(r"(?:[-–—]\s|>>|[^\W\d_][\w .’'-]{0,28}\s?:\s|\[|♪)")
_SENTENCE_END = (".", "?", "!", "…", "»", "]", "♪")
_LONG_LINE = 160
_PAUSE = 2.0


@dataclass
class _Cue:
    starts: float
    ends: float
    lines: list[str] = field(default_factory=list)


def parse_captions(raw: bytes, encoding: str | None = None) -> str:
    """Return the readable text of an uploaded caption file. `encoding`: as the teacher chose it, if asked.

    Refusals: `captions_empty`, `captions_encoding`, `captions_kind`, `captions_too_big`,
    `captions_unreadable`.
    """
    if len(raw) > MOST_BYTES:
        raise Refused(RefusalCode.CAPTIONS_TOO_BIG)
    return tidy(captions_encoding.decode(raw, encoding))


def tidy(text: str) -> str:
    """Return the readable text of captions, or of a pasted transcript.

    Refusals: `captions_empty`, `captions_kind`, `captions_too_big`.
    """
    spoken = captions_formats.spoken_lines(text.lstrip("\ufeff"))
    if spoken is not None:
        text = "\n".join(spoken)
    lines = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    cues = _cues(lines)
    if cues:
        readable = _merged(_without_repeats(cues))
    elif sum(1 for line in lines if _STAMP.fullmatch(line.strip())) > 1:
        readable = _merged(
            [_Cue(0, 0, [clean]) for line in _without_stamps(lines) if (clean := _clean(line))]
        )
    elif (spoken := _after_stamps(lines)) is not None:
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


def _cues(lines: list[str]) -> list[_Cue]:
    """Return the cues: the text under each timing line, without header, notes, styles and cue names."""
    timings = [
        (number, found)
        for number, line in enumerate(lines)
        if (found := _TIMING.fullmatch(ascii_digits(line)))
    ]
    spread = _is_double_spaced(lines, [number for number, _found in timings])
    cues = []
    for position, (number, found) in enumerate(timings):
        last = position + 1 == len(timings)
        following = lines[number + 1 : len(lines) if last else timings[position + 1][0]]
        if not last and following:
            following = _without_number(following) if spread else _without_name(following)
        cue = _Cue(_moment(*found.groups()[:4]), _moment(*found.groups()[4:]))
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


def _is_double_spaced(lines: list[str], timings: list[int]) -> bool:
    """Return whether an empty line follows each line, so that the numbers of the cues touch nothing."""
    before = [[line.strip() for line in lines[max(0, number - 4) : number]] for number in timings]
    numbers = [next((line for line in reversed(above) if line), "") for above in before]
    counted = all(number.isdigit() for number in numbers) and [
        int(number) - int(numbers[0]) for number in numbers
    ] == list(range(len(numbers)))
    return counted and all(above and not above[-1] for above in before)


def _without_number(following: list[str]) -> list[str]:
    last = max(place for place, line in enumerate(following) if line.strip())
    return following[:last]


def _without_stamps(lines: list[str]) -> list[str]:
    """Return the lines of YouTube's transcript panel without the times, in digits and in words."""
    kept = []
    after_stamp = False
    for line in (line.strip() for line in lines):
        is_stamp = bool(_STAMP.fullmatch(line))
        if not is_stamp and not (after_stamp and _STAMP_IN_WORDS.fullmatch(line)):
            kept.append(line)
        after_stamp = is_stamp
    return kept


def _after_stamps(lines: list[str]) -> list[str] | None:
    """Return what follows the times when each line begins with one, from 0:00 on; None for other texts.

    A timetable of a day has times too, but does not begin in the first minute.
    """
    found = [_STAMPED.fullmatch(line.strip()) for line in lines if line.strip()]
    stamped = [match for match in found if match]
    moments = [_moment(match.group(1), match.group(2), match.group(3), None) for match in stamped]
    if len(stamped) < 2 or len(stamped) < len(found) or moments[0] >= 60 or moments != sorted(moments):
        return None
    return [match.group(4) for match in stamped]


def _clean(line: str) -> str:
    line = _SPEAKER.sub(lambda found: f"{found.group(1).strip()} : ", line)
    line = re.sub(r"\[br\]", " ", line, flags=re.IGNORECASE)
    return " ".join(unescape(_TAG.sub("", line)).replace("\u200b", "").split())


def _moment(hours: str | None, minutes: str, seconds: str, part: str | None) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(f"{seconds}.{part or 0}")


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
