"""Generated files as people send them (photos, documents, voice messages), and malicious ones."""

import io
import math
import random
import struct
import zipfile
import zlib
from array import array
from pathlib import Path

import av
import pillow_heif
from PIL import Image, ImageDraw

from lms.adapters.media.ogg import checksum

pillow_heif.register_heif_opener()

RED, SKY = (200, 20, 20), (120, 170, 220)
FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
RECORDINGS, AS_SENT = FIXTURES / "voices", FIXTURES / "files"
COMMENT = b"a secret comment of the phone"


def upright(width: int = 600, height: int = 800) -> Image.Image:
    """Return a picture with a visible orientation: a red band at the top, a white corner at the top left."""
    picture = Image.new("RGB", (width, height), SKY)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width, height // 5), fill=RED)
    draw.rectangle((0, 0, width // 5, height // 5), fill="white")
    return picture


def stands_upright(picture: Image.Image) -> bool:
    """Return whether a picture made by `upright` is upright, at any size."""
    picture = picture.convert("RGB")
    width, height = picture.size

    def near(x: float, y: float, colour: tuple[int, int, int]) -> bool:
        seen = picture.getpixel((int(width * x), int(height * y)))
        return isinstance(seen, tuple) and all(abs(a - b) < 40 for a, b in zip(seen, colour, strict=True))

    return (
        near(0.1, 0.1, (255, 255, 255))
        and near(0.6, 0.1, RED)
        and near(0.5, 0.6, SKY)
        and near(0.5, 0.95, SKY)
    )


def ink(picture: Path, top: float = 0, bottom: float = 1) -> int:
    """Count the dark pixels between two heights of the picture, in parts of its height."""
    with Image.open(picture) as whole:
        band = whole.crop((0, int(whole.height * top), whole.width, int(whole.height * bottom)))
        return sum(band.convert("L").histogram()[:160])


def noise(width: int, height: int) -> Image.Image:
    """Return a picture with as much detail as a photo can have."""
    coarse = random.Random(7).randbytes(3 * (width // 4) * (height // 4))
    return Image.frombytes("RGB", (width // 4, height // 4), coarse).resize(
        (width, height), Image.Resampling.BICUBIC
    )


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def phone_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker of the phone"
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (50.0, 28.0, 12.0)
    place[3], place[4] = "E", (4.0, 52.0, 5.0)
    return exif


def jpeg(width: int = 600, height: int = 800) -> bytes:
    return saved(upright(width, height), "JPEG", quality=90)


def rotated_jpeg(width: int = 600, height: int = 800) -> bytes:
    """Return a photo with rotated pixels, the EXIF orientation 6, a GPS position and a comment."""
    lying = upright(width, height).transpose(Image.Transpose.ROTATE_90)
    return saved(lying, "JPEG", quality=90, exif=phone_exif(6), comment=COMMENT)


def truncated_jpeg() -> bytes:
    whole = saved(noise(800, 600), "JPEG", quality=90)
    return whole[: len(whole) // 2]


def heic(width: int = 600, height: int = 800, *, orientation: int = 1) -> bytes:
    """Return a photo as an iPhone writes it: rotated by a property of the file, with a GPS position."""
    turns = {1: None, 6: Image.Transpose.ROTATE_90}
    turn = turns[orientation]
    picture = upright(width, height)
    picture = picture.transpose(turn) if turn is not None else picture
    return saved(picture, "HEIF", exif=phone_exif(orientation).tobytes(), quality=70)


def png(mode: str = "RGBA") -> bytes:
    """Return a transparent picture with a red square."""
    picture = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    ImageDraw.Draw(picture).rectangle((0, 0, 100, 100), fill=(*RED, 255))
    return saved(picture.convert(mode), "PNG")


def webp() -> bytes:
    return saved(upright(), "WEBP", quality=80)


def png_bomb(side: int = 50_000) -> bytes:
    """Return a file of a few kB that declares 2.5 thousand million pixels."""
    squeeze = zlib.compressobj(9)
    rows = b"".join(squeeze.compress(b"\0" * (side + 1)) for _ in range(200)) + squeeze.flush()
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)),
            (b"IDAT", rows),
            (b"IEND", b""),
        )
    )


def pdf(
    pages: int = 2, *, words: str = "Bonjour", trailer: str = "", box: tuple[int, int] = (595, 842)
) -> bytes:
    content = f"BT /F 40 Tf 60 700 Td ({words}) Tj ET".encode("latin-1")
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (pages, b" ".join(b"%d 0 R" % (5 + page) for page in range(pages))),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        *(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 4 0 R"
            b" /Resources << /Font << /F 3 0 R >> >> >>" % box
            for _ in range(pages)
        ),
    ]
    return assemble_pdf(bodies, trailer)


def assemble_pdf(bodies: list[bytes], trailer: str = "") -> bytes:
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R %s >>\n" % (len(bodies) + 1, trailer.encode())
    return out + b"startxref\n%d\n%%%%EOF\n" % table


def encrypted_pdf() -> bytes:
    """Return a PDF with a user password: its check value does not match the empty password."""
    lock = "/Filter /Standard /V 1 /R 2 /P -4 /O <" + "11" * 32 + "> /U <" + "22" * 32 + ">"
    return pdf(trailer=f"/Encrypt << {lock} >> /ID [<{'33' * 16}> <{'33' * 16}>]")


_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.{kind}.main+xml"/></Types>'
)
WORD = "openxmlformats-officedocument.wordprocessingml.document"
WORD_SPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def docx(
    text: str = "Je m’appelle Samira.", *, parts: dict[str, bytes] | None = None, kind: str = WORD
) -> bytes:
    lines = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in text.split("\n"))
    document = (
        f'<?xml version="1.0"?><w:document xmlns:w="{WORD_SPACE}"><w:body>{lines}</w:body></w:document>'
    )
    contents = {
        "[Content_Types].xml": _TYPES.format(kind=kind).encode(),
        "word/document.xml": document.encode(),
    }
    return zipped(contents | (parts or {}))


