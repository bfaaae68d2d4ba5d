import resource
import time
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from lms.adapters.media.intake import inspect_upload
from lms.adapters.media.types import AcceptedFile, RejectedFile
from tests.support import files


def taken_from(folder: Path, content: bytes) -> AcceptedFile:
    source = folder / "received"
    source.write_bytes(content)
    return inspect_upload(source, shown_name="devoir.pdf", work=folder)


def reason(folder: Path, content: bytes) -> str:
    with pytest.raises(RejectedFile) as refused:
        taken_from(folder, content)
    return refused.value.code


def test_every_page_is_drawn_and_the_first_has_a_small_picture(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, files.pdf(3))
    assert taken.pages == 3
    assert [(r.purpose, r.page) for r in taken.renditions] == [
        ("web", 1),
        ("thumb", 1),
        ("web", 2),
        ("web", 3),
    ]
    with Image.open(taken.renditions[0].path) as page:
        assert page.size == (905, 1280)
        ((darkest, lightest),) = ImageStat.Stat(page.convert("L")).extrema
    assert lightest > 240
    assert darkest < 60  # the word on the page


def test_twenty_pages_are_drawn_thirty_are_kept_more_are_too_many(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, files.pdf(30))
    assert taken.pages == 30
    assert sum(rendition.purpose == "web" for rendition in taken.renditions) == 20
    assert reason(tmp_path, files.pdf(31)) == "file_too_many_pages"


def test_a_page_as_large_as_a_house_is_drawn_small(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, files.pdf(1, box=(14_400, 14_400)))
    assert max(taken.renditions[0].width, taken.renditions[0].height) == 1280


def test_a_locked_pdf_says_that_it_is_locked(tmp_path: Path) -> None:
    assert reason(tmp_path, files.encrypted_pdf()) == "file_encrypted"


@pytest.mark.parametrize(
    "content", [b"%PDF-1.7\n%%EOF", files.pdf(0), files.pdf()[:-100], b"%PDF-" + b"x" * 900]
)
def test_a_pdf_without_a_page_to_show_is_broken(tmp_path: Path, content: bytes) -> None:
    assert reason(tmp_path, content) == "file_broken"


def nested(depth: int, wide: int, rectangles: int) -> bytes:
    """Forms that each draw the next one many times: a few kB of file, thousands of millions of strokes."""
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources 5 0 R >>",
        b"<< /Length 5 >>\nstream\n/X Do\nendstream",
        b"<< /XObject << /X 6 0 R >> >>",
    ]
    for number in range(depth):
        last = number == depth - 1
        drawing = b"0 0 600 800 re f\n" * rectangles if last else b"/X Do\n" * wide
        inner = b"" if last else b"/Resources << /XObject << /X %d 0 R >> >>" % (7 + number)
        bodies.append(
            b"<< /Type /XObject /Subtype /Form /BBox [0 0 600 800] %s /Length %d >>\nstream\n%s\nendstream"
            % (inner, len(drawing), drawing)
        )
    return files.assemble_pdf(bodies)


def test_a_pdf_that_draws_for_ever_is_given_up_in_time(tmp_path: Path) -> None:
    started = time.monotonic()
    assert reason(tmp_path, nested(3, 40, 500)) == "file_too_slow"
    assert time.monotonic() - started < 10


def test_a_pdf_that_unfolds_without_end_is_given_up_before_memory_is_gone(tmp_path: Path) -> None:
    assert reason(tmp_path, nested(8, 20, 50)) == "file_too_heavy"
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 700_000
