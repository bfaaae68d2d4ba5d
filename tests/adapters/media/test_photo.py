import io
from pathlib import Path

import pytest
from PIL import Image, ImageCms

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
