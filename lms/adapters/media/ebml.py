"""Read WebM and Matroska sound: nested elements, as browsers record them (RFC 8794, RFC 9559)."""

import struct
from collections.abc import Iterator

from lms.adapters.media.isobmff import Sound
from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode

MAX_ELEMENTS = 600_000  # three hours of speech in pieces of 20 ms
MAX_IN_GROUP = 8
_EBML, _DOCTYPE = 0x1A45DFA3, 0x4282
_SEGMENT, _INFO, _TRACKS, _CLUSTER, _CUES = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B
_TAGS, _SEEK, _CHAPTERS, _FILES = 0x1254C367, 0x114D9B74, 0x1043A770, 0x1941A469
_OF_SEGMENT = {_INFO, _TRACKS, _CLUSTER, _CUES, _TAGS, _SEEK, _CHAPTERS, _FILES}
_OPEN = {_SEGMENT, _CLUSTER}  # their size is stated when they are finished, or never
_LAST_BLOCK, _MISSING = 250_000_000, 1_000_000_000  # nanoseconds: at most, at least
_SCALE, _DURATION = 0x2AD7B1, 0x4489
_NORMAL_SCALE = 1_000_000  # nanoseconds in a tick
_TRACK, _TRACK_TYPE, _CODEC, _ENCODINGS = 0xAE, 0x83, 0x86, 0x6D80
_CLUSTER_TIME, _SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK = 0xE7, 0xA3, 0xA0, 0xA1
_VOID = 0xEC
_VIDEO, _AUDIO = 1, 2
_CODECS = ("A_OPUS", "A_VORBIS", "A_AAC", "A_MPEG/L3", "A_FLAC")

Element = tuple[int, int, int]
Span = tuple[int, int]


def read_sound(data: bytes) -> Sound:
    """Return type and length of a WebM sound. Raises `RejectedFile`, for a video too."""
    doctype, segment = _outside(data)
    if doctype not in ("webm", "matroska"):
        raise RejectedFile(RefusalCode.FILE_KIND)
    if segment is None:
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    scale, codec, last, elements, kept = _NORMAL_SCALE, "", 0, 0, 0
    stated: Span | None = None
    index: Span | None = None
    cluster: Span | None = None
    for element, start, end in _elements(data, *segment):
        if element == _INFO:
            scale, stated = _info(data, start, end)
        elif element == _TRACKS:
            codec = _codec(data, start, end)
        elif element == _CLUSTER:
            time, count, whole = _cluster(data, start, end, MAX_ELEMENTS - elements)
            elements += count
            if time is not None:  # else nothing but its beginning was written
                last, kept, cluster = max(last, time), whole, (start, whole)
            continue
        elif element == _SEEK:
            index = (start, end)
        kept = end
    if not codec or cluster is None or data.find(_CLUSTER.to_bytes(4, "big"), kept + 1) > 0:
        raise RejectedFile(RefusalCode.FILE_BROKEN)  # the last: damaged in the middle
    stop = _stated_end(data, _SEGMENT, segment[0])
    is_short = kept < len(data) if stop is None else stop > len(data)
    # The length in front reaches into the last block; when it states much more, the end is missing.
    duration = _float(data[stated[0] : stated[1]]) if stated else 0.0
    beyond = (duration - last) * scale
    is_cut = is_short or beyond >= _MISSING
    ticks = duration if duration and not is_cut and beyond < _LAST_BLOCK else last
    rest = data[:kept]
    if is_cut:
        rest = _mended(rest, segment[0], index if is_short else None, cluster, stated, ticks)
    seconds = round(ticks * scale / 1e9, 2)
    plain = doctype == "webm"
    return Sound(
        "audio/webm" if plain else "audio/x-matroska",
        ".webm" if plain else ".mka",
        seconds if 0 < seconds < 86_400 else None,
        None if rest == data else rest,
        is_cut,
    )


def _mended(
    part: bytes, segment: int, index: Span | None, cluster: Span, stated: Span | None, ticks: float
) -> bytes:
    """Return the whole part of a recording with its sizes and its length as they are now.

    The index in front points to what is no longer there: it becomes an empty space.
    """
    mended = bytearray(part)
    _state_end(mended, _SEGMENT, segment, len(part))
    _state_end(mended, _CLUSTER, *cluster)
    if stated is not None and stated[1] - stated[0] in (4, 8):
        form = ">f" if stated[1] - stated[0] == 4 else ">d"
        mended[stated[0] : stated[1]] = struct.pack(form, ticks)
    if index is not None:
        at = _size_at(part, _SEEK, index[0]) - 4
        width = min(8, index[0] - at - 1)
        mended[at] = _VOID
        mended[at + 1 : at + 1 + width] = _size(index[1] - at - 1 - width, width)
    return bytes(mended)


def _size_at(data: bytes | bytearray, element: int, start: int) -> int:
    """Return where the size of an element is stated whose content begins at `start`."""
    return data.rfind(element.to_bytes(4, "big"), 0, start) + 4


def _stated_end(data: bytes | bytearray, element: int, start: int) -> int | None:
    raw = data[_size_at(data, element, start) : start]
    most = (1 << 7 * len(raw)) - 1
    size = int.from_bytes(raw, "big") & most
    return None if size == most else start + size


