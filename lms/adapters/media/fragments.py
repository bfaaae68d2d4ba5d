"""Mend an MP4 recording that was cut off, so that the whole samples of its last fragment can be played.

A browser that records without pauses writes a single fragment, however long the recording is.
"""

from lms.adapters.media.boxes import boxes, top_boxes

_HEAD = 8  # size and type of a box
_OFFSET, _FIRST_FLAGS, _DURATION, _SIZE, _FLAGS, _COMPOSITION = 0x01, 0x04, 0x100, 0x200, 0x400, 0x800
_MAX_SAMPLES = 600_000
# Where a box of version 0 and of version 1 states a length, and in how many bytes.
_STATED = {
    b"mvhd": ((16, 4), (24, 8)),
    b"tkhd": ((20, 4), (28, 8)),
    b"mdhd": ((16, 4), (24, 8)),
    b"mehd": ((4, 4), (4, 8)),
}
_HOLDERS = (b"trak", b"mdia", b"mvex")


def mend_last_fragment(data: bytes) -> bytes | None:
    """Return the file up to the last whole sample of a fragment that is cut off.

    None when no fragment is cut off in its sound, when no sample of it is whole, or when it holds more than
    one run of samples.
    """
    top, is_cut = top_boxes(data)
    if not is_cut or not top or top[-1][0] != b"moof":
        return None
    _, start, end = top[-1]
    default_size = 0
    for kind, *moov in top:
        for inner, *extends in boxes(data, *moov) if kind == b"moov" else ():
            for innermost, at, _ in boxes(data, *extends) if inner == b"mvex" else ():
                if innermost == b"trex":
                    default_size = _number(data, at + 16, 4)
    return _mended(data, start, end, default_size)


def clear_stated_length(data: bytes, moov: tuple[int, int]) -> bytes:
    """Return the file without the lengths stated in front, so that players add up the fragments.

    `moov` is where the content of that box begins and ends.
    """
    cleared = bytearray(data)
    spans = [moov]
    while spans:
        for kind, start, end in boxes(data, *spans.pop()):
            if kind in _HOLDERS:
                spans.append((start, end))
            elif kind in _STATED:
                offset, length = _STATED[kind][data[start] == 1]
                if start + offset + length <= end:
                    cleared[start + offset : start + offset + length] = bytes(length)
    return bytes(cleared)


def _mended(data: bytes, start: int, end: int, default_size: int) -> bytes | None:
    runs = [
        (traf, run)
        for kind, *traf in boxes(data, start, end)
        if kind == b"traf"
        for inner, *run in boxes(data, *traf)
        if inner == b"trun"
    ]
    if len(runs) != 1 or data[end + 4 : end + _HEAD] != b"mdat":
        return None
    (traf, (run, run_end)) = runs[0]
    flags, count = _number(data, run + 1, 3), _number(data, run + 4, 4)
    first_row = run + 8 + 4 * bool(flags & _OFFSET) + 4 * bool(flags & _FIRST_FLAGS)
    row = 4 * sum(bool(flags & bit) for bit in (_DURATION, _SIZE, _FLAGS, _COMPOSITION))
    at = sound = end + _HEAD
    size = _default_size(data, traf, default_size)
    whole = 0
    while whole < min(count, _MAX_SAMPLES):
        if flags & _SIZE:
            size = _number(data, first_row + whole * row + 4 * bool(flags & _DURATION), 4)
        if size == 0 or at + size > len(data):
            break
        at += size
        whole += 1
    if not whole or first_row + row * count > run_end:
        return None
    removed = row * (count - whole)
    mended = bytearray(data[start - _HEAD : end])
    _subtract(mended, 0, removed)
    _subtract(mended, traf[0] - start, removed)
    _subtract(mended, run - start, removed)
    place = run - start + _HEAD
    mended[place + 4 : place + 8] = whole.to_bytes(4, "big")
    if flags & _OFFSET:
        _subtract(mended, place + 8, removed)
    rows = first_row - start + _HEAD
    del mended[rows + row * whole : rows + row * count]
    return b"".join(
        (
            data[: start - _HEAD],
            mended,
            (_HEAD + at - sound).to_bytes(4, "big"),
            b"mdat",
            data[sound:at],
        )
    )


def _default_size(data: bytes, traf: list[int], size: int) -> int:
    for kind, start, _ in boxes(data, *traf):
        flags = _number(data, start + 1, 3)
        if kind == b"tfhd" and flags & 0x10:
            before = 8 * bool(flags & 0x01) + 4 * bool(flags & 0x02) + 4 * bool(flags & 0x08)
            size = _number(data, start + 8 + before, 4)
    return size


def _number(data: bytes | bytearray, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")


def _subtract(mended: bytearray, at: int, removed: int) -> None:
    mended[at : at + 4] = (_number(mended, at, 4) - removed).to_bytes(4, "big")
