import time
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from lms.adapters.media.intake import inspect_upload
from lms.adapters.media.types import AcceptedFile, RejectedFile
from tests.support import files
from tests.support.memory import kibibytes_for


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


@pytest.mark.parametrize("box", [(400, 9000), (9000, 400)])
def test_a_page_as_long_as_a_web_page_is_drawn_legibly(tmp_path: Path, box: tuple[int, int]) -> None:
    web, thumb = taken_from(tmp_path, files.pdf(1, box=box)).renditions
    assert min(web.width, web.height) > 700
    assert web.width * web.height <= 12_100_000
    assert min(thumb.width, thumb.height) > 150


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
    heavy = nested(8, 20, 50)
    assert reason(tmp_path, heavy) == "file_too_heavy"
    assert kibibytes_for(heavy, tmp_path) <= 700_000


def test_a_page_that_shows_nothing_does_not_cost_the_others(tmp_path: Path) -> None:
    for crop in (b"/CropBox [1000 1000 1200 1200]", b"/CropBox [700 0 900 842]"):
        taken = taken_from(tmp_path, three_pages(b"", crop, b""))
        assert taken.pages == 3
        assert [(r.purpose, r.page) for r in taken.renditions] == [("web", 1), ("thumb", 1), ("web", 3)]
        assert files.ink(taken.renditions[0].path) > 150
        later = taken_from(tmp_path, three_pages(crop, b"", b""))
        assert [(r.purpose, r.page) for r in later.renditions] == [("web", 2), ("thumb", 2), ("web", 3)]
        assert reason(tmp_path, three_pages(crop, crop, crop)) == "file_broken"


def three_pages(*boxes: bytes) -> bytes:
    content = b"BT /F 40 Tf 60 700 Td (Bonjour) Tj ET"
    return files.assemble_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 3 /Kids [5 0 R 6 0 R 7 0 R] >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            *(
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R %s"
                b" /Resources << /Font << /F 3 0 R >> >> >>" % box
                for box in boxes
            ),
        ]
    )


WHOLE = files.pdf(1)
UPDATE = b"4 0 obj\n<< /Length 30 >>\nstream\nBT /F 40 Tf 60 700 Td (Oui) Tj ET\nendstream\nendobj\n"
UPDATED = WHOLE + UPDATE + b"xref\n4 1\n%010d 00000 n \n" % len(WHOLE)
UPDATED += b"trailer << /Size 6 /Root 1 0 R /Prev %d >>\nstartxref\n" % WHOLE.rindex(b"xref\n0")
UPDATED += b"%d\n%%%%EOF\n" % (len(WHOLE) + len(UPDATE))


@pytest.mark.parametrize(
    "content",
    [
        WHOLE.replace(b"%%EOF", b""),
        WHOLE.rpartition(b"startxref")[0],
        WHOLE + bytes(70_000),
        WHOLE + b"<html><body>" + b"x" * 9000,
        WHOLE + WHOLE,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 2000 + WHOLE,
        b"\xef\xbb\xbf\r\n" + WHOLE,
        UPDATED,
        UPDATED.replace(b"startxref\n", b"startxref\n9"),
    ],
)
def test_what_stands_around_a_whole_pdf_does_no_harm(tmp_path: Path, content: bytes) -> None:
    taken = taken_from(tmp_path, content)
    assert taken.pages == 1
    assert files.ink(taken.renditions[0].path) > 150
    assert b"%PDF-" in taken.original.read_bytes()[:1024]  # where readers look for it


def test_a_pdf_that_lost_the_answers_at_its_end_is_broken(tmp_path: Path) -> None:
    assert reason(tmp_path, UPDATED[: len(WHOLE) + 60]) == "file_broken"


def test_the_first_half_of_a_pdf_that_is_arranged_for_the_web_is_broken(tmp_path: Path) -> None:
    first = b"%PDF-1.4\n1 0 obj\n<< /Linearized 1 /L 9999 >>\nendobj\n"
    first += b"trailer << /Size 9 /Root 2 0 R >>\nstartxref\n0\n%%EOF\n"
    assert reason(tmp_path, first + WHOLE[9:400]) == "file_broken"