def _state_end(data: bytearray, element: int, start: int, end: int) -> None:
    if _stated_end(data, element, start) is not None:
        at = _size_at(data, element, start)
        data[at:start] = _size(end - start, start - at)


def _size(size: int, width: int) -> bytes:
    return (1 << 7 * width | size).to_bytes(width, "big")


def _outside(data: bytes) -> tuple[str, tuple[int, int] | None]:
    doctype = ""
    for element, start, end in _elements(data, 0, len(data)):
        if element == _EBML:
            header = {kind: (a, b) for kind, a, b in _elements(data, start, end)}
            a, b = header.get(_DOCTYPE, (0, 0))
            doctype = data[a:b].rstrip(b"\0").decode("ascii", "replace")
        elif element == _SEGMENT:
            return doctype, (start, end)
    return doctype, None


def _info(data: bytes, start: int, end: int) -> tuple[int, Span | None]:
    """Return the nanoseconds of a tick, and where the length is stated."""
    fields = {kind: (a, b) for kind, a, b in _elements(data, start, end)}
    a, b = fields.get(_SCALE, (0, 0))
    return int.from_bytes(data[a:b], "big") if b else _NORMAL_SCALE, fields.get(_DURATION)


def _codec(data: bytes, start: int, end: int) -> str:
    codec = ""
    for element, track_start, track_end in _elements(data, start, end):
        if element != _TRACK:
            continue
        fields = {kind: data[a:b] for kind, a, b in _elements(data, track_start, track_end)}
        role = int.from_bytes(fields.get(_TRACK_TYPE, b""), "big")
        if role == _VIDEO:
            raise RejectedFile(RefusalCode.FILE_VIDEO)
        if role == _AUDIO and not codec:
            codec = fields.get(_CODEC, b"").rstrip(b"\0").decode("ascii", "replace")
            codec = "A_AAC" if codec.startswith("A_AAC/") else codec
    if codec not in _CODECS:
        raise RejectedFile(RefusalCode.FILE_KIND, "voice" if codec else None)
    return codec


def _cluster(data: bytes, start: int, end: int, most: int) -> tuple[int | None, int, int]:
    """Return the time of the last block in ticks, the number of elements, and the end of the last one.

    The time is None without a block.
    """
    base, elements, whole = 0, 0, start
    last: int | None = None
    for element, a, b in _elements(data, start, end, most):
        block = None
        elements, whole = elements + 1, b
        if element == _CLUSTER_TIME:
            base = int.from_bytes(data[a:b], "big")
        elif element == _SIMPLE_BLOCK:
            block = a
        elif element == _BLOCK_GROUP:
            block = next((at for kind, at, _ in _elements(data, a, b, MAX_IN_GROUP) if kind == _BLOCK), None)
        if block is not None:
            width = 9 - data[block].bit_length()
            offset = int.from_bytes(data[block + width : block + width + 2], "big", signed=True)
            last = max(last or 0, base + offset)
    return last, elements, whole


def _elements(data: bytes, start: int, end: int, most: int = MAX_ELEMENTS) -> Iterator[Element]:
    """Yield (id, start of content, end). A live recording leaves the size of segment and clusters open.

    At the end of the file stop before an element that is cut off, or before bytes that are none. Segment and
    clusters that are cut off are yielded up to there. Raises `RejectedFile` anywhere else.
    """
    at = start
    for _ in range(most):
        if at >= end:
            return
        head = _head(data, at, end)
        if head is None or (head[2] is None and head[0] not in _OPEN):
            if end < len(data):
                raise RejectedFile(RefusalCode.FILE_BROKEN)
            return
        element, content, size = head
        if size is not None:
            stop = content + size
        else:
            stop = end if element == _SEGMENT else _end_of_cluster(data, content, end)
        if stop > end:
            if end < len(data):
                raise RejectedFile(RefusalCode.FILE_BROKEN)
            if element not in _OPEN:
                return
            stop = end
        yield element, content, stop
        at = stop
    raise RejectedFile(RefusalCode.FILE_BROKEN)


def _end_of_cluster(data: bytes, start: int, end: int) -> int:
    """Return where a cluster of unstated size ends: where no element of a cluster begins any more."""
    at = start
    for _ in range(MAX_ELEMENTS):
        head = _head(data, at, end) if at < end else None
        if head is None or head[0] in _OF_SEGMENT or head[2] is None or head[1] + head[2] > end:
            return at
        at = head[1] + head[2]
    raise RejectedFile(RefusalCode.FILE_BROKEN)


def _head(data: bytes, at: int, end: int) -> tuple[int, int, int | None] | None:
    """Return (id, start of content, size or None when it is open) of the element here; None without one."""
    width = 9 - data[at].bit_length()
    if width > 4 or at + width >= end:
        return None
    size_width = 9 - data[at + width].bit_length()
    content = at + width + size_width
    if size_width > 8 or content > end:
        return None
    size = int.from_bytes(data[at + width : content], "big") & ((1 << 7 * size_width) - 1)
    is_open = size == (1 << 7 * size_width) - 1
    return int.from_bytes(data[at : at + width], "big"), content, None if is_open else size


def _float(raw: bytes) -> float:
    if len(raw) not in (4, 8):
        return 0.0
    value: float = struct.unpack(">f" if len(raw) == 4 else ">d", raw)[0]
    return value if 0 < value < 1e12 else 0.0
