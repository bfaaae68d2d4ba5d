"""Check every uploaded file by its bytes, never by its name or declared type."""

from importlib.util import find_spec
from pathlib import Path

from lms.adapters.media.decode import Facts, run
from lms.adapters.media.names import clean_name
from lms.adapters.media.types import MAX_BYTES, AcceptedFile, Kind, RejectedFile, Rendition
from lms.adapters.store import file_digest
from lms.refusal_codes import RefusalCode

PLAYED_SUFFIX = ".m4a"
_HERE = "lms.adapters.media."
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_PDF = b"%PDF-"


def inspect_upload(source: Path, *, shown_name: str, work: Path) -> AcceptedFile:
    """Check a file and make its renditions, in the folder `work`. Raises `RejectedFile`."""
    head = _head(source)
    name = clean_name(shown_name)
    if _is_photo(head):
        return _photo(source, name, work)
    if _PDF in head:
        return _document(source, name, work, "pdf", "application/pdf")
    if head.startswith(b"PK\x03\x04"):
        return _document(source, name, work, "docx", _WORD)
    return _other(source, name, work)


def inspect_small_image(source: Path, *, work: Path) -> Path:
    """Return a photo made small for our own pages, in the folder `work`.

    Raises `RejectedFile` for anything but a usable photo.
    """
    if not _is_photo(_head(source)):
        raise RejectedFile(RefusalCode.FILE_KIND)
    return _made(work, run(_HERE + "small", source, work))


def inspect_voice(source: Path, *, shown_name: str, work: Path) -> AcceptedFile:
    """Check a file that must be a voice, in the folder `work`. Raises `RejectedFile` for anything else."""
    if _is_photo(_head(source)):
        raise RejectedFile(RefusalCode.FILE_KIND)
    facts = run(_HERE + "sound", source, work)
    if "document" in facts:
        raise RejectedFile(RefusalCode.FILE_KIND)
    return _voice(source, clean_name(shown_name), work, facts)


def may_copy_voices() -> bool:
    """Return whether the library for copies of voices is installed; only the child process loads it."""
    return find_spec("av") is not None


def make_played_copy(source: Path, *, work: Path) -> Path | None:
    """Return a copy of a voice that plays on every phone, in the folder `work`; None where it plays itself.

    Raises `RejectedFile` when it cannot be made.
    """
    facts = run(_HERE + "played", source, work)
    return _made(work, facts) if facts["name"] else None


def _head(source: Path) -> bytes:
    size = source.stat().st_size
    if size == 0:
        raise RejectedFile(RefusalCode.FILE_EMPTY)
    if size > MAX_BYTES:
        raise RejectedFile(RefusalCode.FILE_TOO_BIG)
    with source.open("rb") as file:
        return file.read(1024)


def _is_photo(head: bytes) -> bool:
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
        or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS and b"avif" not in head[16:64])
    )


def _photo(source: Path, name: str, work: Path) -> AcceptedFile:
    facts = _decode("photo", "photo", source, work)
    kept, *shown = facts["made"]
    original = _made(work, kept)
    return AcceptedFile(
        "photo",
        "image/jpeg",
        ".jpg",
        original.stat().st_size,
        file_digest(original),
        original,
        name,
        _renditions(work, shown),
        width=kept["width"],
        height=kept["height"],
    )


def _document(source: Path, name: str, work: Path, reader: str, mime: str) -> AcceptedFile:
    facts = _decode(reader, "document", source, work)
    return AcceptedFile(
        "document",
        mime,
        "." + reader,
        source.stat().st_size,
        file_digest(source),
        source,
        name,
        _renditions(work, facts.get("made", [])),
        pages=facts.get("pages"),
        excerpt=facts.get("text") or "",
    )


def _decode(reader: str, kind: Kind, source: Path, work: Path) -> Facts:
    try:
        return run(_HERE + reader, source, work)
    except RejectedFile as refusal:
        # What is only said to be a photo or a document may be anything.
        raise RejectedFile(refusal.code, None if refusal.code == RefusalCode.FILE_KIND else kind) from None


def _other(source: Path, name: str, work: Path) -> AcceptedFile:
    facts = run(_HERE + "sound", source, work)
    if "document" in facts:
        return _document(_made(work, facts["document"]), name, work, "pdf", "application/pdf")
    return _voice(source, name, work, facts)


def _voice(source: Path, name: str, work: Path, facts: Facts) -> AcceptedFile:
    kept = _made(work, facts["kept"]) if facts["kept"] else source
    return AcceptedFile(
        "voice",
        facts["mime"],
        facts["suffix"],
        kept.stat().st_size,
        file_digest(kept),
        kept,
        name,
        seconds=facts["seconds"],
    )


def _made(work: Path, facts: Facts) -> Path:
    path = work / Path(facts["name"]).name
    if not path.is_file() or path.is_symlink():
        raise RejectedFile(RefusalCode.FILE_BROKEN)
    return path


def _renditions(work: Path, made: list[Facts]) -> tuple[Rendition, ...]:
    return tuple(
        Rendition(
            facts["role"],
            path := _made(work, facts),
            "image/jpeg",
            facts["width"],
            facts["height"],
            path.stat().st_size,
            file_digest(path),
            facts["page"],
        )
        for facts in made
    )
