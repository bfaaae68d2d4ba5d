"""What is said about a file: taken (and as what), or unfit (and why)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

MIB = 1024 * 1024
MAX_BYTES = 25 * MIB

# Every reason a file can be refused for; each has a sentence in every language.
CODES = frozenset(
    {
        "file_empty",
        "file_too_big",
        "file_kind",  # we do not take this kind of file
        "file_video",  # a film where sound was expected
        "file_broken",  # damaged, or cut off on the way
        "file_encrypted",  # a password is needed to open it
        "file_macros",  # a document with programs inside
        "file_too_many_pages",
        "file_too_many_pixels",
        "file_too_heavy",  # unpacks to far more than it should
        "file_too_slow",  # reading it takes too long
        "file_busy",  # too many files are being read just now: nothing is wrong with this one
    }
)


class RejectedFile(Exception):
    def __init__(self, code: str) -> None:
        if code not in CODES:
            raise ValueError(f"unknown reason: {code}")
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Rendition:
    """A picture made by us, for the screen. Pages count from 1."""

    role: Literal["web", "thumb"]
    path: Path
    mime: str
    width: int
    height: int
    size: int
    sha256: str
    page: int = 1


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """A file we keep. `original`, `mime`, `suffix`, `size` and `sha256` all describe the bytes to store:
    for a photo that is our clean copy, for the other kinds the file as it was sent."""

    kind: Literal["photo", "document", "voice"]
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
    text: str | None = None
    plays: bool = False  # whether current browsers play this sound by themselves (none plays AMR)

    @property
    def download_name(self) -> str:
        """The shown name with the ending that the stored bytes deserve."""
        return self.name if self.name.lower().endswith(self.suffix) else _stem(self.name) + self.suffix


def _stem(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return stem if dot and stem and len(ending) <= 5 and ending.isalnum() else name
