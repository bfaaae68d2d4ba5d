"""Extract the text of a Word document, shown beside the correction. Runs in the child process."""

import posixpath
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote
from xml.parsers import expat

from lms.adapters.media.decode import Facts, serve
from lms.adapters.media.docx_text import read_text, refuse_doctype
from lms.adapters.media.types import MIB, RejectedFile
from lms.refusal_codes import RefusalCode

MAX_PARTS = 2000
MAX_UNPACKED = 120 * MIB
MAX_XML = 24 * MIB
MAX_RATIO = 300
TEXT_LENGTH = 20_000
_TYPES, _RELATIONS, _MAIN = "[content_types].xml", "_rels/.rels", "word/document.xml"
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
    names = [part.filename for part in parts]
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > min(MAX_UNPACKED, size * MAX_RATIO):
        raise RejectedFile(RefusalCode.FILE_TOO_HEAVY)
    if any(part.flag_bits & 1 for part in parts):
        raise RejectedFile(RefusalCode.FILE_ENCRYPTED)
    # Some programs write backslashes, or capital letters as in Word/Document.xml; Word reads both.
    found = {_plain(name): name for name in reversed(names)}
    if _TYPES not in found:
        raise RejectedFile(RefusalCode.FILE_KIND)
    types = _unpack(archive, found[_TYPES])
    if b"macroEnabled" in types or any(name.endswith("vbaproject.bin") for name in found):
        raise RejectedFile(RefusalCode.FILE_MACROS)
    main = found.get(_main_part(archive, found))
    if main is None or not any(kind in types for kind in _MAIN_TYPES):
        raise RejectedFile(RefusalCode.FILE_KIND)
    for part in parts:  # reading checks the checksum of each part: a damaged file is found here
        with archive.open(part) as stream:
            while stream.read(MIB):
                pass
    return {"text": read_text(_unpack(archive, main))[:TEXT_LENGTH].rstrip()}


def _plain(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def _main_part(archive: zipfile.ZipFile, found: dict[str, str]) -> str:
    """Return the name of the part with the text: Word Online calls it `word/document2.xml`."""
    targets: list[str] = []

    def start(_name: str, attributes: dict[str, str]) -> None:
        if attributes.get("Type", "").endswith("/officeDocument") and "Target" in attributes:
            targets.append(_plain(posixpath.normpath(unquote(attributes["Target"]))))

    if _RELATIONS in found:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = start
        parser.StartDoctypeDeclHandler = refuse_doctype
        with suppress(expat.ExpatError):
            parser.Parse(_unpack(archive, found[_RELATIONS]), True)
    return next((target for target in targets if target in found), _MAIN)


def _unpack(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as stream:
        data = stream.read(MAX_XML + 1)
    if len(data) > MAX_XML:
        raise RejectedFile(RefusalCode.FILE_TOO_HEAVY)
    return data


if __name__ == "__main__":
    serve(look)
