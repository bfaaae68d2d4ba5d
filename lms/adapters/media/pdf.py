"""Draw the pages of a PDF for the screen. Runs in the child process."""

import re
import time
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_raw

from lms.adapters.media.decode import Facts, serve
from lms.adapters.media.photo import WEB_SIDE, screen_copies
from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode

MAX_PAGES, RENDERED_PAGES = 30, 20
RENDER_SECONDS = 5.0  # the pages that are not drawn by then can still be read in the file itself
MAX_SCALE = 4.0
_LINEARIZED = re.compile(rb"/Linearized\b[^>]*?/L\s+(\d+)")


def look(source: Path, work: Path) -> Facts:
    """Check a PDF, draw its first pages and return its facts. Raises `RejectedFile`."""
    started = time.monotonic()
    _check_whole(source)
    try:
        document = pdfium.PdfDocument(source)
    except pdfium.PdfiumError as error:
        protected = getattr(error, "err_code", None) in (
            pdfium_raw.FPDF_ERR_PASSWORD,
            pdfium_raw.FPDF_ERR_SECURITY,
        )
        raise RejectedFile(RefusalCode.FILE_ENCRYPTED if protected else RefusalCode.FILE_BROKEN) from None
    pages = len(document)
    if pages == 0:
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    if pages > MAX_PAGES:
        raise RejectedFile(RefusalCode.FILE_TOO_MANY_PAGES)
    made: list[Facts] = []
    for number in range(1, min(pages, RENDERED_PAGES) + 1):
        if made and time.monotonic() - started > RENDER_SECONDS:
            break
        page = document[number - 1]
        width, height = page.get_size()
        if min(width, height) <= 0:
            raise RejectedFile(RefusalCode.FILE_BROKEN)
        bitmap = page.render(scale=min(MAX_SCALE, WEB_SIDE / max(width, height)), may_draw_forms=False)
        made += screen_copies(bitmap.to_pil().convert("RGB"), work, page=number, thumb=number == 1)
        bitmap.close()
        page.close()
    return {"pages": pages, "made": made}


def _check_whole(source: Path) -> None:
    """Reject a file that was cut off on the way: PDFium repairs files and would show the first half."""
    data = source.read_bytes()
    linearized = _LINEARIZED.search(data, 0, 2048)
    if b"%%EOF" not in data[-4096:] or (linearized and int(linearized.group(1)) > len(data)):
        raise RejectedFile(RefusalCode.FILE_BROKEN)


if __name__ == "__main__":
    serve(look)
