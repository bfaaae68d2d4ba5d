"""Turn a photo into three clean pictures: upright, sRGB, on white, with nothing in them but pixels.

Runs in the child process.
"""

import io
import re
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, ImageCms, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from lms.adapters.media.decode import Facts, serve
from lms.adapters.media.isobmff import check_whole
from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode

KEPT_SIDE, WEB_SIDE, THUMB_SIDE = 3000, 1280, 320
WEB_BYTES, THUMB_BYTES = 200_000, 30_000
MEGA = 1_000_000
# As much as fits into the memory of the child. JPEG takes the least (it is decoded at half size where that is
# enough) and is the only format in which phones write 108 megapixels; WebP takes the most (its decoder holds
# several canvases). MPO is a JPEG with more than one picture in it; the first is the photo.
MAX_PIXELS = {"JPEG": 110 * MEGA, "MPO": 110 * MEGA, "PNG": 48 * MEGA, "HEIF": 52 * MEGA, "WEBP": 36 * MEGA}
MAX_SIDE = 30_000
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
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def look(source: Path, work: Path) -> Facts:
    """Check and clean a photo, save the clean picture, web picture and thumbnail, and return their facts."""
    picture = clean(source)
    made = [save_jpeg(picture, work / "clean.jpg", quality=85, role="clean")]
    made += screen_copies(picture, work, page=1)
    return {"made": made}


def clean(source: Path) -> Image.Image:
    """Return the photo upright, in sRGB on white, at most `KEPT_SIDE` pixels long.

    Raises `RejectedFile` when it is damaged, cut off or has too many pixels.
    """
    # Off, because our own limits below decide which pictures are too big.
    Image.MAX_IMAGE_PIXELS = None
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=2)
    _check_whole(source)
    picture = _upright(_open(source))
    shrink(picture, KEPT_SIDE)
    return _srgb_on_white(picture)


def _open(source: Path) -> Image.Image:
    picture = Image.open(source, formats=_FORMATS)
    width, height = picture.size
    if width * height > MAX_PIXELS[picture.format or ""] or max(width, height) > MAX_SIDE:
        raise RejectedFile(RefusalCode.FILE_TOO_MANY_PIXELS)
    if picture.format in ("JPEG", "MPO"):
        scale = max(width, height) / KEPT_SIDE
        if scale > 1:
            picture.draft(None, (int(width / scale), int(height / scale)))
    picture.load()
    if picture.format in ("JPEG", "MPO") and _greyed_out(picture):
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    return picture


def _greyed_out(picture: Image.Image) -> bool:
    """Return whether the last rows are missing, which the decoder fills with this grey."""
    width, height = picture.size
    last = picture.crop((0, max(0, height - 2), width, height))
    return picture.mode in ("L", "RGB") and set(last.tobytes()) == {128} and height > 8


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
    shrink(picture, KEPT_SIDE)
    turned = picture.transpose(turn)
    turned.info = {"icc_profile": profile} if profile else {}
    return turned


def shrink(picture: Image.Image, side: int) -> None:
    """Shrink the picture in place to at most this side."""
    if picture.mode in ("P", "1", "I;16"):
        return  # cannot be resampled well before the conversion
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)


def _srgb_on_white(picture: Image.Image) -> Image.Image:
    profile = picture.info.get("icc_profile")
    if picture.mode.startswith("I"):  # 16 bits a sample
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    if "transparency" in picture.info or picture.mode in ("P", "PA", "LA", "La", "RGBa"):
        picture = picture.convert("RGBA" if _see_through(picture) else "RGB")
    if picture.mode == "RGBA":
        white = Image.new("RGB", picture.size, "white")
        colours = picture.convert("RGB")
        white.paste(_srgb(colours, profile), mask=picture.getchannel("A"))
        picture = white
    else:
        picture = _srgb(picture, profile)
    shrink(picture, KEPT_SIDE)
    picture.info = {}
    return picture


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


def screen_copies(picture: Image.Image, work: Path, *, page: int, thumb: bool = True) -> list[Facts]:
    """Save the web picture and, with `thumb`, the thumbnail, and return their facts."""
    web = picture.copy()
    shrink(web, WEB_SIDE)
    made = [
        save_within(web, work / f"web-{page}.jpg", WEB_BYTES, (80, 72, 64, 56, 48), role="web", page=page)
    ]
    if thumb:
        shrink(web, THUMB_SIDE)
        small = work / f"thumb-{page}.jpg"
        made.append(save_within(web, small, THUMB_BYTES, (75, 60, 45), role="thumb", page=page))
    return made


def save_within(
    picture: Image.Image, path: Path, size: int, qualities: tuple[int, ...], *, role: str, page: int = 1
) -> Facts:
    """Save as JPEG with the first quality that fits into `size` bytes, else with the last one.

    `qualities`: the best first.
    """
    best, *lower = qualities
    facts = save_jpeg(picture, path, quality=best, role=role, page=page)
    for quality in lower:
        if path.stat().st_size <= size:
            break
        facts = save_jpeg(picture, path, quality=quality, role=role, page=page)
    return facts


def save_jpeg(picture: Image.Image, path: Path, *, quality: int, role: str, page: int = 1) -> Facts:
    """Save as JPEG and return the facts of the picture."""
    picture.info = {}  # else Pillow would write comment, EXIF and profile
    picture.save(path, "JPEG", quality=quality, optimize=role != "clean", progressive=role == "web")
    return {"role": role, "name": path.name, "width": picture.width, "height": picture.height, "page": page}


def _check_whole(source: Path) -> None:
    """Reject a file that was cut off on the way, of which a decoder would show a half grey picture."""
    data = source.read_bytes()
    if data.startswith(b"\xff\xd8"):
        _check_jpeg_ends(data)
    elif data.startswith(b"\x89PNG"):
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            picture.verify()
    elif data.startswith(b"RIFF"):
        if int.from_bytes(data[4:8], "little") + 8 > len(data):
            raise RejectedFile(RefusalCode.FILE_BROKEN)
    else:
        check_whole(data)


def _check_jpeg_ends(data: bytes) -> None:
    """Walk from marker to marker up to the end of the picture, after which phones append other data."""
    at = 2
    while True:
        found = _MARKER.search(data, at)
        if found is None:
            raise RejectedFile(RefusalCode.FILE_BROKEN)
        marker, at = found.group()[1], found.end()
        if marker == 0xD9:
            return
        if marker != 0x01:
            at += int.from_bytes(data[at : at + 2], "big")


if __name__ == "__main__":
    serve(look)
