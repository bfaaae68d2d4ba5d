"""Turn a photo into clean pictures: upright, sRGB, on a plain ground, with nothing in them but pixels.

Runs in the child process.
"""

import io
import math
import re
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, ImageChops, ImageCms, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from lms.adapters.media.boxes import whole_boxes
from lms.adapters.media.decode import Facts, serve
from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode

KEPT_SIDE, WEB_SIDE, THUMB_SIDE = 3000, 1280, 320
# A screenshot of a conversation, a panorama or a till receipt: the short side stays legible.
# Shrinking it a little would take seconds and blur it.
LONG, SHORT_SIDE, LITTLE = 1.55, 1000, 0.8
# Longer ones are shown in pages; what the cut would divide stands whole on one of the two.
MAX_RATIO, MAX_PAGES, OVERLAP = 2.5, 20, 0.08
WEB_BYTES, THUMB_BYTES = 200_000, 30_000
WEB_QUALITIES: tuple[int, ...] = (80, 72, 64, 56, 48)
MEGA = 1_000_000
# As much as fits into the memory of the child. JPEG takes the least (it is decoded at half size where that is
# enough) and is the only format in which phones write 108 megapixels; WebP takes the most (its decoder holds
# several canvases). MPO is a JPEG with more than one picture in it; the first is the photo.
MAX_PIXELS = {"JPEG": 110 * MEGA, "MPO": 110 * MEGA, "PNG": 48 * MEGA, "HEIF": 52 * MEGA, "WEBP": 36 * MEGA}
MAX_SIDE = 65_000  # a JPEG can hold 65,500
# Only these decoders are loaded, so that a file can reach no other.
_FORMATS = [
    JpegImagePlugin.JpegImageFile.format,
    PngImagePlugin.PngImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
    "HEIF",
]
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# White paper first: the others are only for ink that it would hide.
_GROUNDS = (255, 32, 128)
_ROWS_AT_ONCE = 32  # the most that a JPEG codes together
_CONTRAST, _VISIBLE = 72, 32
_QUICK_TO_SAVED = 0.85  # the least that is left of a quick encoding
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def look(source: Path, work: Path) -> Facts:
    """Check and clean a photo, save the clean picture, web pictures and thumbnail, and return their facts."""
    picture = clean(source)
    made = [save_jpeg(picture, work / "clean.jpg", quality=85, role="clean")]
    qualities = WEB_QUALITIES
    for page, piece in enumerate(cut_into_pages(picture), start=1):
        copies = screen_copies(piece, work, page=page, thumb=page == 1, qualities=qualities)
        made += copies
        # The next page is much like this one: what was too big here is not tried again.
        qualities = tuple(quality for quality in WEB_QUALITIES if quality <= copies[0]["quality"])
    return {"made": made}


def clean(source: Path) -> Image.Image:
    """Return the photo upright, in sRGB, on a plain ground, small enough to be kept.

    Raises `RejectedFile` when it is damaged, cut off or has too many pixels.
    """
    # Off, because our own limits below decide which pictures are too big.
    Image.MAX_IMAGE_PIXELS = None
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=2)
    picture = _upright(_open(_whole_part(source.read_bytes())))
    shrink_legibly(picture, KEPT_SIDE)
    return _srgb_on_ground(picture)


def _open(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data), formats=_FORMATS)
    width, height = picture.size
    if width * height > MAX_PIXELS[picture.format or ""] or max(width, height) > MAX_SIDE:
        raise RejectedFile(RefusalCode.FILE_TOO_MANY_PIXELS)
    if picture.format in ("JPEG", "MPO"):
        scale = legible_scale(picture.size, KEPT_SIDE)
        if scale < 1:
            picture.draft(None, (int(width * scale), int(height * scale)))
    picture.load()
    if picture.format in ("JPEG", "MPO") and _ends_early(data, picture):
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    return picture


