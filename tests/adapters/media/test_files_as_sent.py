"""Files as people have them, made once by hand; tests/fixtures/README.md says how each one is odd."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from lms.adapters.media.intake import inspect_upload
from lms.adapters.media.types import AcceptedFile, RejectedFile
from tests.support.files import AS_SENT, ink, stands_upright

Take = Callable[[str], AcceptedFile]


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Check a file of tests/fixtures/files as if it was uploaded."""
    return lambda name: inspect_upload(AS_SENT / name, shown_name=name, work=tmp_path)


def refusal(take: Take, name: str) -> str:
    with pytest.raises(RejectedFile) as rejected:
        take(name)
    return rejected.value.code


@pytest.mark.parametrize(
    ("name", "top", "bottom"),
    [
        ("pdf-form-filled.pdf", 0.24, 0.29),
        ("pdf-freetext-no-appearance.pdf", 0.33, 0.41),
    ],
)
def test_what_was_written_into_a_pdf_is_in_picture_and_thumbnail(
    take: Take, name: str, top: float, bottom: float
) -> None:
    page, thumb = take(name).renditions
    assert ink(page.path, top, bottom) > 400
    assert ink(thumb.path, top, bottom) > 20
    assert ink(page.path, 0.5, 1) == 0


@pytest.mark.parametrize(
    "name",
    [
        "pdf-5000-zeros-after.pdf",
        "pdf-empty-mediabox.pdf",
        "pdf-highlight.pdf",
        "pdf-html-after.pdf",
        "pdf-huge-page.pdf",
        "pdf-junk-2000-before.pdf",
        "pdf-linearized-then-resaved.pdf",
        "pdf-no-mediabox.pdf",
        "pdf-note.pdf",
        "pdf-owner-password-RC4-128.pdf",
        "pdf-owner-password-RC4-40.pdf",
        "pdf-rotate-90.pdf",
    ],
)
def test_a_pdf_that_can_be_drawn_is_taken(take: Take, name: str) -> None:
    taken = take(name)
    assert (taken.kind, taken.mime, taken.pages) == ("document", "application/pdf", 1)
    assert ink(taken.renditions[0].path) > 0


def test_a_pdf_without_its_first_bytes_is_no_pdf(take: Take) -> None:
    assert refusal(take, "pdf-no-header.pdf") == "file_kind"


@pytest.mark.parametrize(
    "name",
    [
        "heic-named.jpg",
        "heic-ok.heic",
        "jpeg-cmyk.jpg",
        "jpeg-named.heic",
        "jpeg-orientation-long.jpg",
        "jpeg-orientation-text.jpg",
        "jpeg-samsung-trailer.jpg",
        "jpeg-turned-in-xmp-only.jpg",
        "mpo-turned.jpg",
        "png-turned-by-exif.png",
        "ultra-hdr-turned.jpg",
        "webp-turned-by-exif.webp",
    ],
)
def test_a_photo_of_a_phone_is_taken_and_stands_upright(take: Take, name: str) -> None:
    taken = take(name)
    assert (taken.kind, taken.mime, taken.width, taken.height) == ("photo", "image/jpeg", 600, 800)
    for path in (taken.original, *(rendition.path for rendition in taken.renditions)):
        with Image.open(path) as picture:
            assert stands_upright(picture)


def test_an_orientation_that_browsers_do_not_read_is_not_read_here(take: Take) -> None:
    taken = take("jpeg-orientation-byte.jpg")
    assert (taken.width, taken.height) == (800, 600)


def test_a_grey_of_sixteen_bits_stays_grey(take: Take) -> None:
    taken = take("png-16bit-grey.png")
    assert (taken.kind, taken.width, taken.height) == ("photo", 300, 400)


def test_a_photo_that_ends_in_grey_is_whole(take: Take) -> None:
    taken = take("photo-grey-band-below.jpg")
    assert (taken.kind, taken.width, taken.height) == ("photo", 600, 800)


@pytest.mark.parametrize("name", ["avif-photo.avif", "jpeg-leading-newline.jpg"])
def test_a_picture_of_another_kind_is_not_taken(take: Take, name: str) -> None:
    assert refusal(take, name) == "file_kind"
