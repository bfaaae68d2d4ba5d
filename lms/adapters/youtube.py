"""Parse YouTube addresses in every form that a teacher finds, and build watch and embed addresses.

An address is parsed, never fetched: nothing here contacts YouTube.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from lms.domain.errors import Refused
from lms.normal_forms import drop_invisible
from lms.refusal_codes import RefusalCode

FRAME_ORIGIN = "https://www.youtube-nocookie.com"
LONGEST = 4000  # characters; a pasted iframe with its attributes has a few hundred

_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_ID_AND_REST = re.compile(r"([A-Za-z0-9_-]{11})(?![A-Za-z0-9_-])(.*)", re.DOTALL)
# "rendez-vous", "Jean-Pierre" and "0470-123456" have eleven characters too.
_WORDS = re.compile(r"(?:(?:[A-Z]?[a-z]*|[A-Z]+|[0-9]+)(?:[_-]|$))+")
_QUERY_ALONE = re.compile(r"/?(?:watch)?\?v=|v=", re.IGNORECASE)
_DOMAINS = (
    "youtube.com",
    "youtube-nocookie.com",
    "youtubekids.com",
    "youtu.be",
    "youtube.googleapis.com",
    "ytimg.com",
)
# Servers that lead on to the address in one of their parameters, and the parameter.
_LEADING_ON = (
    ("consent.youtube.com", "continue"),  # what the address bar shows a European before the video
    ("accounts.google.com", "continue"),
    ("google.com", "q"),
    ("google.com", "url"),
    ("google.be", "url"),
    ("google.fr", "url"),
    ("l.facebook.com", "u"),
    ("lm.facebook.com", "u"),
    ("l.messenger.com", "u"),
    ("l.instagram.com", "u"),
    ("safelinks.protection.outlook.com", "url"),
    ("youtube.com", "u"),  # attribution_link
)
_FOLDERS = frozenset({"embed", "shorts", "live", "v", "e", "vi", "vi_webp", "watch", "video"})
_WATCH = frozenset({"", "watch", "watch_popup", "ytscreeningroom"})
_MARKERS = re.compile(r"[*_~`|]+")  # bold and italic of messengers
_FRAME_SOURCE = re.compile(r"<iframe\b[^>]*?\bsrc\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s<>\"'«»\[\]{}]+")
_CLOCK = re.compile(r"(?:(?:([0-9]{1,2}):)?([0-9]{1,3}):)?([0-9]{1,6})(?:[.,][0-9]*)?")
_UNITS = re.compile(r"(?:([0-9]{1,3})h)?(?:([0-9]{1,4})m)?(?:([0-9]{1,6})(?:[.,][0-9]*)?s?)?", re.IGNORECASE)
_LONGEST_VIDEO = 12 * 3600


@dataclass(frozen=True)
class Video:
    """A video and the part of it that is meant, in seconds; `ends` None: up to the end."""

    id: str
    starts: int = 0
    ends: int | None = None


def parse_link(text: str) -> Video:
    """Return the video that a pasted text names.

    Refusals: `youtube_bad_id`, `youtube_channel`, `youtube_elsewhere`, `youtube_none`, `youtube_playlist`.
    """
    # Invisible marks of messengers, such as those of the direction of writing.
    text = drop_invisible(unescape(text[:LONGEST])).strip()
    try:
        return _first_video(text)
    except Refused:
        # A mail breaks a long address at its signs.
        joined = re.sub(r"(?<=[/?=&])\s+(?!\S*://)", "", text)
        if joined == text:
            raise
        with suppress(Refused):
            return _first_video(joined)
        raise


def _first_video(text: str) -> Video:
    bare = _without_markers(text)
    if _ID.fullmatch(bare) and not _WORDS.fullmatch(bare):
        return Video(bare)
    if _QUERY_ALONE.match(bare):
        return _read_address(f"youtube.com/watch?{bare[bare.index('v=') :]}")
    frame = _FRAME_SOURCE.search(text)
    found = [frame.group(1)] if frame else [word for word in _BETWEEN.split(text) if _may_be_address(word)]
    refusal: Refused | None = None
    for candidate in found[:20]:
        try:
            return _read_address(_without_markers(candidate))
        except Refused as refused:
            # The first address counts, unless it is not an address of YouTube at all.
            if refusal is None or refusal.code == RefusalCode.YOUTUBE_ELSEWHERE:
                refusal = refused
    raise refusal or Refused(RefusalCode.YOUTUBE_NONE)


def _may_be_address(word: str) -> bool:
    word = word.lower()
    return "://" in word or "youtu" in word or "www." in word


def _without_markers(word: str) -> str:
    """Return the word without the signs around it. An id may end with the sign that marks italics."""
    word = word.strip("(.,;:!?)…")
    if begin := _MARKERS.match(word):
        word = word[begin.end() :].removesuffix(begin.group()[::-1])
    return word.rstrip("*~`|").strip("(.,;:!?)…")


def _read_address(address: str, depth: int = 0) -> Video:
    if "%3a%2f%2f" in address[:20].lower():
        address = unquote(address)
    try:
        parts = urlsplit(_with_scheme(address))
        host = (parts.hostname or "").rstrip(".")
        query = parse_qs(parts.query, max_num_fields=60)
        after_hash = parse_qs(parts.fragment.lstrip("!/?"), max_num_fields=60)
    except ValueError:
        raise Refused(RefusalCode.YOUTUBE_NONE) from None
    if parts.scheme not in ("http", "https"):
        raise Refused(RefusalCode.YOUTUBE_NONE)
    if (onward := _onward(host, query)) and depth < 2:
        return _read_address(onward, depth + 1)
    if not _is_of(host, *_DOMAINS):
        raise Refused(RefusalCode.YOUTUBE_ELSEWHERE)
    folders = [piece for piece in unquote(parts.path).split("/") if piece]
    found = _ID_AND_REST.fullmatch(_named_id(host, folders, query))
    if found is None:
        raise Refused(RefusalCode.YOUTUBE_BAD_ID)
    video_id, rest = found.groups()
    # "youtu.be/ID&t=30": what should follow a question mark stands in the path.
    query = parse_qs(rest.lstrip("?&"), max_num_fields=60) | query
    starts = next(
        (
            at
            for name, values in (("start", query), ("t", query), ("time_continue", query), ("t", after_hash))
            if (at := _seconds(values.get(name))) is not None
        ),
        0,
    )
    ends = _seconds(query.get("end"))
    return Video(video_id, starts, ends if ends is not None and ends > starts else None)


def _is_of(host: str, *domains: str) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _onward(host: str, query: dict[str, list[str]]) -> str | None:
    """Return the address to which a server leads on; None for others."""
    for domain, name in _LEADING_ON:
        if _is_of(host, domain) and query.get(name):
            address = query[name][0]
            return f"https://www.youtube.com{address}" if address.startswith("/") else address
    return None


def _with_scheme(address: str) -> str:
    if address.startswith("//"):
        return f"https:{address}"
    # "youtube.com:443/..." has a port, "https://..." a scheme; only the second has two slashes.
    return address if "://" in address else f"https://{address}"


def _named_id(host: str, folders: list[str], query: dict[str, list[str]]) -> str:
    """Return the part of the address that should be the id; refuse an address of no single video."""
    first = folders[0] if folders else ""
    second = folders[1] if len(folders) > 1 else ""
    if first.startswith("@") or first in ("channel", "c", "user") or "live_stream" in (first, second):
        raise Refused(RefusalCode.YOUTUBE_CHANNEL)
    if "videoseries" in (first, second):
        raise Refused(RefusalCode.YOUTUBE_PLAYLIST)
    if host.endswith("youtu.be"):
        # "youtu.be/watch?v=ID", as somebody who shortens it by hand writes it.
        if first in _WATCH and query.get("v"):
            return query["v"][0]
        if not folders:
            raise Refused(RefusalCode.YOUTUBE_NONE)
        return first
    if first in _FOLDERS and second:
        return second
    if first in _WATCH and query.get("v"):
        return query["v"][0]
    if query.get("list") or first in ("playlist", "show"):
        raise Refused(RefusalCode.YOUTUBE_PLAYLIST)
    raise Refused(RefusalCode.YOUTUBE_NONE)


def _seconds(values: list[str] | None) -> int | None:
    """Return 90, 90s, 1m30s, 1h2m or 1:30 in seconds; None for anything else: no reason to refuse a link."""
    if not values:
        return None
    value = values[0].strip()
    found = _CLOCK.fullmatch(value) or _UNITS.fullmatch(value)
    if found is None or not any(found.groups()):
        return None
    hours, minutes, seconds = (int(group or 0) for group in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    return total if total < _LONGEST_VIDEO else None


def watch_address(video_id: str, starts: int = 0, ends: int | None = None) -> str:
    """Return the address of the video's page on YouTube; times in seconds.

    YouTube ignores `end` there; it keeps the end of the clip when a teacher saves the form again.
    """
    values = {"v": video_id} | ({"t": f"{starts}s"} if starts else {}) | ({"end": str(ends)} if ends else {})
    return f"https://www.youtube.com/watch?{urlencode(values)}"


def frame_address(video_id: str, starts: int, ends: int | None, origin: str) -> str:
    """Return the address of the embedded player, which sets no cookie before it plays; times in seconds.

    `origin`: the origin of the page that may control the player.
    """
    values = {"start": str(starts)} | ({"end": str(ends)} if ends else {})
    values |= {"enablejsapi": "1", "origin": origin, "rel": "0", "hl": "fr", "cc_load_policy": "1"}
    return f"{FRAME_ORIGIN}/embed/{video_id}?{urlencode(values)}"
