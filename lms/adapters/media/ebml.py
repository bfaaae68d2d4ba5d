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
_LAST_BLOCK = 250_000_000  # nanoseconds, at most
_SCALE, _DURATION = 0x2AD7B1, 0x4489
_TRACK, _TRACK_TYPE, _CODEC, _ENCODINGS = 0xAE, 0x83, 0x86, 0x6D80
_CLUSTER_TIME, _SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK = 0xE7, 0xA3, 0xA0, 0xA1
_VIDEO, _AUDIO = 1, 2
_CODECS = ("A_OPUS", "A_VORBIS", "A_AAC", "A_MPEG/L3", "A_FLAC")

Element = tuple[int, int, int]


def read_sound(data: bytes) -> Sound:
    """Return type and length of a WebM sound. Raises `RejectedFile`, for a video too."""
    doctype, segment = _outside(data)
    if doctype not in ("webm", "matroska"):
        raise RejectedFile(RefusalCode.FILE_KIND)
    if segment is None:
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    scale, duration, codec, last, blocks, kept = 1_000_000, 0.0, "", 0, 0, 0
    for element, start, end in _elements(data, *segment):
        if element == _INFO:
            for kind, a, b in _elements(data, start, end):
                if kind == _SCALE:
                    scale = int.from_bytes(data[a:b], "big")
                elif kind == _DURATION:
                    duration = _float(data[a:b])
        elif element == _TRACKS:
            codec = _codec(data, start, end)
        elif element == _CLUSTER:
            time, count, kept = _cluster(data, start, end, MAX_ELEMENTS - blocks)
            last, blocks = max(last, time), blocks + count
            continue
        kept = end
    if not codec or not blocks or data.find(_CLUSTER.to_bytes(4, "big"), kept + 1) > 0:
        raise RejectedFile(RefusalCode.FILE_BROKEN)  # the last: damaged in the middle
    # Of a recording that was cut off, the length in front is too much.
    ticks = duration if duration * scale < last * scale + _LAST_BLOCK else last
    seconds = round((ticks or last) * scale / 1e9, 2)
    plain = doctype == "webm"
    return Sound(
        "audio/webm" if plain else "audio/x-matroska",
        ".webm" if plain else ".mka",
        seconds if 0 < seconds < 86_400 else None,
        None if kept == len(data) else data[:kept],
    )


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


def _cluster(data: bytes, start: int, end: int, most: int) -> tuple[int, int, int]:
    """Return the time of the last block, in ticks, the number of elements, and the end of the last one."""
    base, last, elements, whole = 0, 0, 0, start
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
            last = max(last, base + offset)
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
