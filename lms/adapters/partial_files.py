"""Partial files: what has come of an upload until now. Their size is all that is known of the progress.

They lie beside the store, so that they survive a restart. Who writes into one holds its lock; the kernel
releases that when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from lms.adapters.store import CHUNK, StoreFull, is_full


class UnknownPartial(LookupError):
    """There is no partial file of this upload."""


class PartialBusy(Exception):
    """Somebody else is writing into the partial file."""


class Partial:
    """A partial file whose lock is held."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def append(self, source: IO[bytes]) -> None:
        """Append the bytes so that they survive a power cut. Raises `StoreFull`; then nothing was added."""
        size = self.size
        try:
            while chunk := source.read(CHUNK):
                size += self._write(chunk, size)
            os.fsync(self._descriptor)
        except BaseException as error:
            os.ftruncate(self._descriptor, self.size)
            if isinstance(error, OSError) and is_full(error):
                raise StoreFull from error
            raise
        self.size = size

    def _write(self, chunk: bytes, at: int) -> int:
        """Write all of the chunk: on a full disk the system may take a part of it without an error."""
        written = 0
        while written < len(chunk):
            written += os.pwrite(self._descriptor, chunk[written:], at + written)
        return written

    def delete(self) -> None:
        """Delete the file: its upload has ended."""
        self.path.unlink(missing_ok=True)


class PartialFiles:
    """The partial files of an instance, each under the id of its upload."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self, upload_id: str) -> None:
        """Create an empty file, unless there is one."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self._path(upload_id), os.O_WRONLY | os.O_CREAT, 0o600))
        folder = os.open(self.root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def size(self, upload_id: str) -> int:
        """Return how many bytes have come. Raises `UnknownPartial`."""
        try:
            return self._path(upload_id).stat().st_size
        except FileNotFoundError:
            raise UnknownPartial(upload_id) from None

    @contextmanager
    def locked(self, upload_id: str) -> Iterator[Partial]:
        """Hold the lock of a file. Raises `UnknownPartial`; `PartialBusy` when somebody else holds it."""
        path = self._path(upload_id)
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            raise UnknownPartial(upload_id) from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise PartialBusy(upload_id) from None
            if os.fstat(descriptor).st_nlink == 0:  # it ended between the two calls
                raise UnknownPartial(upload_id)
            yield Partial(path, descriptor)
        finally:
            os.close(descriptor)

    def delete(self, upload_id: str) -> None:
        """Delete the file of an upload that has ended, or of none."""
        self._path(upload_id).unlink(missing_ok=True)

    def changed(self) -> dict[str, datetime]:
        """Return by id when each file changed last."""
        found = {}
        for path in self.root.glob("*"):
            with suppress(FileNotFoundError):  # deleted in the meantime
                found[path.name] = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return found

    def _path(self, upload_id: str) -> Path:
        if not upload_id.isalnum():
            raise UnknownPartial(upload_id)
        return self.root / upload_id