def _ends_early(data: bytes, picture: Image.Image) -> bool:
    """Return whether the last rows are missing although the end mark is there: somebody put it on.

    The decoder fills missing rows with one grey, but a photo may end in that grey too. In a whole file, its
    last bytes are the last rows. In a cut one they are rows further up.
    """
    width, height = picture.size
    last = picture.crop((0, max(0, height - 2), width, height))
    if picture.mode not in ("L", "RGB") or height <= 8 or set(last.tobytes()) != {128}:
        return False
    end, scans = _jpeg_end(data)
    if picture.info.get("progressive"):
        return scans == 1  # the first scan draws all rows, later ones refine them
    shorter = Image.open(io.BytesIO(data[: end - 8] + b"\xff\xd9"), formats=["JPEG"])
    shorter.draft(None, picture.size)
    shorter.load()
    changed = ImageChops.difference(picture, shorter).getbbox()
    return changed is not None and changed[3] <= height - _ROWS_AT_ONCE


def _upright(picture: Image.Image) -> Image.Image:
    """Turn the picture as its EXIF says; the decoder of HEIC has done so and has reset the EXIF."""
    try:
        turn = _TURNS.get(int(picture.getexif().get(0x0112, 1)))
    except Exception:  # noqa: BLE001
        turn = None  # EXIF from phones is often damaged; that is no reason to reject the picture
    if turn is None:
        return picture
    profile = picture.info.get("icc_profile")
    # Shrunk first, which makes the turn cheap; the long side stays the long side.
    shrink_legibly(picture, KEPT_SIDE)
    turned = picture.transpose(turn)
    turned.info = {"icc_profile": profile} if profile else {}
    return turned


def legible_scale(size: tuple[float, float], side: int) -> float:
    """Return the scale at which the long side is `side`; for a long picture, the short side `SHORT_SIDE`."""
    short, long = sorted(size)
    scale = side / long if long <= LONG * short else max(side / long, SHORT_SIDE / short)
    return 1 if LITTLE <= scale < 1 and scale > side / long else scale


def shrink_legibly(picture: Image.Image, side: int) -> None:
    """Shrink the picture in place to at most this side, a long one as far as it stays legible."""
    scale = legible_scale(picture.size, side)
    if scale < 1:
        shrink(picture, round(max(picture.size) * scale))


def shrink(picture: Image.Image, side: int) -> None:
    """Shrink the picture in place to at most this side."""
    if picture.mode in ("P", "1", "I;16"):
        return  # cannot be resampled well before the conversion
    # Half the time of Lanczos; of a photo of a page the difference is not seen (SSIM 0.994).
    picture.thumbnail((side, side), Image.Resampling.HAMMING, reducing_gap=1.0)


def cut_into_pages(picture: Image.Image) -> list[Image.Image]:
    """Return the picture, or for one that is very long its parts, from the top or the left on."""
    short, long = sorted(picture.size)
    if long <= MAX_RATIO * short or long <= WEB_SIDE:
        return [picture]
    overlap = int(min(OVERLAP * short, WEB_SIDE / 4))
    step = max(WEB_SIDE / SHORT_SIDE * min(short, SHORT_SIDE), WEB_SIDE) - overlap
    pages = min(MAX_PAGES, math.ceil((long - overlap) / step))
    step = math.ceil((long - overlap) / pages)
    starts = range(0, long - overlap, step)
    if picture.height == long:
        return [picture.crop((0, at, short, min(long, at + step + overlap))) for at in starts]
    return [picture.crop((at, 0, min(long, at + step + overlap), short)) for at in starts]


def _srgb_on_ground(picture: Image.Image) -> Image.Image:
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I"):  # 16 bits a sample
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    if "transparency" in picture.info or picture.mode in ("P", "PA", "LA", "La", "RGBa"):
        picture = picture.convert("RGBA" if _see_through(picture) else "RGB")
    shrink_legibly(picture, KEPT_SIDE)
    if picture.mode == "RGBA":
        alpha = picture.getchannel("A")
        colours = _srgb(picture.convert("RGB"), profile)
        picture = Image.new("RGB", picture.size, (_ground(colours, alpha),) * 3)
        picture.paste(colours, mask=alpha)
    else:
        picture = _srgb(picture, profile)
    picture.info = {}
    return picture


