"""Recognise a voice, and what is none of the kinds that their first bytes show. Runs in the child process."""

from pathlib import Path

from lms.adapters.media.decode import Facts, serve
from lms.adapters.media.types import RejectedFile
from lms.adapters.media.voice import read_voice
from lms.refusal_codes import RefusalCode

_PDF, _PDF_FAR = b"%PDF-", 64 * 1024
_ENCRYPTED_OFFICE = "EncryptedPackage".encode("utf-16-le")


def look(source: Path, work: Path) -> Facts:
    """Return the facts of a voice; or of a PDF that begins late in the file, the name of its copy."""
    data = source.read_bytes()
    if data.startswith(b"\xd0\xcf\x11\xe0") and _ENCRYPTED_OFFICE in data:
        raise RejectedFile(RefusalCode.FILE_ENCRYPTED)
    try:
        sound = read_voice(data)
    except IndexError:  # the reader ran over the end of the file
        raise RejectedFile(RefusalCode.FILE_BROKEN, "voice") from None
    except RejectedFile as refusal:
        kind = "voice" if refusal.code == RefusalCode.FILE_BROKEN else refusal.kind
        raise RejectedFile(refusal.code, kind) from None
    header = data.find(_PDF, 0, _PDF_FAR)
    if sound is None and header > 0:
        # Headers of a download before the document: no reader looks so far for its beginning.
        return {"document": _copy(work / "document", data[header:])}
    if sound is None:
        raise RejectedFile(RefusalCode.FILE_KIND)
    kept = None if sound.kept is None else _copy(work / "voice", sound.kept)
    return {"mime": sound.mime, "suffix": sound.suffix, "seconds": sound.seconds, "kept": kept}


def _copy(path: Path, data: bytes) -> Facts:
    path.write_bytes(data)
    return {"name": path.name}


if __name__ == "__main__":
    serve(look)
