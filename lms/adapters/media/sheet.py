"""Draw sheets of homework as a phone would photograph them, for the demo school."""

import io
import math
import random
import unicodedata
from typing import Literal

import pillow_heif
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Format = Literal["JPEG", "HEIC", "PDF"]

WIDTH, HEIGHT = 1500, 2000
_MARGIN, _FIRST_LINE, _LINE = 210, 300, 92
_PAPER, _RULE, _EDGE, _INK = (250, 247, 238), (171, 196, 222), (222, 150, 150), (28, 44, 118)
_SLANT, _SIZE = 0.16, 58
_TABLE = (116, 92, 74)
# Pillow's own font has no accented letters: accents are drawn as strokes around the middle of the letter, in
# parts of the font size. (x, y) with y counted upwards from the top of the letter.
_ACCENTS: dict[str, list[tuple[tuple[float, float], ...]]] = {
    "\u0300": [((-0.12, 0.24), (0.06, 0.09))],
    "\u0301": [((-0.06, 0.09), (0.12, 0.24))],
    "\u0302": [((-0.14, 0.09), (0.0, 0.22), (0.14, 0.09))],
    "\u0308": [((-0.12, 0.14), (-0.11, 0.15)), ((0.11, 0.14), (0.12, 0.15))],
}
_CEDILLA = "\u0327"
_SPELLED = str.maketrans({"œ": "oe", "Œ": "Oe", "æ": "ae", "€": "euros", "\u00a0": " ", "\u202f": " "})


def draw_sheet(lines: list[str], *, rotated: bool = False, format: Format = "JPEG") -> bytes:  # noqa: A002
    """Return a picture of a handwritten sheet; the same lines always give the same picture.

    `rotated` turns the pixels and states it in the EXIF, as phones do. A PDF is always upright, as from a
    scanner.
    """
    chance = random.Random("\n".join(lines))  # noqa: S311 a drawing, no secret
    picture = _photographed(_written(_paper(), lines, chance), chance)
    out = io.BytesIO()
    if format == "PDF":
        picture.save(out, "PDF", resolution=180, quality=80)
        return out.getvalue()
    exif = Image.Exif()
    exif[0x010F] = "Passerelle"
    if rotated:
        picture = picture.transpose(Image.Transpose.ROTATE_90)
        exif[0x0112] = 6
    if format == "HEIC":
        pillow_heif.register_heif_opener()
        fast = {"preset": "ultrafast"}  # the first start of the demo school waits for this
        picture.save(out, "HEIF", quality=55, exif=exif.tobytes(), enc_params=fast)
    else:
        picture.save(out, "JPEG", quality=82, exif=exif)
    return out.getvalue()


def _paper() -> Image.Image:
    paper = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    draw = ImageDraw.Draw(paper)
    for y in range(_FIRST_LINE, HEIGHT - 80, _LINE):
        draw.line((0, y, WIDTH, y), fill=_RULE, width=3)
    draw.line((_MARGIN - 40, 0, _MARGIN - 40, HEIGHT), fill=_EDGE, width=3)
    return paper


def _written(paper: Image.Image, lines: list[str], chance: random.Random) -> Image.Image:
    """Write word by word, each a little higher, lower, larger or darker than the last, as by hand."""
    ink = Image.new("L", paper.size, 0)
    draw = ImageDraw.Draw(ink)
    rules = list(range(_FIRST_LINE, HEIGHT - 80, _LINE))
    for y, line in zip(rules, _wrapped(lines), strict=False):
        x = _MARGIN + chance.uniform(0, 14) + _SLANT * y  # the slant below takes this back
        for word in line.split():
            font = ImageFont.load_default(_SIZE + chance.uniform(-2.5, 2.5))
            baseline, shade = y - 4 + chance.uniform(-5, 4), chance.randint(205, 255)
            x += _write(draw, (x, baseline), word, font, shade) + 20 + chance.uniform(-3, 8)
    ink = ink.transform(ink.size, Image.Transform.AFFINE, (1, _SLANT, 0, 0, 1, 0), Image.Resampling.BILINEAR)
    paper.paste(Image.new("RGB", paper.size, _INK), mask=ink.filter(ImageFilter.GaussianBlur(0.8)))
    return paper


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    word: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    shade: int,
) -> float:
    """Draw a word and return its width in pixels."""
    x, baseline = at
    plain = ""
    for char in unicodedata.normalize("NFD", word):
        if not unicodedata.combining(char):
            plain += char
            continue
        middle = x + draw.textlength(plain, font=font) - draw.textlength(plain[-1:], font=font) / 2
        _, top, _, _ = draw.textbbox((x, baseline), plain[-1:].replace("i", "x"), font=font, anchor="ls")
        if char == _CEDILLA:
            draw.arc((middle - 9, baseline - 3, middle + 9, baseline + 15), -90, 130, fill=shade, width=5)
        for stroke in _ACCENTS.get(char, []):
            points = [(middle + dx * _SIZE, top - dy * _SIZE) for dx, dy in stroke]
            draw.line(points, fill=shade, width=6, joint="curve")
    draw.text(at, plain, fill=shade, font=font, anchor="ls")
    return draw.textlength(plain, font=font)


def _wrapped(lines: list[str]) -> list[str]:
    """Wrap the lines to the width of the paper."""
    font = ImageFont.load_default(_SIZE + 2)
    fitting: list[str] = []
    for line in lines:
        row = ""
        for word in line.translate(_SPELLED).split():
            longer = f"{row} {word}".strip()
            bare = "".join(c for c in unicodedata.normalize("NFD", longer) if not unicodedata.combining(c))
            if row and font.getlength(bare) + 12 * longer.count(" ") > WIDTH - _MARGIN - 90:
                fitting.append(row)
                longer = word
            row = longer
        fitting.append(row)
    return fitting


def _photographed(paper: Image.Image, chance: random.Random) -> Image.Image:
    """Lay the paper a little crooked on a brown table, lit from one side, with the grain of a cheap phone."""
    angle = chance.choice((-1, 1)) * chance.uniform(0.6, 1.6)
    small = paper.resize((WIDTH - 120, HEIGHT - 160), Image.Resampling.LANCZOS).convert("RGBA")
    turned = small.rotate(angle, Image.Resampling.BILINEAR, expand=True)
    picture = Image.new("RGB", (WIDTH, HEIGHT), _TABLE)
    picture.paste(turned, ((WIDTH - turned.width) // 2, (HEIGHT - turned.height) // 2), mask=turned)
    return Image.composite(picture, Image.new("RGB", picture.size, (40, 34, 30)), _light(chance))


def _light(chance: random.Random) -> Image.Image:
    side = chance.choice((0.15, 0.85))
    columns, rows = 60, 80
    light = Image.new("L", (columns, rows))
    light.putdata(
        [
            int(255 - 95 * min(1.0, math.dist((x / columns, y / rows), (side, 0.2)) ** 1.6))
            for y in range(rows)
            for x in range(columns)
        ]
    )
    smooth = light.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    grain = Image.frombytes("L", (WIDTH // 2, HEIGHT // 2), chance.randbytes(WIDTH // 2 * (HEIGHT // 2)))
    return Image.blend(smooth, grain.resize(smooth.size, Image.Resampling.BICUBIC), 0.025)
