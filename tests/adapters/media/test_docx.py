import io
import zipfile
from pathlib import Path

import pytest

from lms.adapters.media.intake import inspect_upload
from lms.adapters.media.types import AcceptedFile, RejectedFile
from tests.support import files

MACROS = "ms-word.document.macroEnabled"


def taken_from(folder: Path, content: bytes) -> AcceptedFile:
    source = folder / "received"
    source.write_bytes(content)
    return inspect_upload(source, shown_name="devoir.docx", work=folder)


def reason(folder: Path, content: bytes) -> str:
    with pytest.raises(RejectedFile) as refused:
        taken_from(folder, content)
    return refused.value.code


def document(inside: str) -> dict[str, bytes]:
    return {"word/document.xml": f'<w:document xmlns:w="{files.WORD_SPACE}">{inside}</w:document>'.encode()}


def test_the_words_can_be_read_beside_the_correction(tmp_path: Path) -> None:
    taken = taken_from(tmp_path, files.docx("Bonjour Madame,\nje m’appelle Оксана سميرة.\n\nÀ bientôt !"))
    assert taken.excerpt == "Bonjour Madame,\nje m’appelle Оксана سميرة.\n\nÀ bientôt !"
    assert taken.renditions == ()


def test_tabs_and_line_breaks_stay_and_deleted_words_do_not_come_back(tmp_path: Path) -> None:
    parts = document(
        "<w:p><w:r><w:t>un</w:t><w:tab/><w:t>deux</w:t><w:br/><w:t>trois</w:t></w:r>"
        "<w:del><w:r><w:delText>secret</w:delText></w:r></w:del><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
    )
    assert taken_from(tmp_path, files.docx(parts=parts)).excerpt == "un\tdeux\ntrois"


def test_a_very_long_text_is_cut_for_the_screen_only(tmp_path: Path) -> None:
    content = files.docx("mot " * 20_000)
    taken = taken_from(tmp_path, content)
    assert len(taken.excerpt) <= 20_000
    assert taken.original.read_bytes() == content


def test_a_document_with_programs_inside_is_refused(tmp_path: Path) -> None:
    assert reason(tmp_path, files.docx(parts={"word/vbaProject.bin": b"x"})) == "file_macros"
    assert reason(tmp_path, files.docx(kind=MACROS)) == "file_macros"


def test_other_things_in_a_zip_are_not_a_document(tmp_path: Path) -> None:
    assert reason(tmp_path, files.zipped({"a.txt": b"x"})) == "file_kind"
    assert (
        reason(tmp_path, files.docx(kind="openxmlformats-officedocument.spreadsheetml.sheet")) == "file_kind"
    )


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    assert reason(tmp_path, files.docx(parts={"word/media/a.bin": bytes(130 << 20)})) == "file_too_heavy"
    assert reason(tmp_path, files.docx(parts={f"word/{n}.xml": b"" for n in range(2100)})) == "file_too_heavy"
    assert reason(tmp_path, files.docx(parts=document(" " * (30 << 20)))) == "file_too_heavy"


def test_a_part_that_lies_about_its_size_is_caught(tmp_path: Path) -> None:
    content = bytearray(files.docx(parts={"word/media/a.bin": bytes(1 << 20)}))
    real, small = (1 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little")
    assert reason(tmp_path, bytes(content).replace(real, small)) == "file_broken"


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><d>&b;</d>',
        b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>',
        b"<w:document",
        b"",
    ],
)
def test_entities_and_broken_text_are_refused(tmp_path: Path, xml: bytes) -> None:
    assert reason(tmp_path, files.docx(parts={"word/document.xml": xml})) == "file_broken"


def test_one_bent_byte_in_a_picture_of_the_document_is_noticed(tmp_path: Path) -> None:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive,
        zipfile.ZipFile(io.BytesIO(files.docx())) as old,
    ):
        for name in old.namelist():
            archive.writestr(name, old.read(name))
        archive.writestr("word/media/image1.png", b"0123456789" * 50)
    content = out.getvalue().replace(b"0123456789" * 3, b"0123456789" * 2 + b"012345678X", 1)
    assert reason(tmp_path, content) == "file_broken"


def test_a_zip_with_a_password_says_so(tmp_path: Path) -> None:
    content = bytearray(files.docx())
    at = content.find(b"PK\x01\x02")
    content[at + 8] |= 1
    assert reason(tmp_path, bytes(content)) == "file_encrypted"


RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r0" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"'
    ' Target="docProps/thumbnail.jpeg"/><Relationship Id="r1" Target="{target}"'
    ' Type="http://{space}/relationships/officeDocument"/></Relationships>'
)


@pytest.mark.parametrize(
    "space", ["schemas.openxmlformats.org/officeDocument/2006", "purl.oclc.org/ooxml/officeDocument"]
)
@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("word/document2.xml", "word/document2.xml"),
        ("/word/document2.xml", "word/document2.xml"),
        ("word/../texte/main.xml", "texte/main.xml"),
        ("word/document%201.xml", "word/document 1.xml"),
        ("word\\document2.xml", "word\\document2.xml"),
        ("word/document2.xml", "Word/Document2.xml"),
    ],
)
def test_the_text_is_found_under_the_name_that_the_package_gives(
    tmp_path: Path, space: str, target: str, name: str
) -> None:
    main = document("<w:p><w:r><w:t>Bonjour Madame.</w:t></w:r></w:p>")["word/document.xml"]
    parts = {"_rels/.rels": RELATIONS.format(target=target, space=space).encode(), name: main}
    taken = taken_from(tmp_path, files.docx("un vieux texte", parts=parts))
    assert taken.excerpt == "Bonjour Madame."


@pytest.mark.parametrize(
    "relations", [b"", b"<broken", RELATIONS.format(target="word/none.xml", space="x").encode()]
)
def test_without_such_a_name_the_usual_one_counts(tmp_path: Path, relations: bytes) -> None:
    assert (
        taken_from(tmp_path, files.docx("Bonjour.", parts={"_rels/.rels": relations})).excerpt == "Bonjour."
    )
