"""A photo for our own pages: as clean as the others, and light."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from lms.adapters.media.intake import inspect_small_image
from lms.adapters.media.small import BYTES, SIDE
from lms.adapters.media.types import RejectedFile
from tests.support import files


def small(folder: Path, content: bytes) -> bytes:
    source = folder / "received"
    source.write_bytes(content)
    return inspect_small_image(source, work=folder).read_bytes()


@pytest.mark.parametrize("content", [files.rotated_jpeg(), files.heic(orientation=6)], ids=["jpeg", "heic"])
def test_it_stands_upright_and_nothing_but_pixels_is_left(tmp_path: Path, content: bytes) -> None:
    made = small(tmp_path, content)
    picture = Image.open(io.BytesIO(made))
    assert picture.format == "JPEG"
    assert files.stands_upright(picture)
    assert not picture.getexif()
    assert b"Maker of the phone" not in made


def test_even_the_richest_photo_becomes_light(tmp_path: Path) -> None:
    made = small(tmp_path, files.saved(files.noise(4000, 3000), "JPEG", quality=90))
    assert len(made) <= BYTES
    assert max(Image.open(io.BytesIO(made)).size) == SIDE


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        (files.pdf(), "file_kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "file_kind"),
        (files.jpeg()[:2000], "file_broken"),
    ],
    ids=["empty", "pdf", "svg", "cut"],
)
def test_what_is_no_whole_photo_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    with pytest.raises(RejectedFile) as refusal:
        small(tmp_path, content)
    assert refusal.value.code == code
