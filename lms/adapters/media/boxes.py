"""Boxes, the container format of M4A, MP4, 3GP and HEIC files (ISO 14496-12)."""

from collections.abc import Iterator

from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode

MAX_BOXES = 20_000
_TOP = {b"ftyp", b"moov", b"moof", b"mdat", b"meta", b"free", b"skip", b"wide", b"uuid", b"styp", b"sidx"}
_TOP |= {b"emsg", b"prft", b"mfra", b"pdin", b"idat"}


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, start of content, end) of each box.

    Raises `RejectedFile` when a box claims to be longer than its container.
    """
    at, end = start, len(data) if end is None else end
    for _ in range(MAX_BOXES):
        if at >= end:
            return
        if end - at < 8:
            raise RejectedFile(RefusalCode.FILE_BROKEN)
        size, kind, content = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, content = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        elif size == 0:
            size = end - at
        if size < content - at or at + size > end:
            raise RejectedFile(RefusalCode.FILE_BROKEN)
        yield kind, content, at + size
        at += size
    raise RejectedFile(RefusalCode.FILE_BROKEN)


def top_boxes(data: bytes) -> tuple[list[tuple[bytes, int, int]], bool]:
    """Return the whole boxes of a file as `boxes` does, and whether the next one is cut off.

    Other bytes may follow the last box: zeros, a tag of a player, what a phone appends.
    """
    found: list[tuple[bytes, int, int]] = []
    at = 0
    while len(data) - at >= 8 and len(found) < MAX_BOXES:
        try:
            found.append(next(boxes(data, at)))
        except RejectedFile:
            return found, data[at + 4 : at + 8] in _TOP
        if found[-1][0] not in _TOP and not found[-1][0].isalnum():
            found.pop()
            break
        at = found[-1][2]
    return found, False


def whole_boxes(data: bytes) -> bytes:
    """Return the file up to the end of its last box. Raises `RejectedFile` when it is cut off."""
    found, is_cut = top_boxes(data)
    if is_cut or not found or found[0][0] != b"ftyp":
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    return data[: found[-1][2]]
