"""Show what was written into a PDF: filled fields and ticked boxes, even without an appearance."""

import ctypes
from collections.abc import Iterator

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_raw
from PIL import Image, ImageDraw

_UNTICKED = ("", "Off")


def open_form(document: pdfium.PdfDocument, pages: int) -> None:
    """Have PDFium draw the fields of the first `pages` pages. To be called before any page is drawn.

    PDFium generates what a field without an appearance looks like. Fields that the form does not list are
    drawn too: `init_forms` would leave out those of a document without a form.
    """
    if document.get_formtype() != pdfium_raw.FORMTYPE_NONE:
        for number in range(pages):
            _tick_boxes(document, number)
    config = pdfium_raw.FPDF_FORMFILLINFO(version=2)
    form = pdfium_raw.FPDFDOC_InitFormFillEnvironment(document, config)
    if form:
        document.formenv = pdfium.PdfFormEnv(form, config)


def draw_missing_ticks(document: pdfium.PdfDocument, page: pdfium.PdfPage, picture: Image.Image) -> None:
    """Draw a cross into each ticked box of the page that has no appearance of its own."""
    draw = ImageDraw.Draw(picture)
    for annotation in _annotations(page):
        kind = pdfium_raw.FPDFAnnot_GetFormFieldType(document.formenv, annotation)
        if kind not in (pdfium_raw.FPDF_FORMFIELD_CHECKBOX, pdfium_raw.FPDF_FORMFIELD_RADIOBUTTON):
            continue
        if _text(annotation, b"AS") in _UNTICKED or _has_appearance(annotation):
            continue
        rect = pdfium_raw.FS_RECTF()
        pdfium_raw.FPDFAnnot_GetRect(annotation, rect)
        left, top = _to_pixels(page, picture, rect.left, rect.top)
        right, bottom = _to_pixels(page, picture, rect.right, rect.bottom)
        width = max(2, abs(right - left) // 10)
        draw.line((left, top, right, bottom), fill="black", width=width)
        draw.line((left, bottom, right, top), fill="black", width=width)


def _tick_boxes(document: pdfium.PdfDocument, number: int) -> None:
    """Tick the boxes whose value says so and whose state is missing: PDFium would untick them."""
    try:
        page = document[number]
    except pdfium.PdfiumError:
        return  # a page that cannot be drawn has no boxes to show
    for annotation in _annotations(page):
        if _text(annotation, b"FT") != "Btn" or _text(annotation, b"AS") not in _UNTICKED:
            continue
        value = _text(annotation, b"V")
        if value not in _UNTICKED:
            name = ctypes.create_string_buffer(value.encode("utf-16-le") + b"\0")
            pdfium_raw.FPDFAnnot_SetStringValue(annotation, b"AS", _wide(name))
    page.close()


def _annotations(page: pdfium.PdfPage) -> Iterator[pdfium_raw.FPDF_ANNOTATION]:
    """Yield the fields of the page."""
    for index in range(pdfium_raw.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium_raw.FPDFPage_GetAnnot(page, index)
        if annotation:
            if pdfium_raw.FPDFAnnot_GetSubtype(annotation) == pdfium_raw.FPDF_ANNOT_WIDGET:
                yield annotation
            pdfium_raw.FPDFPage_CloseAnnot(annotation)


def _text(annotation: pdfium_raw.FPDF_ANNOTATION, key: bytes) -> str:
    size = pdfium_raw.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    buffer = ctypes.create_string_buffer(size)
    pdfium_raw.FPDFAnnot_GetStringValue(annotation, key, _wide(buffer), size)
    return buffer.raw.decode("utf-16-le", "replace").rstrip("\0")


def _has_appearance(annotation: pdfium_raw.FPDF_ANNOTATION) -> bool:
    mode = pdfium_raw.FPDF_ANNOT_APPEARANCEMODE_NORMAL
    nothing = len("\0".encode("utf-16-le"))
    size: int = pdfium_raw.FPDFAnnot_GetAP(annotation, mode, None, 0)
    return size > nothing


def _wide(buffer: ctypes.Array[ctypes.c_char]) -> object:
    return ctypes.cast(buffer, ctypes.POINTER(pdfium_raw.FPDF_WCHAR))


def _to_pixels(page: pdfium.PdfPage, picture: Image.Image, x: float, y: float) -> tuple[int, int]:
    across, down = ctypes.c_int(), ctypes.c_int()
    pdfium_raw.FPDF_PageToDevice(page, 0, 0, picture.width, picture.height, 0, x, y, across, down)
    return across.value, down.value