def zipped(contents: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return out.getvalue()


def element(number: int, content: bytes, *, open_end: bool = False) -> bytes:
    """Return an element of WebM."""
    head = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return (
        head + (b"\x01" + b"\xff" * 7 if open_end else (len(content) | 1 << 56).to_bytes(8, "big")) + content
    )


def recording(name: str) -> bytes:
    """Return two seconds of sound from a real encoder; tests/fixtures/README.md says how it was made."""
    return (RECORDINGS / name).read_bytes()


def voice_webm(seconds: int = 3, *, track: int = 2, codec: bytes = b"A_OPUS", live: bool = True) -> bytes:
    """Return a recording as Chrome writes it: segment and clusters without sizes, no length."""
    blocks = b"".join(
        element(0xA3, b"\x81" + struct.pack(">h", at) + b"\x80" + b"opus" * 10) for at in range(0, 1001, 20)
    )
    clusters = b"".join(
        element(0x1F43B675, element(0xE7, (second * 1000).to_bytes(3, "big")) + blocks, open_end=live)
        for second in range(seconds)
    )
    entry = element(0xD7, b"\x01") + element(0x83, bytes([track])) + element(0x86, codec)
    info = element(0x1549A966, element(0x2AD7B1, (1_000_000).to_bytes(3, "big")))
    inside = info + element(0x1654AE6B, element(0xAE, entry)) + clusters
    return element(0x1A45DFA3, element(0x4282, b"webm")) + element(0x18538067, inside, open_end=live)


def finished_webm(live: bytes) -> bytes:
    """Return a recording of Chromium as a program finishes it: with all sizes, its length and an index."""
    unstated = b"\x01" + b"\xff" * 7
    head, *clusters = live.split(b"\x1f\x43\xb6\x75" + unstated)
    kind, inside = head.split(b"\x18\x53\x80\x67" + unstated)
    info = inside.index(b"\x15\x49\xa9\x66") + 5
    tracks = inside.index(b"\x16\x54\xae\x6b")
    described = element(0x1549A966, element(0x4489, struct.pack(">d", 3900)) + inside[info:tracks])
    sound = inside[tracks:] + b"".join(element(0x1F43B675, cluster) for cluster in clusters)
    cues = element(0x1C53BB6B, element(0xBB, element(0xB3, b"\0")))

    def index(place: int) -> bytes:
        entry = element(0x53AB, b"\x1c\x53\xbb\x6b") + element(0x53AC, place.to_bytes(8, "big"))
        return element(0x114D9B74, element(0x4DBB, entry))

    place = len(index(0) + described + sound)
    return kind + element(0x18538067, index(place) + described + sound + cues)


def ogg_page(body: bytes, *, flags: int, granule: int, number: int, serial: int = 9) -> bytes:
    lacing = b"\xff" * (len(body) // 255) + bytes([len(body) % 255])
    page = (
        b"OggS\0" + bytes([flags]) + struct.pack("<qIII", granule, serial, number, 0) + bytes([len(lacing)])
    )
    page += lacing + body
    return page[:22] + struct.pack("<I", checksum(page)) + page[26:]


def voice_ogg(seconds: int = 3, *, head: bytes = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0") -> bytes:
    """Return a voice message as a messenger exports it."""
    pages = [
        ogg_page(head, flags=2, granule=0, number=0),
        ogg_page(b"OpusTags" + b"\0" * 8, flags=0, granule=0, number=1),
    ]
    for second in range(1, seconds + 1):
        last = 4 if second == seconds else 0
        pages.append(ogg_page(b"o" * 400, flags=last, granule=48_000 * second + 312, number=1 + second))
    return b"".join(pages)


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def _track(number: int, handler: bytes, codec: bytes, seconds: float) -> bytes:
    head = box(b"tkhd", b"\0\0\0\7" + b"\0" * 8 + struct.pack(">I", number) + b"\0" * 68)
    times = box(b"mdhd", b"\0" * 12 + struct.pack(">II", 8000, int(8000 * seconds)) + b"\0" * 4)
    role = box(b"hdlr", b"\0" * 8 + handler + b"\0" * 13)
    samples = box(b"stsd", struct.pack(">II", 0, 1) + box(codec, b"\0" * 28))
    return box(b"trak", head, box(b"mdia", times, role, box(b"minf", box(b"stbl", samples))))


def mp4(
    brand: bytes,
    tracks: list[tuple[bytes, bytes]],
    seconds: float = 4.0,
    *,
    fragments: bool = False,
    stated: float = 0,
) -> bytes:
    """`stated`: the length in seconds that stands in front of fragments."""
    entries = [
        _track(number, *track, stated if fragments else seconds) for number, track in enumerate(tracks, 1)
    ]
    sound = box(b"mdat", b"\x21" * 2000)
    if not fragments:
        return (
            box(b"ftyp", brand, b"\0" * 4, brand) + sound + box(b"moov", box(b"mvhd", b"\0" * 100), *entries)
        )
    extends = box(b"mvex", box(b"trex", b"\0" * 4 + struct.pack(">IIIII", 1, 1, 1000, 0, 0)))
    piece = box(
        b"moof",
        box(
            b"traf",
            box(b"tfhd", b"\0" * 4, struct.pack(">I", 1)),
            box(b"trun", b"\0" * 4, struct.pack(">I", 8)),
        ),
    )
    moov = box(b"moov", box(b"mvhd", b"\0" * 100), *entries, extends)
    return box(b"ftyp", brand, b"\0" * 4, brand) + moov + (piece + sound) * int(seconds)


def voice_m4a(seconds: float = 4.0) -> bytes:
    return mp4(b"M4A ", [(b"soun", b"mp4a")], seconds)


def voice_m4a_of_a_browser(seconds: int = 4, *, stated: float = 0) -> bytes:
    """Return a recording in fragments. Safari states no length in front, Chromium a very short one."""
    return mp4(b"iso5", [(b"soun", b"mp4a")], seconds, fragments=True, stated=stated)


def voice_3gp(seconds: float = 4.0) -> bytes:
    return mp4(b"3gp4", [(b"soun", b"samr")], seconds)


def video_mp4() -> bytes:
    return mp4(b"isom", [(b"vide", b"avc1"), (b"soun", b"mp4a")])


def video_webm() -> bytes:
    return voice_webm(track=1, codec=b"V_VP8")


def voice_amr(seconds: int = 2) -> bytes:
    return b"#!AMR\n" + (b"\x3c" + b"a" * 31) * (50 * seconds)


def voice_mp3(frames: int = 100, *, tagged: bool = True) -> bytes:
    """Return MPEG 1 layer III, 64 kbit/s, 44.1 kHz; each frame has 208 bytes and 26 ms."""
    tag = b"ID3\x04\0\0" + bytes([0, 0, 1, 0]) + b"\0" * 128
    return (tag if tagged else b"") + (b"\xff\xfb\x50\xc4" + b"\x55" * 204) * frames


def voice_aac(frames: int = 100) -> bytes:
    """Return ADTS, 44.1 kHz, in frames of 200 bytes."""
    size = 200
    head = bytes([0xFF, 0xF1, 0x50, 0x80 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC])
    return (head + b"\x21" * (size - 7)) * frames


def voice_wav(
    seconds: float = 2,
    *,
    codec: int = 1,
    bits: int = 16,
    channels: int = 1,
    stated: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """`stated`: the number of bytes that the header gives; `before` and `after`: other chunks."""
    block = channels * bits // 8
    sound = (b"\x11\x22\x33\x44" * block * int(2000 * seconds + 1))[: block * int(8000 * seconds)]
    fields = struct.pack("<HHIIHH", codec, channels, 8000, 8000 * block, block, bits)
    if codec == 0xFFFE:
        fields += struct.pack("<HHIH", 22, bits, 3, 1) + bytes.fromhex("000000001000800000aa00389b71")
    body = b"WAVE" + before + chunk(b"fmt ", fields)
    body += b"data" + struct.pack("<I", len(sound) if stated is None else stated) + sound + after
    return b"RIFF" + struct.pack("<I", len(body) if stated is None else stated) + body


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def spoken(seconds: float = 3, *, codec: str = "libopus", form: str = "webm") -> bytes:
    """Return a real recording of a tone, as the recorder of a browser writes it."""
    target = io.BytesIO()
    with av.open(target, "w", format=form) as container:
        stream = container.add_stream(codec, rate=48_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        for number in range(round(seconds * 50)):
            wave = (round(8000 * math.sin(at / 30)) for at in range(number * 960, (number + 1) * 960))
            frame = av.AudioFrame(format="s16", layout="mono", samples=960)
            frame.sample_rate, frame.pts = 48_000, number * 960
            frame.planes[0].update(array("h", wave).tobytes())
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()