def _ground(colours: Image.Image, alpha: Image.Image) -> int:
    """Return the grey on which the visible pixels stand out: white, unless the ink is light."""
    solid = alpha.point(lambda value: 255 if value > _VISIBLE else 0)
    shades = colours.convert("L").histogram(solid)
    if sum(shades) > 0.98 * alpha.width * alpha.height:
        return _GROUNDS[0]  # no ink on glass: a screenshot with round corners

    def hidden(ground: int) -> int:
        return sum(shades[max(0, ground - _CONTRAST) : ground + _CONTRAST + 1])

    if hidden(_GROUNDS[0]) <= 0.02 * sum(shades):
        return _GROUNDS[0]
    return min(_GROUNDS, key=hidden)


def _see_through(picture: Image.Image) -> bool:
    return "transparency" in picture.info or picture.mode in ("PA", "LA", "La", "RGBa")


def _srgb(picture: Image.Image, profile: Any) -> Image.Image:
    if profile and picture.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a damaged profile: taking the numbers as sRGB is the best guess
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def screen_copies(
    picture: Image.Image,
    work: Path,
    *,
    page: int,
    thumb: bool = True,
    qualities: tuple[int, ...] = WEB_QUALITIES,
) -> list[Facts]:
    """Save the web picture and, with `thumb`, the thumbnail, and return their facts."""
    web = picture.copy()
    shrink_legibly(web, WEB_SIDE)
    room = WEB_BYTES * max(1, web.width * web.height // WEB_SIDE**2)
    made = [save_within(web, work / f"web-{page}.jpg", room, qualities, role="web", page=page)]
    if thumb:
        first = cut_into_pages(web)[0]
        shrink(first, THUMB_SIDE)
        small = work / f"thumb-{page}.jpg"
        made.append(save_within(first, small, THUMB_BYTES, (75, 60, 45), role="thumb", page=page))
    return made


def save_within(
    picture: Image.Image, path: Path, size: int, qualities: tuple[int, ...], *, role: str, page: int = 1
) -> Facts:
    """Save as JPEG with the first quality that fits into `size` bytes, else with the last one.

    `qualities`: the best first. A quick encoding, which takes more bytes, finds where to begin.
    """
    *better, last = qualities
    for quality in better:
        quick = io.BytesIO()
        picture.save(quick, "JPEG", quality=quality)
        if quick.tell() * _QUICK_TO_SAVED <= size:
            facts = save_jpeg(picture, path, quality=quality, role=role, page=page)
            if path.stat().st_size <= size:
                return facts
    return save_jpeg(picture, path, quality=last, role=role, page=page)


def save_jpeg(picture: Image.Image, path: Path, *, quality: int, role: str, page: int = 1) -> Facts:
    """Save as JPEG and return the facts of the picture."""
    picture.info = {}  # else Pillow would write comment, EXIF and profile
    picture.save(path, "JPEG", quality=quality, optimize=role != "clean", progressive=role == "web")
    return {
        "role": role,
        "name": path.name,
        "width": picture.width,
        "height": picture.height,
        "page": page,
        "quality": quality,
    }


def _whole_part(data: bytes) -> bytes:
    """Return the file without what stands after its end.

    Raises `RejectedFile` for one that was cut off on the way: a decoder would show a half grey picture.
    """
    if data.startswith(b"\xff\xd8"):
        _jpeg_end(data)  # a second picture may follow, to which the first refers
    elif data.startswith(b"\x89PNG"):
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            picture.verify()
    elif data.startswith(b"RIFF"):
        if int.from_bytes(data[4:8], "little") + 8 > len(data):
            raise RejectedFile(RefusalCode.FILE_BROKEN)
    else:
        return whole_boxes(data)
    return data


def _jpeg_end(data: bytes) -> tuple[int, int]:
    """Walk from marker to marker to the end of the picture; return where it is, and the number of scans.

    Raises `RejectedFile` when there is no end.
    """
    at, scans = 2, 0
    while True:
        found = _MARKER.search(data, at)
        if found is None:
            raise RejectedFile(RefusalCode.FILE_BROKEN)
        marker, at = found.group()[1], found.end()
        if marker == _END_OF_IMAGE:
            return found.start(), scans
        scans += marker == _START_OF_SCAN
        if marker != 0x01:
            at += int.from_bytes(data[at : at + 2], "big")


if __name__ == "__main__":
    serve(look)
