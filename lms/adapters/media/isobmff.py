"""Read M4A, MP4 and 3GP sound (ISO 14496-12), as phones and browsers record it."""

from dataclasses import dataclass

from lms.adapters.media.boxes import boxes, top_boxes
from lms.adapters.media.fragments import clear_stated_length, mend_last_fragment
from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode

MAX_TRACKS = 16
_3GP_CODECS = (b"samr", b"sawb")  # AMR
_CODECS = (b"mp4a", b"Opus", b"fLaC", b"alac", *_3GP_CODECS)
_STILLS = (b"avif", b"avis", b"crx ")  # AVIF, and the raw photos of a camera
_NO_SOUND = {b"vide": RefusalCode.FILE_VIDEO, b"auxv": RefusalCode.FILE_VIDEO, b"pict": RefusalCode.FILE_KIND}


@dataclass(frozen=True, slots=True)
class Sound:
    """A recognised sound file. `seconds` None: unknown length; `kept` None: keep all bytes.

    `is_cut`: the end of the recording is missing; `kept` and `seconds` are those of its whole part.
    """

    mime: str
    suffix: str
    seconds: float | None
    kept: bytes | None = None
    is_cut: bool = False


def read_sound(data: bytes) -> Sound:
    """Return type and length of an MP4 or 3GP sound. Raises `RejectedFile`, for a video too."""
    if data[8:12] in _STILLS:
        raise RejectedFile(RefusalCode.FILE_KIND)
    mended = mend_last_fragment(data)
    return _read(data, is_mended=False) if mended is None else _read(mended, is_mended=True)


def _read(data: bytes, *, is_mended: bool) -> Sound:
    top, end, part = _whole_part(data)
    is_cut = is_mended or part < 1
    moov = _first(top, b"moov")
    if moov is None or not any(kind == b"mdat" and stop > start for kind, start, stop in top):
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    codec: bytes | None = None
    seconds, tracks = 0.0, 0
    scales: dict[int, int] = {}
    sampled: dict[int, int] = {}
    for kind, start, stop in boxes(data, *moov):
        if kind != b"trak":
            continue
        tracks += 1
        if tracks > MAX_TRACKS:
            raise RejectedFile(RefusalCode.FILE_BROKEN)
        track, scale, length, codec_here = _track(data, start, stop)
        sampled[track] = _sampled(data, start, stop)
        if codec_here is not None:
            codec = codec or codec_here
            scales[track] = scale
            seconds = max(seconds, length / scale if scale else 0.0)
    if codec is None:
        raise RejectedFile(RefusalCode.FILE_KIND)
    kept = None if end == len(data) and not is_mended else data[:end]
    if _inside(data, moov, b"mvex"):
        # In front, a browser states the length of the first fragment. When it states more than there is, the
        # recording was cut off.
        added = _fragments(data, top, moov, scales, sampled)
        is_cut = is_cut or seconds >= added + 1
        if is_cut and seconds > added:
            kept = clear_stated_length(data[:end], moov)
        seconds = added if is_cut else max(added, seconds)
    else:
        seconds *= part
    mime, suffix = ("audio/3gpp", ".3gp") if codec in _3GP_CODECS else ("audio/mp4", ".m4a")
    return Sound(
        mime,
        suffix,
        round(seconds, 2) if 0 < seconds < 86_400 else None,
        kept,
        is_cut,
    )


def _whole_part(data: bytes) -> tuple[list[tuple[bytes, int, int]], int, float]:
    """Return the boxes of a sound, where they end, and which part of the sound they hold: 1 is all of it."""
    top, is_cut = top_boxes(data)
    end = top[-1][2] if top else 0
    fragments = [kind for kind, _, _ in top if kind in (b"moof", b"mdat")]
    # A fragment is a pair: how long its pieces are, and the sound itself.
    if not is_cut and fragments[-1:] != [b"moof"]:
        return top, end, 1
    if b"moof" in fragments:
        while top and top[-1][0] != b"mdat":
            top.pop()
        return top, top[-1][2] if top else 0, 0
    if data[end + 4 : end + 8] != b"mdat" or _number(data, end, 4) < 8:
        return top, end, 0
    top.append((b"mdat", end + 8, len(data)))
    return top, len(data), (len(data) - end) / _number(data, end, 4)


def _first(found: list[tuple[bytes, int, int]], kind: bytes) -> tuple[int, int] | None:
    return next(((start, end) for name, start, end in found if name == kind), None)


