"""Recognise sound files by reading their container; the sound is never decoded.

Formats without a container (MP3, AAC, AMR) are recognised by frames that follow one another to the end.
"""

from lms.adapters.media import ebml, isobmff, ogg, wav
from lms.adapters.media.isobmff import Sound
from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode

_CONTAINERS = (
    (0, b"\x1a\x45\xdf\xa3", ebml.read_sound),
    (0, b"OggS", ogg.read_sound),
    (4, b"ftyp", isobmff.read_sound),
    (8, b"WAVE", wav.read_sound),
)
# Frame sizes without the header byte; -1: no such type.
_AMR_NARROW = (12, 13, 15, 17, 19, 20, 26, 31, 5, -1, -1, -1, -1, -1, -1, 0)
_AMR_WIDE = (17, 23, 32, 36, 40, 46, 50, 58, 60, 5, -1, -1, -1, -1, 0, 0)
_AMR = ((b"#!AMR\n", _AMR_NARROW, "audio/amr"), (b"#!AMR-WB\n", _AMR_WIDE, "audio/amr-wb"))

_MP3_RATES = (44_100, 48_000, 32_000)
_MP3_KBITS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MP3_KBITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_AAC_KHZ = (96, 88.2, 64, 48, 44.1, 32, 24, 22.05, 16, 12, 11.025, 8, 7.35)
_LEAST_FRAMES, _MOST_FRAMES = 4, 1_000_000  # five hours
_TAG_ENDS = (b"TAG", b"APETAGEX", b"LYRICS", b"3DI")
_REST = 4096
# Sounds that phones and browsers do not all play: FLAC, CAF, AU, WavPack, MIDI, SILK (WeChat).
_FOREIGN = (b"fLaC", b"caff\0", b".snd\0", b"wvpk", b"MThd\0", b"#!SILK", b"\x02#!SILK")
_ASF, _ASF_VIDEO = bytes.fromhex("3026b2758e66cf11"), bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_PADDING = 64 * 1024
_LEAST_SECONDS = 0.5  # of a recording that was cut off: nobody says anything in less


def read_voice(data: bytes) -> Sound | None:
    """Return type and length of a sound file; None when the bytes do not look like one.

    Raises `RejectedFile` when they do and cannot be accepted.
    """
    _refuse_foreign(data)
    for at, magic, read in _CONTAINERS:
        if data.startswith(magic, at):
            sound = read(data)
            if sound.is_cut and (sound.seconds or 0) < _LEAST_SECONDS:
                raise RejectedFile(RefusalCode.FILE_BROKEN)
            return sound
    for magic, sizes, mime in _AMR:
        if data.startswith(magic):
            return _amr(data, len(magic), sizes, mime)
    if data.startswith(b"ID3") or (data[:1] == b"\xff" and data[1:2] and data[1] & 0xE0 == 0xE0):
        return _frames(data)
    return None


def _refuse_foreign(data: bytes) -> None:
    if data.startswith(_ASF):
        if _ASF_VIDEO in data:
            raise RejectedFile(RefusalCode.FILE_VIDEO)
        raise RejectedFile(RefusalCode.FILE_KIND, "voice")
    if data.startswith(b"RIFF") and data[8:12] == b"AVI ":
        raise RejectedFile(RefusalCode.FILE_VIDEO)
    if data.startswith(_FOREIGN) or (data.startswith(b"FORM") and data[8:11] == b"AIF"):
        raise RejectedFile(RefusalCode.FILE_KIND, "voice")


def _amr(data: bytes, at: int, sizes: tuple[int, ...], mime: str) -> Sound:
    frames = 0
    zeros = len(data.rstrip(b"\0"))  # a zero could begin a frame, and zeros are what follows many files
    while at < len(data) and (at < zeros or data[at]):
        size = sizes[data[at] >> 3 & 15]
        if data[at] & 0x83 or size < 0 or at + 1 + size > len(data):
            break
        at += 1 + size
        frames += 1
        if frames > _MOST_FRAMES:
            raise RejectedFile(RefusalCode.FILE_TOO_HEAVY)
    if frames < _LEAST_FRAMES:
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    suffix = ".amr" if mime == "audio/amr" else ".awb"
    return Sound(mime, suffix, round(frames * 0.02, 2), _kept(data, at))


