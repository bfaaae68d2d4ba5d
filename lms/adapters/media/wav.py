"""Read WAV sound, as browsers and cheap recorders write it (RIFF, RF64)."""

import struct

from lms.adapters.media.isobmff import Sound
from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode

_PLAYED = {1: "PCM", 3: "float", 6: "A-law", 7: "mu-law"}
_UNPLAYED = {2: "ADPCM", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x50: "MPEG", 0x55: "MP3"}
_EXTENSIBLE = 0xFFFE
# A recorder that was stopped while it wrote, or writes to a pipe, never says how long the sound is.
_UNSTATED = (0, 0x7FFFFFFF, 0xFFFFFFFF)
_MAX_CHUNKS = 1000
_CHUNK = 8  # name and size
_TAG = 4096


def read_sound(data: bytes) -> Sound:
    """Return type and length of a WAV sound. Raises `RejectedFile`."""
    codec, hertz, rate, block, stated = 0, 0, 0, 0, 0.0
    at = 12
    for _ in range(_MAX_CHUNKS):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + _CHUNK], "little")
        start = at + _CHUNK
        if len(data) < start:
            break
        if name == b"fmt ":
            codec, hertz, rate, block = _format(data[start : start + size])
        elif name == b"fact" and codec in _UNPLAYED and hertz:
            stated = int.from_bytes(data[start : start + 4], "little") / hertz
        elif name == b"data" and codec:
            end = _end_of_sound(data, start, size)
            end -= (end - start) % block
            if end > start:
                seconds = stated or ((end - start) / rate if rate else 0)
                return _sound(data, start, size, end, codec, seconds)
        at = start + size + (size & 1)
    # Without a format nothing shows that this is sound.
    raise RejectedFile(RefusalCode.FILE_BROKEN if codec else RefusalCode.FILE_KIND, "voice")


def _format(fields: bytes) -> tuple[int, int, int, int]:
    """Return (codec, samples a second, bytes a second, bytes that belong together)."""
    if len(fields) < 16:
        raise RejectedFile(RefusalCode.FILE_KIND, "voice")
    codec, channels, hertz, rate, block, bits = struct.unpack("<HHIIHH", fields[:16])
    if codec == _EXTENSIBLE and len(fields) >= 26:
        codec = int.from_bytes(fields[24:26], "little")
    if codec not in _PLAYED and codec not in _UNPLAYED:
        raise RejectedFile(RefusalCode.FILE_KIND, "voice")
    if codec in _PLAYED and channels and bits:
        block = channels * ((bits + 7) // 8)
        rate = hertz * block  # some recorders state another
    return codec, hertz, rate, max(1, block)


def _end_of_sound(data: bytes, start: int, size: int) -> int:
    """Return where the sound ends: where it is stated, or where the file ends."""
    end = start + size
    if size in _UNSTATED or end > len(data):
        return end if size == 0 and _is_chunk(data, end) else len(data)
    rest = data[end:].strip(b"\0")
    # Much more than a tag, and no chunk: the recorder stated the length and went on.
    return len(data) if len(rest) > max(_TAG, size // 20) and not _is_chunk(data, end + size % 2) else end


def _is_chunk(data: bytes, at: int) -> bool:
    name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + _CHUNK], "little")
    return len(data) >= at + _CHUNK + size and name.isascii() and name.strip().isalnum()


def _sound(data: bytes, start: int, size: int, end: int, codec: int, seconds: float) -> Sound:
    kept = None
    after = end + size % 2
    if end != start + size or (after < len(data) and not _is_chunk(data, after)):
        # Players believe the stated length. RF64 is RIFF for files that do not fit into 32 bits.
        kept = b"".join(
            (
                b"RIFF",
                (end - _CHUNK).to_bytes(4, "little"),
                data[_CHUNK : start - 4],
                (end - start).to_bytes(4, "little"),
                data[start:end],
            )
        )
    mime = "audio/wav" if codec in _PLAYED else "audio/vnd.wave"
    return Sound(mime, ".wav", round(seconds, 2) if 0 < seconds < 86_400 else None, kept)
