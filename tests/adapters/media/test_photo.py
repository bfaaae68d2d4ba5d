import io
from itertools import groupby
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageDraw

from lms.adapters.media.intake import inspect_upload
from lms.adapters.media.types import AcceptedFile, RejectedFile
from tests.support import files


def taken_from(folder: Path, content: bytes) -> AcceptedFile:
    source = folder / "received"
    source.write_bytes(content)
    return inspect_upload(source, shown_name="photo", work=folder)


def pictures(taken: AcceptedFile) -> list[Image.Image]:
    paths = [taken.original, *(rendition.path for rendition in taken.renditions)]
    return [Image.open(io.BytesIO(path.read_bytes())) for path in paths]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright_whichever_way_the_phone_was_held(tmp_path: Path, orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    picture = files.upright()
    if orientation in undo:
        picture = picture.transpose(undo[orientation])
    taken = taken_from(tmp_path, files.saved(picture, "JPEG", exif=files.phone_exif(orientation)))
    assert (taken.width, taken.height) == (600, 800)
    assert all(files.stands_upright(copy) for copy in pictures(taken))


@pytest.mark.parametrize("orientation", [1, 6])
def test_an_iphone_photo_is_turned_once_and_not_twice(tmp_path: Path, orientation: int) -> None:
    taken = taken_from(tmp_path, files.heic(orientation=orientation))
    assert (taken.width, taken.height) == (600, 800)
    assert all(files.stands_upright(copy) for copy in pictures(taken))


@pytest.mark.parametrize("rotated", [True, False])
def test_neither_place_nor_phone_nor_comment_is_left_in_any_copy(tmp_path: Path, rotated: bool) -> None:
    straight = files.saved(files.upright(), "JPEG", exif=files.phone_exif(1), comment=files.COMMENT)
    sent = files.rotated_jpeg() if rotated else straight
    assert files.COMMENT in sent
    assert b"Maker of the phone" in sent
    taken = taken_from(tmp_path, sent)
    for copy, picture in zip(
        [taken.original, *(rendition.path for rendition in taken.renditions)], pictures(taken), strict=True
    ):
        content = copy.read_bytes()
        assert files.COMMENT not in content
        assert b"Maker of the phone" not in content
        assert b"Exif" not in content
        assert b"ICC_PROFILE" not in content
        assert not picture.getexif()
        assert set(picture.info) <= {
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
            "progressive",
            "progression",
        }


def test_a_big_photo_is_kept_at_three_thousand_pixels_with_light_copies(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, files.jpeg(4200, 5600))
    assert (taken.width, taken.height) == (2250, 3000)
    web, thumb = taken.renditions
    assert (web.width, web.height) == (960, 1280)
    assert web.size <= 200_000
    assert (thumb.width, thumb.height) == (240, 320)
    assert thumb.size <= 30_000


def test_a_small_photo_is_not_blown_up(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, files.jpeg(60, 80))
    assert [(copy.width, copy.height) for copy in taken.renditions] == [(60, 80), (60, 80)]


def test_a_photo_of_108_megapixels_is_taken(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, files.jpeg(9000, 12000))
    assert max(taken.width or 0, taken.height or 0) <= 3000
    assert all(files.stands_upright(copy) for copy in pictures(taken))


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA", "PA"])
def test_what_one_could_see_through_becomes_white_paper(tmp_path: Path, mode: str) -> None:
    if mode == "PA":
        content = files.saved(Image.new("P", (50, 50), 0), "PNG", transparency=0)
    else:
        content = files.png(mode)
    taken = taken_from(tmp_path, content)
    for copy in pictures(taken):
        assert copy.mode == "RGB"
        corner = copy.getpixel((copy.width - 3, copy.height - 3))
        assert isinstance(corner, tuple)
        if mode != "P":  # Pillow flattens onto black when it makes a palette
            assert min(corner) > 250


@pytest.mark.parametrize("mode", ["L", "1", "CMYK", "I;16"])
def test_unusual_colours_become_plain_ones(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        content = files.saved(Image.new("I;16", (64, 64), 32_768), "PNG")
    elif mode == "1":
        content = files.saved(files.upright().convert("1"), "PNG")
    else:
        content = files.saved(files.upright().convert(mode), "JPEG")
    copy = pictures(taken_from(tmp_path, content))[0]
    assert copy.mode == "RGB"
    if mode == "CMYK":
        assert files.stands_upright(copy)
    if mode == "I;16":
        grey = copy.getpixel((30, 30))
        assert isinstance(grey, tuple)
        assert 120 < grey[0] < 136


def test_a_colour_profile_is_applied_and_dropped(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    odd = taken_from(tmp_path, files.saved(files.upright(), "JPEG", icc_profile=profile))
    assert files.stands_upright(pictures(odd)[0])  # a profile that does not fit is ignored
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    fitting = taken_from(tmp_path, files.saved(files.upright(), "JPEG", icc_profile=srgb))
    assert files.stands_upright(pictures(fitting)[0])
    assert b"ICC_PROFILE" not in fitting.original.read_bytes()


def test_a_phone_that_hides_a_second_picture_in_the_file_is_welcome(tmp_path: Path) -> None:
    second = Image.new("RGB", (100, 100))
    taken = taken_from(tmp_path, files.saved(files.upright(), "MPO", save_all=True, append_images=[second]))
    assert (taken.width, taken.height) == (600, 800)
    assert files.stands_upright(pictures(taken)[0])


def test_what_a_phone_appends_after_the_picture_does_no_harm(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, files.jpeg() + b"SEFHe\0\0" + b"\xff" * 300)
    assert files.stands_upright(pictures(taken)[0])


@pytest.mark.parametrize("progressive", [False, True])
def test_no_photo_is_kept_half_grey(tmp_path: Path, progressive: bool) -> None:
    whole = files.saved(files.noise(800, 600), "JPEG", quality=90, progressive=progressive)
    half = whole[: len(whole) // 2]
    broken = [half, half + bytes(len(half)), whole[:-2]]
    if not progressive:
        broken.append(half + b"\xff\xd9")  # an end put on by the phone: decoders say nothing
    for content in broken:
        with pytest.raises(RejectedFile) as refused:
            taken_from(tmp_path, content)
        assert refused.value.code == "file_broken"


def test_broken_notes_of_the_phone_do_not_cost_the_photo(tmp_path: Path) -> None:
    content = files.saved(files.upright(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage")
    assert files.stands_upright(pictures(taken_from(tmp_path, content))[0])


@pytest.mark.parametrize(
    ("form", "size"),
    [
        ("JPEG", (1080, 14_000)),
        ("JPEG", (9000, 1500)),
        ("PNG", (720, 5000)),
        ("WEBP", (1080, 7000)),
        ("HEIF", (4000, 1200)),
    ],
)
def test_a_long_screenshot_or_panorama_is_kept_and_shown_legibly(
    tmp_path: Path, form: str, size: tuple[int, int]
) -> None:
    taken = taken_from(tmp_path, files.saved(Image.new("RGB", size, "white"), form))
    assert min(taken.width or 0, taken.height or 0) >= min(1000, *size)
    pages = [rendition for rendition in taken.renditions if rendition.purpose == "web"]
    assert [rendition.page for rendition in pages] == list(range(1, len(pages) + 1))
    assert 1 < len(pages) <= 20
    for page in pages:
        assert min(page.width, page.height) >= min(1000, *size)
        assert max(page.width, page.height) < 2 * min(page.width, page.height)
    assert min(taken.renditions[1].width, taken.renditions[1].height) > 150  # the thumbnail is the first page


def test_what_is_cut_between_two_pages_stands_whole_on_one_of_them(tmp_path: Path) -> None:
    """Lines of 40 pixels on a screenshot, in twenty reds one after the other."""
    screen = Image.new("RGB", (1000, 10_000), "white")
    draw = ImageDraw.Draw(screen)
    for line in range(166):
        draw.rectangle((100, line * 60, 900, line * 60 + 39), fill=(line % 20 * 12, 0, 0))
    taken = taken_from(tmp_path, files.saved(screen, "PNG"))
    before = -1
    for page in (picture for picture in pictures(taken)[1:] if picture.width == 1000):
        lines = whole_lines(page)
        assert (lines[0] - before) % 20 in (1, 0, 19)  # the next one, or the last ones again
        before = lines[-1]
    assert before == 165 % 20


def whole_lines(page: Image.Image) -> list[int]:
    column = page.crop((500, 0, 501, page.height)).tobytes()
    rows = zip(column[::3], column[1::3], strict=True)
    runs = [(dark, [red for red, _ in run]) for dark, run in groupby(rows, key=lambda row: row[1] < 60)]
    return [round(sum(reds) / len(reds) / 12) for dark, reds in runs if dark and len(reds) >= 36]


def test_a_long_photo_of_ordinary_width_is_one_page(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, files.jpeg(1080, 2400))
    assert (taken.width, taken.height) == (1080, 2400)
    assert [(r.purpose, r.page, r.width) for r in taken.renditions] == [("web", 1, 1080), ("thumb", 1, 144)]


def test_the_longest_roll_is_shown_in_twenty_pages(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, files.saved(Image.new("L", (720, 50_000), 255), "PNG"))
    assert (taken.width, taken.height) == (720, 50_000)
    assert sum(rendition.purpose == "web" for rendition in taken.renditions) == 20


def shade(copy: Image.Image, y: int) -> int:
    """How light the middle of this row is, of 300 rows."""
    return copy.convert("L").resize((1, 300)).tobytes()[y]


def written(ink: str, mode: str, *, paper: str | None = None) -> Image.Image:
    """Writing on glass: lines of this ink, on a part of paper or on nothing."""
    picture = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    if paper:
        draw.rectangle((40, 20, 360, 280), fill=paper)
    for top in range(40, 260, 40):
        draw.rectangle((60, top, 340, top + 7), fill=ink)
    return picture.quantize() if mode == "P" else picture.convert(mode)


@pytest.mark.parametrize(
    ("ink", "form", "mode"),
    [
        *((ink, "PNG", "RGBA") for ink in ("white", "#ffff00", "#d0ffd0", "black", "#808080", "red")),
        ("white", "PNG", "LA"),
        ("#e0e0e0", "PNG", "P"),
        ("white", "WEBP", "RGBA"),
        ("white", "HEIF", "RGBA"),
    ],
)
def test_ink_on_a_transparent_ground_can_be_read(tmp_path: Path, ink: str, form: str, mode: str) -> None:
    for copy in pictures(taken_from(tmp_path, files.saved(written(ink, mode), form))):
        assert abs(shade(copy, 44) - shade(copy, 20)) > 60


def test_light_and_dark_ink_on_one_transparent_ground_can_both_be_read(tmp_path: Path) -> None:
    both = written("white", "RGBA")
    both.alpha_composite(written("black", "RGBA").crop((0, 0, 400, 150)))
    for copy in pictures(taken_from(tmp_path, files.saved(both, "PNG"))):
        assert shade(copy, 244) - shade(copy, 20) > 60
        assert shade(copy, 20) - shade(copy, 44) > 60


@pytest.mark.parametrize("ink", ["black", "#2040c0"])
def test_dark_ink_keeps_its_white_paper(tmp_path: Path, ink: str) -> None:
    copy = pictures(taken_from(tmp_path, files.saved(written(ink, "RGBA"), "PNG")))[0]
    assert copy.getpixel((5, 5)) == (255, 255, 255)


def test_a_screenshot_with_round_corners_keeps_white_corners(tmp_path: Path) -> None:
    screen = files.upright()
    corners = Image.new("L", screen.size, 255)
    ImageDraw.Draw(corners).rectangle((0, 0, 30, 30), fill=0)
    screen.putalpha(corners)
    copy = pictures(taken_from(tmp_path, files.saved(screen, "PNG")))[0]
    assert copy.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("band", [9, 300])
@pytest.mark.parametrize("options", [{"progressive": True}, {"optimize": True}, {"restart_marker_rows": 1}])
def test_a_photo_that_ends_in_grey_is_taken(
    tmp_path: Path, mode: str, band: int, options: dict[str, int]
) -> None:
    photo = files.noise(800, 600)
    photo.paste((128, 128, 128), (0, 600 - band, 800, 600))
    taken = taken_from(tmp_path, files.saved(photo.convert(mode), "JPEG", quality=85, **options))
    assert (taken.width, taken.height) == (800, 600)


@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"restart_marker_rows": 1}, {"subsampling": 0}])
@pytest.mark.parametrize(("part", "size"), [(0.2, (800, 600)), (0.9, (800, 600)), (0.5, (4800, 3600))])
def test_an_end_mark_put_on_a_cut_photo_does_not_make_it_whole(
    tmp_path: Path, options: dict[str, int], part: float, size: tuple[int, int]
) -> None:
    whole = files.saved(files.noise(*size), "JPEG", quality=85, **options)
    with pytest.raises(RejectedFile, match="file_broken"):
        taken_from(tmp_path, whole[: int(len(whole) * part)] + b"\xff\xd9")


@pytest.mark.parametrize(
    "tail", [b"\0" * 3, b"\0" * 500, b"TAG" + b"x" * 125, b"APETAGEX" + b"x" * 24, b"SEFT\4\0\0\0"]
)
def test_what_stands_after_a_photo_does_no_harm(tmp_path: Path, tail: bytes) -> None:
    for content in (files.heic(), files.jpeg(), files.saved(files.upright(), "PNG"), files.webp()):
        assert files.stands_upright(pictures(taken_from(tmp_path, content + tail))[0])
