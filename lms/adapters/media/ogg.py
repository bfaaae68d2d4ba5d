"""Read Ogg with Opus or Vorbis (RFC 3533, RFC 7845), which messengers and Firefox write."""

from lms.adapters.media.isobmff import Sound
from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode

MAX_PAGES = 200_000
_MAGIC = b"OggS\0"
_BEGIN, _LAST = 0x02, 0x04
_UNKNOWN = (1 << 64) - 1
_VIDEO = (b"\x80theora", b"BBCD", b"\x01video", b"\x80kate")


def read_sound(data: bytes) -> Sound:
    """Return type and length of an Ogg sound. Raises `RejectedFile`, for a video too."""
    serial, rate, skip, last, pages, at = None, 0, 0, 0, 0, 0
    is_opus = False
    while (page := _page(data, at)) is not None:
        pages += 1
        body, end = page
        if pages > MAX_PAGES:
            raise RejectedFile(RefusalCode.FILE_BROKEN)
        flags, granule = data[at + 5], int.from_bytes(data[at + 6 : at + 14], "little")
        stream = data[at + 14 : at + 18]
        if pages == 1 and _checksum(data[at:end]) != int.from_bytes(data[at + 22 : at + 26], "little"):
            raise RejectedFile(RefusalCode.FILE_BROKEN)
        if flags & _BEGIN:
            head = data[body:end]
            if head.startswith(_VIDEO):
                raise RejectedFile(RefusalCode.FILE_VIDEO)
            if head.startswith(b"OpusHead") and len(head) >= 19:
                serial, rate, skip, is_opus = stream, 48_000, int.from_bytes(head[10:12], "little"), True
            elif head.startswith(b"\x01vorbis") and len(head) >= 30:
                serial, rate = stream, int.from_bytes(head[12:16], "little")
        elif stream == serial and granule != _UNKNOWN:
            last = max(last, granule)
        at = end
    if data.find(_MAGIC, at + 1) > 0:  # damaged in the middle: what follows would be lost
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    if pages and (serial is None or not rate):
        raise RejectedFile(RefusalCode.FILE_KIND, "voice")
    kept = None if at == len(data) else data[:at]
    if is_opus and pages >= 2 and len(data) - at > 27 and data[at + 14 : at + 18] == serial:
        part, last = _whole_packets(data, at, last)
        kept = data[:at] + part
        pages += bool(part)
    if pages < 3:  # two pages of headers come first
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    seconds = round(max(0, last - skip) / rate, 2)
    is_cut = kept is not None and data.startswith(b"OggS", at)
    return Sound("audio/ogg", ".ogg", seconds if 0 < seconds < 86_400 else None, kept, is_cut)


def _whole_packets(data: bytes, at: int, granule: int) -> tuple[bytes, int]:
    """Return a page with the whole packets of the page that is cut off here, and its granule."""
    body = at + 27 + data[at + 26]
    whole, kept, packet, ends, samples = 0, body, body, body, 0
    for number, size in enumerate(data[at + 27 : body], start=1):
        ends += size
        if ends > len(data):
            break
        if size < 255:  # the last part of a packet
            samples += _samples(data[packet:ends])
            whole, kept, packet = number, ends, ends
    if not whole:
        return b"", granule
    flags = data[at + 5] & ~_LAST
    page = data[at : at + 5] + bytes([flags]) + (granule + samples).to_bytes(8, "little")
    page += data[at + 14 : at + 26] + bytes([whole]) + data[at + 27 : at + 27 + whole] + data[body:kept]
    return page[:22] + _checksum(page).to_bytes(4, "little") + page[26:], granule + samples


def _samples(packet: bytes) -> int:
    """Return the length of an Opus packet in samples of 1/48,000 s (RFC 6716, section 3.1)."""
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    sizes = (480, 960, 1920, 2880) if config < 12 else (480, 960) * 2 if config < 16 else (120, 240, 480, 960)
    frames = (1, 2, 2, packet[1] & 63 if len(packet) > 1 else 0)[code]
    return frames * sizes[config & 3]


def _page(data: bytes, at: int) -> tuple[int, int] | None:
    """Return (start of content, end) of the page at this offset; None when no whole page is there."""
    if not data.startswith(_MAGIC, at) or len(data) - at < 27:
        return None
    body = at + 27 + data[at + 26]
    lacing = data[at + 27 : body]
    end = body + sum(lacing)
    return (body, end) if len(lacing) == data[at + 26] and end <= len(data) else None


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
