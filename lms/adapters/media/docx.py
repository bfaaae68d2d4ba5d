"""Extract the text of a Word document, shown beside the correction. Runs in the child process."""

import zipfile
import zlib
from pathlib import Path
from xml.parsers import expat

from lms.adapters.media.decode import Facts, serve
from lms.adapters.media.types import MIB, RejectedFile
from lms.refusal_codes import RefusalCode

MAX_PARTS = 2000
MAX_UNPACKED = 120 * MIB
MAX_XML = 24 * MIB
MAX_RATIO = 300
TEXT_LENGTH = 20_000
_WORD = {
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
}
_MAIN_TYPES = (
    b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    b"application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml",
)


def look(source: Path, work: Path) -> Facts:
    """Check a Word document and return its text. Raises `RejectedFile`."""
    try:
        with zipfile.ZipFile(source) as archive:
            return _read(archive, source.stat().st_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        raise RejectedFile(RefusalCode.FILE_BROKEN) from None


def _read(archive: zipfile.ZipFile, size: int) -> Facts:
    parts = archive.infolist()
    names = {part.filename for part in parts}
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > min(MAX_UNPACKED, size * MAX_RATIO):
        raise RejectedFile(RefusalCode.FILE_TOO_HEAVY)
    if any(part.flag_bits & 1 for part in parts):
        raise RejectedFile(RefusalCode.FILE_ENCRYPTED)
    if not {"[Content_Types].xml", "word/document.xml"} <= names:
        raise RejectedFile(RefusalCode.FILE_KIND)
    types = _unpack(archive, "[Content_Types].xml")
    if b"macroEnabled" in types or any(name.lower().endswith("vbaproject.bin") for name in names):
        raise RejectedFile(RefusalCode.FILE_MACROS)
    if not any(kind in types for kind in _MAIN_TYPES):
        raise RejectedFile(RefusalCode.FILE_KIND)
    for part in parts:  # reading checks the checksum of each part: a damaged file is found here
        with archive.open(part) as stream:
            while stream.read(MIB):
                pass
    return {"text": _words(_unpack(archive, "word/document.xml"))}


def _unpack(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as stream:
        data = stream.read(MAX_XML + 1)
    if len(data) > MAX_XML:
        raise RejectedFile(RefusalCode.FILE_TOO_HEAVY)
    return data


def _words(xml: bytes) -> str:
    pieces: list[str] = []
    room = TEXT_LENGTH
    in_text = False

    def keep(piece: str) -> None:
        nonlocal room
        if room > 0:
            pieces.append(piece[:room])
            room -= len(piece)

    def start(name: str, _attributes: dict[str, str]) -> None:
        nonlocal in_text
        space, _, tag = name.rpartition(" ")
        if space in _WORD:
            in_text = tag == "t"
            if tag == "tab":
                keep("\t")
            elif tag in ("br", "cr"):
                keep("\n")

    def end(name: str) -> None:
        nonlocal in_text
        space, _, tag = name.rpartition(" ")
        if space in _WORD:
            in_text = False
            if tag == "p":
                keep("\n")

    def characters(data: str) -> None:
        if in_text:
            keep(data)

    def doctype(*_: object) -> None:
        raise RejectedFile(RefusalCode.FILE_BROKEN)  # Word writes no DOCTYPE; it could define entities

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(xml, True)
    except expat.ExpatError:
        raise RejectedFile(RefusalCode.FILE_BROKEN) from None
    return "".join(pieces).strip()


if __name__ == "__main__":
    serve(look)
