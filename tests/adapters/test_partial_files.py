"""Partial files: their size is the truth, and one at a time writes into each."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from lms.adapters.partial_files import PartialBusy, PartialFiles, UnknownPartial
from lms.adapters.store import StoreFull
from lms.clock import now


@pytest.fixture
def partials(tmp_path: Path) -> PartialFiles:
    made = PartialFiles(tmp_path / ".partial")
    made.create("one")
    return made


def test_what_is_appended_is_there_also_for_the_next_process(partials: PartialFiles) -> None:
    for piece in (b"Lun", b"di"):
        with partials.locked("one") as file:
            file.append(BytesIO(piece))
    again = PartialFiles(partials.root)
    assert again.size("one") == 5
    assert (partials.root / "one").read_bytes() == b"Lundi"
    again.create("one")
    assert again.size("one") == 5, "it is created once"
    assert partials.root.stat().st_mode & 0o077 == 0
    assert (partials.root / "one").stat().st_mode & 0o077 == 0


def test_while_one_writes_nobody_else_does(partials: PartialFiles) -> None:
    with partials.locked("one"), pytest.raises(PartialBusy), partials.locked("one"):
        pass
    with partials.locked("one"):
        pass


def test_what_has_ended_is_unknown(partials: PartialFiles) -> None:
    with partials.locked("one") as file:
        file.delete()
    for name in ("one", "../one", ""):
        with pytest.raises(UnknownPartial), partials.locked(name):
            pass
        with pytest.raises(UnknownPartial):
            partials.size(name)
    assert partials.changed() == {}


def test_of_a_piece_that_has_no_room_nothing_stays(
    partials: PartialFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes a part of the piece first, as a full disk does."""
    write = os.pwrite
    room = [3]

    def on_a_small_disk(descriptor: int, content: bytes, at: int) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "no space left")
        taken = write(descriptor, content[: room[0]], at)
        room[0] -= taken
        return taken

    with partials.locked("one") as file:
        file.append(BytesIO(b"Lundi"))
        monkeypatch.setattr(os, "pwrite", on_a_small_disk)
        with pytest.raises(StoreFull):
            file.append(BytesIO(b"mardi"))
        assert file.size == 5
    assert (partials.root / "one").read_bytes() == b"Lundi"


def test_of_a_body_that_breaks_off_nothing_stays(partials: PartialFiles) -> None:
    class Torn(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 3:
                raise ConnectionResetError
            return super().read(3)

    with partials.locked("one") as file, pytest.raises(ConnectionResetError):
        file.append(Torn(b"Lundi"))
    assert partials.size("one") == 0


def test_the_last_change_of_each_is_told(partials: PartialFiles) -> None:
    (moment,) = partials.changed().values()
    assert abs(moment - now()) < timedelta(minutes=1)