def _inside(data: bytes, span: tuple[int, int], *path: bytes) -> tuple[int, int] | None:
    for kind in path:
        found = _first(list(boxes(data, *span)), kind)
        if found is None:
            return None
        span = found
    return span


def _number(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")


def _track(data: bytes, start: int, end: int) -> tuple[int, int, int, bytes | None]:
    """Return (id, ticks a second, length in ticks, codec) of a track; codec None when it is not sound."""
    head = _inside(data, (start, end), b"tkhd")
    media = _inside(data, (start, end), b"mdia")
    if head is None or media is None:
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    handler, times = _inside(data, media, b"hdlr"), _inside(data, media, b"mdhd")
    if handler is None or times is None:
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    role = data[handler[0] + 8 : handler[0] + 12]
    if role in _NO_SOUND:
        raise RejectedFile(_NO_SOUND[role])
    track = _number(data, head[0] + (20 if data[head[0]] == 1 else 12), 4)
    if data[times[0]] == 1:
        scale, length = _number(data, times[0] + 20, 4), _number(data, times[0] + 24, 8)
    else:
        scale, length = _number(data, times[0] + 12, 4), _number(data, times[0] + 16, 4)
    if role != b"soun":
        return track, scale, length, None
    samples = _inside(data, media, b"minf", b"stbl", b"stsd")
    if samples is None:
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    codec = data[samples[0] + 12 : samples[0] + 16]
    if codec == b"enca":
        raise RejectedFile(RefusalCode.FILE_ENCRYPTED)
    if codec not in _CODECS:
        raise RejectedFile(RefusalCode.FILE_KIND, "voice")
    return track, scale, length, codec


def _sampled(data: bytes, start: int, end: int) -> int:
    """Return the length in ticks of what the track holds before the first fragment."""
    times = _inside(data, (start, end), b"mdia", b"minf", b"stbl", b"stts")
    if times is None:
        return 0
    rows = range(times[0] + 8, min(times[1], times[0] + 8 + 8 * _number(data, times[0] + 4, 4)) - 7, 8)
    return sum(_number(data, row, 4) * _number(data, row + 4, 4) for row in rows)


def _fragments(
    data: bytes,
    top: list[tuple[bytes, int, int]],
    moov: tuple[int, int],
    scales: dict[int, int],
    sampled: dict[int, int],
) -> float:
    """Return the length in seconds by the fragments: a recording of a browser does not state it.

    A fragment that says when it begins is trusted. The last piece in each slice of Chromium is longer than it
    says, so that the pieces alone add up to 3.74 s of 3.9 s.
    """
    defaults: dict[int, int] = {}
    extends = _inside(data, moov, b"mvex")
    for kind, start, _ in boxes(data, *extends) if extends else ():
        if kind == b"trex":
            defaults[_number(data, start + 4, 4)] = _number(data, start + 12, 4)
    ticks = {track: sampled[track] for track in scales}
    origins: dict[int, int] = {}
    for kind, start, end in top:
        if kind != b"moof":
            continue
        for inner, inner_start, inner_end in boxes(data, start, end):
            if inner == b"traf":
                track, begins, length = _fragment(data, inner_start, inner_end, defaults)
                if track in ticks:
                    if begins is not None:
                        origin = origins.setdefault(track, begins - ticks[track])
                        ticks[track] = max(ticks[track], begins - origin)
                    ticks[track] += length
    return max((ticks[track] / scale for track, scale in scales.items() if scale), default=0.0)


def _fragment(data: bytes, start: int, end: int, defaults: dict[int, int]) -> tuple[int, int | None, int]:
    """Return the track, when the fragment begins (None: at the end of the one before), and its length."""
    track, each, length = 0, 0, 0
    begins: int | None = None
    for kind, at, box_end in boxes(data, start, end):
        flags = _number(data, at + 1, 3)
        if kind == b"tfhd":
            track = _number(data, at + 4, 4)
            each = defaults.get(track, 0)
            if flags & 0x08:
                each = _number(data, at + 8 + (8 if flags & 0x01 else 0) + (4 if flags & 0x02 else 0), 4)
        elif kind == b"tfdt":
            begins = _number(data, at + 4, 8 if data[at] == 1 else 4)
        elif kind == b"trun":
            count = _number(data, at + 4, 4)
            row = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
            first = at + 8 + (4 if flags & 0x01 else 0) + (4 if flags & 0x04 else 0)
            if first + row * count > box_end:
                raise RejectedFile(RefusalCode.FILE_BROKEN)
            if flags & 0x100:
                length += sum(_number(data, first + row * index, 4) for index in range(count))
            else:
                length += each * count
    return track, begins, length
