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


@pytest.mark.parametrize(
    ("name", "mime", "seconds", "size"),
    [
        ("amr-last-frame-cut.amr", "audio/amr", 3, 4774),
        ("amr-ok.amr", "audio/amr", 3, 4806),
        ("m4a-3-bytes-after.m4a", "audio/mp4", 4, 2385),
        ("m4a-8-zeros-after.m4a", "audio/mp4", 4, 2385),
        ("m4a-ape-tag-after.m4a", "audio/mp4", 4, 2385),
        ("m4a-ok.m4a", "audio/mp4", 4, 2385),
        ("mp3-cut-in-an-editor.mp3", "audio/mpeg", 2.6, 21_008),
        ("mp3-ok.mp3", "audio/mpeg", 2.6, 20_938),
        ("mp4-of-chromium.mp4", "audio/mp4", 2.55, 3435),
        ("mp4-of-chromium-in-slices.mp4", "audio/mp4", 3.9, 8745),  # it states 0.02 s
        ("webm-of-chromium-in-slices.webm", "audio/webm", 3.9, 7903),
        ("ogg-ok.opus", "audio/ogg", 3, 1378),
        ("ogg-zeros-after.ogg", "audio/ogg", 3, 1378),
        ("wav-8khz.wav", "audio/wav", 2, 16_044),
    ],
)
def test_a_recording_is_taken_without_what_follows_its_end(
    take: Take, name: str, mime: str, seconds: float, size: int
) -> None:
    taken = take(name)
    assert (taken.kind, taken.mime, taken.size) == ("voice", mime, size)
    assert taken.seconds == pytest.approx(seconds, abs=0.1)
    assert taken.original.read_bytes() == (AS_SENT / name).read_bytes()[:size]


def test_a_sound_that_not_every_phone_plays_is_refused_as_a_voice(take: Take) -> None:
    with pytest.raises(RejectedFile, match="file_kind") as rejected:
        take("flac-empty.flac")
    assert rejected.value.kind == "voice"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docx-absolute-target.docx", "Chemin absolu."),
        ("docx-backslash-names.docx", "x"),
        ("docx-deleted.docx", "juste"),
        ("docx-document2.docx", "Bonjour Madame."),
        ("docx-footnote.docx", "Texte"),
        ("docx-hidden-field.docx", "26 novembre"),
        ("docx-junk-after.docx", "مرحبا بكم"),
        ("docx-long-image.docx", "Photo"),
        ("docx-numbered.docx", "pommes\npoires"),
        ("docx-rtl.docx", "مرحبا بكم"),
        ("docx-streamed.docx", "مرحبا بكم"),
        ("docx-sym.docx", "cœur ✔"),
        ("docx-tab-stops.docx", "Premier.\nDeuxième.\nTroisième."),
        ("docx-text-box.docx", "Avant.\nJe suis dans la boîte.\nAprès."),
        ("docx-utf16.docx", "Encodé en UTF-16."),
    ],
)
def test_a_word_document_is_taken_with_its_text_once(take: Take, name: str, text: str) -> None:
    taken = take(name)
    assert (taken.kind, taken.excerpt) == ("document", text)
    assert taken.original.read_bytes() == (AS_SENT / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "code"),
    [("docx-junk-before.docx", "file_kind"), ("docx-many-empty-lines.docx", "file_too_heavy")],
)
def test_a_document_that_word_does_not_write_is_refused(take: Take, name: str, code: str) -> None:
    assert refusal(take, name) == code


def test_each_file_is_tested() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in AS_SENT.iterdir() if f'"{path.name}"' not in tests] == []
