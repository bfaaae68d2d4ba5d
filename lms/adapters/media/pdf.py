"""Draw the pages of a PDF for the screen. Runs in the child process."""

import math
import re
import time
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_raw
from PIL import Image

from lms.adapters.media.decode import Facts, serve
from lms.adapters.media.pdf_forms import draw_missing_ticks, open_form
from lms.adapters.media.photo import WEB_SIDE, legible_scale, screen_copies
from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode

MAX_PAGES, RENDERED_PAGES = 30, 20
RENDER_SECONDS = 5.0  # the pages that are not drawn by then can still be read in the file itself
MAX_SCALE, MAX_PIXELS = 4.0, 12_000_000
# An update that follows the last end begins a new object.
_END = re.compile(rb"startxref\s+[1-9]|trailer\s*<<(?:[^<>]|<[^<>]*>|<<[^<>]*>>)*>>")
_OBJECT = re.compile(rb"\b\d+\s+\d+\s+obj\b")


def look(source: Path, work: Path) -> Facts:
    """Check a PDF, draw its first pages and return its facts. Raises `RejectedFile`."""
    started = time.monotonic()
    _check_whole(source.read_bytes())
    document = _open(source)
    pages = len(document)
    if pages == 0:
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    if pages > MAX_PAGES:
        raise RejectedFile(RefusalCode.FILE_TOO_MANY_PAGES)
    open_form(document, min(pages, RENDERED_PAGES))
    made: list[Facts] = []
    for number in range(1, min(pages, RENDERED_PAGES) + 1):
        if made and time.monotonic() - started > RENDER_SECONDS:
            break
        picture = _draw(document, number)
        if picture is not None:
            made += screen_copies(picture, work, page=number, thumb=not made)
    if not made:
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    return {"pages": pages, "made": made}


def _open(source: Path) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(source)
    except pdfium.PdfiumError as error:
        protected = getattr(error, "err_code", None) in (
            pdfium_raw.FPDF_ERR_PASSWORD,
            pdfium_raw.FPDF_ERR_SECURITY,
        )
        raise RejectedFile(RefusalCode.FILE_ENCRYPTED if protected else RefusalCode.FILE_BROKEN) from None


def _draw(document: pdfium.PdfDocument, number: int) -> Image.Image | None:
    """Return the picture of a page; None when it shows nothing, such as a crop box beside the paper."""
    try:
        page = document[number - 1]
    except pdfium.PdfiumError:
        return None
    size = page.get_size()
    if min(size) <= 0:
        return None
    scale = min(MAX_SCALE, legible_scale(size, WEB_SIDE), math.sqrt(MAX_PIXELS / (size[0] * size[1])))
    bitmap = page.render(scale=scale)
    picture: Image.Image = bitmap.to_pil().convert("RGB")
    bitmap.close()
    draw_missing_ticks(document, page, picture)
    page.close()
    return picture


def _check_whole(data: bytes) -> None:
    """Reject a file that was cut off on the way: PDFium repairs files and would show the first half.

    Other bytes may follow the end, and the mark `%%EOF` may be missing. `startxref 0` is no end: it stands at
    the beginning of a file that is arranged for the web.
    """
    ends = [found.end() for found in _END.finditer(data)]
    if not ends or _OBJECT.search(data, ends[-1]):
        raise RejectedFile(RefusalCode.FILE_BROKEN)


if __name__ == "__main__":
    serve(look)
