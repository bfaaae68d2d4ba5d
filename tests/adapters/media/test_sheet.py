import io
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from lms.adapters.media.intake import inspect_upload
from lms.adapters.media.sheet import Format, draw_sheet

LINES = ["Bonjour Madame,", "J’habite à Liège. Où êtes-vous ? À bientôt, ça va !", "x" * 200]


@pytest.mark.parametrize(
    ("form", "rotated", "kind"),
    [
        ("JPEG", False, "photo"),
        ("JPEG", True, "photo"),
        ("HEIC", False, "photo"),
        ("HEIC", True, "photo"),
        ("PDF", False, "document"),
    ],
)
def test_a_drawn_sheet_is_homework_like_any_other(
    tmp_path: Path, form: Format, rotated: bool, kind: str
) -> None:
    source = tmp_path / "sheet"
    source.write_bytes(draw_sheet(LINES, rotated=rotated, format=form))
    taken = inspect_upload(source, shown_name="devoir", work=tmp_path)
    assert taken.kind == kind
    with Image.open(taken.renditions[0].path) as shown:
        assert shown.height > shown.width
        upright = Image.open(io.BytesIO(draw_sheet(LINES))).resize(shown.size)
        difference = ImageChops.difference(shown.convert("L"), upright.convert("L"))
    assert sum(difference.resize((1, 1), Image.Resampling.BOX).tobytes()) < 8


def test_a_rotated_sheet_really_lies_on_its_side() -> None:
    lying = Image.open(io.BytesIO(draw_sheet(LINES, rotated=True)))
    assert lying.width > lying.height
    assert lying.getexif()[0x0112] == 6


def test_the_same_words_give_the_same_sheet() -> None:
    assert draw_sheet(LINES) == draw_sheet(LINES)
    assert draw_sheet(LINES) != draw_sheet(["Autre chose"])


def test_more_lines_than_the_paper_has_do_not_fail() -> None:
    assert draw_sheet(["ligne"] * 60)
    assert draw_sheet([])
