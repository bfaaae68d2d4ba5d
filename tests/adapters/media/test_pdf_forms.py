"""PDFs that a learner filled in, with and without the appearance that the standard asks for."""

from pathlib import Path

import pytest

from lms.adapters.media.intake import inspect_upload
from lms.adapters.media.types import AcceptedFile
from tests.support import files

RECT = b"/Rect [50 600 500 640] /F 4"
BOX = b"/Type /Annot /Subtype /Widget /FT /Btn /T (oui) /Rect [50 600 90 640] /F 4"
FIELD = b"/Type /Annot /Subtype /Widget /FT /Tx /T (nom) /V (MA REPONSE) /DA (/Helv 18 Tf 0 g) " + RECT
STROKE = b"<< /Subtype /Form /BBox [0 0 40 40] /Length 20 >>\nstream\n5 w 0 0 m 40 40 l S \nendstream"
FORM = b"/AcroForm << /Fields [6 0 R] /DR << /Font << /Helv 5 0 R >> >> >>"
EMPTY_FORM = FORM.replace(b"6 0 R", b"")


def page_with(annotation: bytes, form: bytes = b"", *more: bytes, page: bytes = b"") -> bytes:
    """One empty page with one annotation or field on it, and the objects from number 7 on."""
    return files.assemble_pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R %s >>" % form,
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Annots [6 0 R] %s >>" % page,
            b"<< /Length 0 >>\nstream\n\nendstream",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"<< %s >>" % annotation,
            *more,
        ]
    )


WRITTEN = {
    "a field with its appearance": page_with(FIELD + b"/AP << /N 7 0 R >>", FORM, STROKE),
    "a field without appearance": page_with(FIELD, FORM),
    "a field with an empty appearance": page_with(
        FIELD + b"/AP << /N 7 0 R >>", FORM.replace(b"/DR", b"/NeedAppearances true /DR"), STROKE
    ),
    "a field without a font": page_with(FIELD.replace(b"/DA (/Helv 18 Tf 0 g)", b""), FORM),
    "a field that the form does not list": page_with(FIELD, EMPTY_FORM),
    "a field without a form": page_with(FIELD),
    "a field on a turned page": page_with(FIELD, FORM, page=b"/Rotate 90"),
    "a field whose value stands in its parent": page_with(
        b"/Type /Annot /Subtype /Widget /Parent 7 0 R " + RECT,
        FORM.replace(b"6 0 R", b"7 0 R"),
        b"<< /FT /Tx /T (nom) /V (MA REPONSE) /DA (/Helv 18 Tf 0 g) /Kids [6 0 R] >>",
    ),
    "a choice": page_with(
        FIELD.replace(b"/FT /Tx", b"/FT /Ch /Ff 131072 /Opt [(UN) (MA REPONSE)]"),
        FORM,
    ),
    "a ticked box": page_with(BOX + b"/V /Yes /AS /Yes /AP << /N << /Yes 7 0 R >> >>", FORM, STROKE),
    "a ticked box without appearance": page_with(BOX + b"/V /Yes /AS /Yes", FORM),
    "a ticked box without a form": page_with(
        BOX + b"/V /Yes /AS /Yes /AP << /N << /Yes 7 0 R >> >>", b"", STROKE
    ),
    "a ticked box that only its value tells": page_with(
        BOX + b"/V /Yes /AP << /N << /Yes 7 0 R >> >>", FORM, STROKE
    ),
    "a ticked round box without appearance": page_with(BOX + b"/Ff 49152 /V /Yes /AS /Yes", FORM),
    "ink without appearance": page_with(
        b"/Type /Annot /Subtype /Ink /InkList [[60 610 100 630 200 605]] /C [1 0 0] /BS << /W 3 >> " + RECT
    ),
    "free text without appearance": page_with(
        b"/Type /Annot /Subtype /FreeText /Contents (MA REPONSE) /DA (/Helv 18 Tf 0 0 1 rg) " + RECT
    ),
}


def taken_from(folder: Path, content: bytes) -> AcceptedFile:
    source = folder / "received"
    source.write_bytes(content)
    return inspect_upload(source, shown_name="devoir.pdf", work=folder)


@pytest.mark.parametrize("what", WRITTEN)
def test_what_a_learner_wrote_into_a_pdf_is_in_the_picture(tmp_path: Path, what: str) -> None:
    page, thumb = taken_from(tmp_path, WRITTEN[what]).renditions
    assert files.ink(page.path) > 150
    assert files.ink(thumb.path) > 3


def test_a_box_that_was_not_ticked_stays_empty(tmp_path: Path) -> None:
    for state in (b"/V /Off /AS /Off", b"/AS /Off", b""):
        empty = page_with(BOX + state + b"/AP << /N << /Yes 7 0 R >> >>", FORM, STROKE)
        assert files.ink(taken_from(tmp_path, empty).renditions[0].path) < 60
