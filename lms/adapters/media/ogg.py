"""Read Ogg with Opus or Vorbis (RFC 3533, RFC 7845), which messengers and Firefox write."""

from lms.adapters.media.isobmff import Sound
from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode

MAX_PAGES = 200_000
_BEGIN = 0x02
_UNKNOWN = (1 << 64) - 1
_VIDEO = (b"\x80theora", b"BBCD", b"\x01video", b"\x80kate")


def read_sound(data: bytes) -> Sound:
    """Return type and length of an Ogg sound. Raises `RejectedFile`, for a video too."""
    serial, rate, skip, last, pages, at = None, 0, 0, 0, 0, 0
    mime = ""
    while at < len(data):
        pages += 1
        if pages > MAX_PAGES or data[at : at + 5] != b"OggS\0" or len(data) - at < 27:
            raise RejectedFile(RefusalCode.FILE_BROKEN)
        flags, granule = data[at + 5], int.from_bytes(data[at + 6 : at + 14], "little")
        stream, lacing = data[at + 14 : at + 18], data[at + 27 : at + 27 + data[at + 26]]
        body = at + 27 + data[at + 26]
        end = body + sum(lacing)
        if len(lacing) != data[at + 26] or end > len(data):
            raise RejectedFile(RefusalCode.FILE_BROKEN)
        if pages == 1 and _checksum(data[at:end]) != int.from_bytes(data[at + 22 : at + 26], "little"):
            raise RejectedFile(RefusalCode.FILE_BROKEN)
        if flags & _BEGIN:
            head = data[body:end]
            if head.startswith(_VIDEO):
                raise RejectedFile(RefusalCode.FILE_VIDEO)
            if head.startswith(b"OpusHead") and len(head) >= 19:
                serial, rate, skip, mime = stream, 48_000, int.from_bytes(head[10:12], "little"), "audio/ogg"
            elif head.startswith(b"\x01vorbis") and len(head) >= 30:
                serial, rate, mime = stream, int.from_bytes(head[12:16], "little"), "audio/ogg"
        elif stream == serial and granule != _UNKNOWN:
            last = max(last, granule)
        at = end
    if serial is None or not rate:
        raise RejectedFile(RefusalCode.FILE_KIND)
    if pages < 3:  # two pages of headers come first
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    seconds = round(max(0, last - skip) / rate, 2)
    return Sound(mime, ".ogg", seconds if 0 < seconds < 86_400 else None)


def _table() -> list[int]:
    table = []
    for number in range(256):
        register = number << 24
        for _ in range(8):
            register = (register << 1) ^ (0x04C11DB7 if register & 0x80000000 else 0)
        table.append(register & 0xFFFFFFFF)
    return table


_TABLE = _table()


def _checksum(page: bytes) -> int:
    register = 0
    for byte in page[:22] + b"\0\0\0\0" + page[26:]:
        register = ((register << 8) & 0xFFFFFFFF) ^ _TABLE[(register >> 24) ^ byte]
    return register


checksum = _checksum