def _kept(data: bytes, end: int) -> bytes | None:
    """Return the file up to the end of its last frame; None when nothing follows.

    Raises `RejectedFile` when so much follows that it must be sound behind a damaged place.
    """
    rest = data[end:].strip(b"\0")
    if len(rest) > max(_REST, len(data) // 20) and not rest.startswith(_TAG_ENDS):
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    return None if end == len(data) else data[:end]


def _frames(data: bytes) -> Sound | None:
    tagged = data.startswith(b"ID3")
    at = _after_id3(data)
    if data.startswith(_FOREIGN, at):
        raise RejectedFile(RefusalCode.FILE_KIND, "voice")
    mime, frame = ("audio/aac", _aac_frame) if data[at + 1] & 0x06 == 0 else ("audio/mpeg", _mp3_frame)
    frames, seconds = 0, 0.0
    while at < len(data):
        if frames and data.startswith(_TAG_ENDS, at):
            break
        found = frame(data, at)
        if found is None:
            break
        if frames > _MOST_FRAMES:
            raise RejectedFile(RefusalCode.FILE_TOO_HEAVY)
        size, length = found
        at += size
        frames, seconds = frames + 1, seconds + length
    if frames < _LEAST_FRAMES:
        if tagged:
            raise RejectedFile(RefusalCode.FILE_BROKEN)
        return None
    suffix = ".aac" if mime == "audio/aac" else ".mp3"
    return Sound(mime, suffix, round(seconds, 2), _kept(data, at))


def _after_id3(data: bytes) -> int:
    at = 0
    while data.startswith(b"ID3", at):
        if len(data) < at + 10 or any(byte & 0x80 for byte in data[at + 6 : at + 10]):
            raise RejectedFile(RefusalCode.FILE_BROKEN)
        size = 0
        for byte in data[at + 6 : at + 10]:
            size = size << 7 | byte
        at += 10 + size + (10 if data[at + 5] & 0x10 else 0)
    stop = min(len(data), at + _PADDING)
    while at < stop and data[at] == 0:
        at += 1
    if at + 4 > len(data):
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    return at


def _mp3_frame(data: bytes, at: int) -> tuple[int, float] | None:
    """Return (bytes, seconds) of the layer III frame at this offset; None when there is none."""
    head = int.from_bytes(data[at : at + 4], "big")
    version, layer = head >> 19 & 3, head >> 17 & 3  # version 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    kbits, rate = head >> 12 & 15, head >> 10 & 3
    if at + 4 > len(data) or head >> 21 != 0x7FF or version == 1 or layer != 1:
        return None
    if kbits in (0, 15) or rate == 3:
        return None
    hertz = _MP3_RATES[rate] >> (0, 0, 1, 0)[version] if version else _MP3_RATES[rate] >> 2
    bits = (_MP3_KBITS_1 if version == 3 else _MP3_KBITS_2)[kbits] * 1000
    samples = 1152 if version == 3 else 576
    size = samples // 8 * bits // hertz + (head >> 9 & 1)
    return (size, samples / hertz) if at + size <= len(data) else None


def _aac_frame(data: bytes, at: int) -> tuple[int, float] | None:
    """Return (bytes, seconds) of the ADTS frame at this offset; None when there is none."""
    head = data[at : at + 7]
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 >= len(_AAC_KHZ):
        return None
    size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if size < 7 or at + size > len(data):
        return None
    return size, 1.024 * ((head[6] & 3) + 1) / _AAC_KHZ[head[2] >> 2 & 15]
