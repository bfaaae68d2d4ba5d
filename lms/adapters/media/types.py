"""Results of checking a file: accepted with its facts, or rejected with a code."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lms.refusal_codes import RefusalCode

Kind = Literal["photo", "document", "voice"]

MIB = 1024 * 1024
# In the work folder: the marks that `marked` is asked to draw, and the page with them.
ASKED, DRAWN = "asked.json", "marked.jpg"
MAX_BYTES = 25 * MIB

# Every reason to reject a file; each has a sentence in every language.
CODES = frozenset(
    {
        RefusalCode.FILE_EMPTY,
        RefusalCode.FILE_TOO_BIG,
        RefusalCode.FILE_KIND,  # a kind of file that is not accepted
        RefusalCode.FILE_VIDEO,  # a video where sound was expected
        RefusalCode.FILE_BROKEN,  # damaged, or cut off on the way
        RefusalCode.FILE_ENCRYPTED,  # a password is needed to open it
        RefusalCode.FILE_MACROS,  # a document with macros
        RefusalCode.FILE_TOO_MANY_PAGES,
        RefusalCode.FILE_TOO_MANY_PIXELS,
        RefusalCode.FILE_TOO_HEAVY,  # unpacks to far more than it should
        RefusalCode.FILE_TOO_SLOW,  # reading it takes too long
        RefusalCode.FILE_LOST,  # not what was received
        RefusalCode.FILE_BUSY,  # too many files are being read right now; nothing is wrong with this one
    }
)


class RejectedFile(Exception):
    """A file that is not accepted. `code` is one of `CODES`; `kind` is what it is, where that shows."""

    def __init__(self, code: RefusalCode, kind: Kind | None = None) -> None:
        if code not in CODES:
            raise ValueError(f"unknown reason: {code}")
        super().__init__(code)
        self.code = code
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Rendition:
    """A picture made of a file, for the screen. Pages count from 1."""

    purpose: Literal["web", "thumb"]
    path: Path
    mime: str
    width: int
    height: int
    size: int
    sha256: str
    page: int = 1


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """An accepted file that lies in a work folder and not yet in the store.

    `original`, `mime`, `suffix`, `size` and `sha256` describe the bytes to store: for a photo the cleaned
    picture, for the other kinds the file as it was sent.
    """

    kind: Kind
    mime: str
    suffix: str
    size: int
    sha256: str
    original: Path
    name: str
    renditions: tuple[Rendition, ...] = field(default=())
    width: int | None = None
    height: int | None = None
    pages: int | None = None
    seconds: float | None = None
    excerpt: str = ""

    @property
    def download_name(self) -> str:
        """Return the shown name, with the suffix of the stored bytes."""
        return self.name if self.name.lower().endswith(self.suffix) else _stem(self.name) + self.suffix


def _stem(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return stem if dot and stem and len(ending) <= 5 and ending.isalnum() else name
