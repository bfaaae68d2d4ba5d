"""File store: files lie under random keys, never under a name that a person chose."""

import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, BinaryIO, Protocol

from lms.adapters import work_folder

CHUNK = 1 << 20
# 26 letters of base32 are 130 random bits. Lower case only: some file systems ignore case.
_KEY = re.compile(r"[a-z2-7]{26}(?:\.[a-z0-9]{1,8})?\Z")
_SUFFIX = re.compile(r"(?:\.[a-z0-9]{1,8})?\Z")
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_FULL = {errno.ENOSPC, errno.EDQUOT}


class StoreFull(Exception):
    """The disk is full; nothing was stored."""


class UnknownKey(LookupError):
    """Nothing is stored under this key, or it is no key at all."""


class Store(Protocol):
    """A file store. `open`, `size` and `digest` raise `UnknownKey`, `put` raises `StoreFull`."""

    def put(self, source: IO[bytes] | Path, *, suffix: str = "") -> str: ...
    def open(self, key: str) -> BinaryIO: ...
    def size(self, key: str) -> int: ...
    def digest(self, key: str) -> str: ...
    def delete(self, key: str) -> None: ...
    def keys(self) -> Iterator[tuple[str, datetime]]: ...
    def free_bytes(self) -> int: ...
    def sweep_temp(self, older_than: datetime | None = None) -> int: ...
    def left_over(self) -> list[str]: ...


def is_full(error: OSError) -> bool:
    """Return whether the error means that the disk or the quota is full."""
    return error.errno in _FULL


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class LocalStore:
    """A store in a folder. Files are spread over 1024 sub-folders by the first two letters of their key."""

    def __init__(self, root: Path) -> None:
        self.root = root
        # On the same file system as the store, so that the last move is a rename and never a copy.
        self.temp = root / ".incoming"
        for folder in (root, self.temp):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, source: IO[bytes] | Path, *, suffix: str = "") -> str:
        """Store the bytes and return their key, once they would survive a power cut. Raises `StoreFull`."""
        if not _SUFFIX.match(suffix):
            raise ValueError(f"not a file suffix: {suffix!r}")
        key = "".join(secrets.choice(_ALPHABET) for _ in range(26)) + suffix
        temporary, final = self.temp / key, self._path(key)
        try:
            with _create(temporary) as target:
                if isinstance(source, Path):
                    with source.open("rb") as stream:
                        _write(stream, target)
                else:
                    _write(source, target)
                if not final.parent.is_dir():
                    final.parent.mkdir(exist_ok=True, mode=0o700)
                    _sync_folder(self.root)
                temporary.replace(final)  # while it is locked: a cleanup must not delete it before
            _sync_folder(final.parent)
        except BaseException as error:
            for path in (temporary, final):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            if isinstance(error, OSError) and is_full(error):
                raise StoreFull from error
            raise
        return key

    def open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except FileNotFoundError:
            raise UnknownKey(key) from None

    def size(self, key: str) -> int:
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            raise UnknownKey(key) from None

    def digest(self, key: str) -> str:
        """Return the SHA-256 of the stored bytes, read back from the store."""
        try:
            return file_digest(self._path(key))
        except FileNotFoundError:
            raise UnknownKey(key) from None

    def delete(self, key: str) -> None:
        path = self._path(key)
        try:
            path.unlink()
        except FileNotFoundError:
            return
        _sync_folder(path.parent)

    def keys(self) -> Iterator[tuple[str, datetime]]:
        for folder in sorted(self.root.iterdir()):
            if len(folder.name) != 2 or not folder.is_dir():
                continue
            for path in sorted(folder.iterdir()):
                if _KEY.match(path.name):
                    with suppress(FileNotFoundError):  # deleted in the meantime
                        yield path.name, datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.root).free

    def sweep_temp(self, older_than: datetime | None = None) -> int:
        """Delete the unfinished files that killed processes left; return how many."""
        return work_folder.delete_unused(self.temp, older_than)

    def left_over(self) -> list[str]:
        """Return the names of the unfinished files that killed processes left."""
        return [path.name for path in work_folder.left_over(self.temp)]

    def _path(self, key: str) -> Path:
        if not _KEY.match(key):
            raise UnknownKey(key)
        return self.root / key[:2] / key


def _create(path: Path) -> BinaryIO:
    """Create the file, locked as long as it is open."""
    while True:
        target = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        if work_folder.lock_new(path, target.fileno()):
            return target
        target.close()


def _write(stream: IO[bytes], target: BinaryIO) -> None:
    shutil.copyfileobj(stream, target, CHUNK)
    target.flush()
    os.fsync(target.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
