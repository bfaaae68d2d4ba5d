"""Uploaded files: keep them as they were sent; later check, clean and store them.

None of it happens in a transaction: no upload and no decoder ever holds the write lock. A request keeps the
bytes (`keep_uploads`), a worker does the rest (`prepare_file`).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from lms.adapters.media.intake import (
    PLAYED_SUFFIX,
    inspect_small_image,
    inspect_upload,
    inspect_voice,
    make_played_copy,
)
from lms.adapters.media.names import clean_name
from lms.adapters.media.types import AcceptedFile, RejectedFile
from lms.adapters.store import Store, StoreFull, UnknownKey, file_digest
from lms.adapters.work_folder import free_bytes
from lms.domain.homework.files import ReceivedFile, StoredFile, StoredRendition
from lms.domain.homework.played_copies import StoredCopy
from lms.models import FileKind
from lms.refusal_codes import RefusalCode

# The kind that each field of the form asks for.
_ASKED = {
    "photo": FileKind.PHOTO,
    "picture": FileKind.PHOTO,
    "voice": FileKind.VOICE,
    "document": FileKind.DOCUMENT,
}


small_images = threading.Semaphore(1)


class Upload(Protocol):
    """A file of a form, as Flask gives it. `name` is that of the field."""

    @property
    def filename(self) -> str | None: ...
    @property
    def name(self) -> str | None: ...
    @property
    def stream(self) -> IO[bytes]: ...


@dataclass
class UploadResult:
    """Result of the files of one form."""

    files: list[ReceivedFile] = field(default_factory=list)
    # Of each refused file the shown name, the reason and the kind that the field of the form asks for.
    refused: list[tuple[str, RefusalCode, FileKind]] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        return [file.received_key for file in self.files]


@dataclass(frozen=True)
class Limits:
    """Limits of an upload in bytes: of one file, of all that the learner may still use, and the free space
    that must stay on the disks of the store and of the work folders.
    """

    max_bytes: int
    room: int
    floor: int


def keep_uploads(received: Store, uploads: Iterable[Upload], limits: Limits, temp: Path) -> UploadResult:
    """Keep each file as it was sent, read back; a rejected file does not affect the others.

    `temp`: the folder in which a worker will make its copies; its disk may be another one.
    """
    result, room = UploadResult(), limits.room
    try:
        for upload in uploads:
            name, kind = clean_name(upload.filename or ""), _ASKED[upload.name or ""]
            try:
                size = _check_size(received, upload, limits, temp)
                if size > room:
                    raise _Rejected(RefusalCode.QUOTA_FULL)
                digest = _digest(upload.stream)
                key = _write(received, upload.stream, "", digest)
            except (RejectedFile, _Rejected) as refusal:
                result.refused.append((name, refusal.code, kind))
            except StoreFull:
                result.refused.append((name, RefusalCode.STORE_FULL, kind))
            else:
                result.files.append(ReceivedFile(kind, name, key, size, digest))
                room -= size
    except BaseException:
        delete_keys(received, result.keys)
        raise
    return result


def require_room(store: Store, size: int, floor: int, folder: Path) -> None:
    """Raise `StoreFull` when less than `floor` bytes would stay free where files are stored and made.

    `folder`: of the temporary files; it is made where there is none.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if min(store.free_bytes(), free_bytes(folder)) - size < floor:
        raise StoreFull


def keep_file(received: Store, path: Path) -> tuple[str, str]:
    """Keep a file that has come in pieces as it was sent, read back; return its key and its SHA-256.

    Raises `StoreFull`.
    """
    digest = file_digest(path)
    return _write(received, path, "", digest), digest


def prepare_file(store: Store, source: Path, shown_name: str, work: Path) -> StoredFile:
    """Check and clean a file and store what is kept of it. Raises `RejectedFile` or `StoreFull`."""
    return _store(store, inspect_upload(source, shown_name=shown_name, work=work))


def fetch_received(received: Store, key: str, sha256: str, target: Path) -> bool:
    """Copy a received file into a work folder; return whether it is there, and as it was sent."""
    try:
        with received.open(key) as source, target.open("wb") as copy:
            while chunk := source.read(1 << 20):
                copy.write(chunk)
    except UnknownKey:
        return False
    return file_digest(target) == sha256


def store_small_image(
    store: Store, upload: Upload, folder: Path, *, max_bytes: int, floor: int
) -> tuple[str, str]:
    """Shrink and store a photo for our own pages; return its key and its SHA-256.

    One at a time: it is done while the person waits, in a thread that serves pages.
    Raises `RejectedFile` or `StoreFull`.
    """
    _check_size(store, upload, Limits(max_bytes, max_bytes, floor), folder)
    if not small_images.acquire(blocking=False):
        raise RejectedFile(RefusalCode.FILE_BUSY)
    try:
        source = folder / "sent"
        with source.open("wb") as copy:
            while chunk := upload.stream.read(1 << 20):
                copy.write(chunk)
        path = inspect_small_image(source, work=folder)
        digest = file_digest(path)
        return _write(store, path, ".jpg", digest), digest
    finally:
        small_images.release()


def store_voice(store: Store, upload: Upload, folder: Path, *, max_bytes: int, floor: int) -> StoredFile:
    """Check and store a voice while the person waits; it is only looked at, never decoded.

    Raises `RejectedFile` or `StoreFull`.
    """
    _check_size(store, upload, Limits(max_bytes, max_bytes, floor), folder)
    source = folder / "sent"
    with source.open("wb") as copy:
        while chunk := upload.stream.read(1 << 20):
            copy.write(chunk)
    return _store(store, inspect_voice(source, shown_name=upload.filename or "", work=folder))


def store_played_copy(store: Store, key: str, folder: Path) -> StoredCopy | None:
    """Make and store the copy of a stored voice that plays on every phone; None where it plays itself.

    Raises `RejectedFile`, `StoreFull`, or `UnknownKey` when the voice is gone.
    """
    source = folder / "sent"
    with store.open(key) as stored, source.open("wb") as copy:
        while chunk := stored.read(1 << 20):
            copy.write(chunk)
    path = make_played_copy(source, work=folder)
    if path is None:
        return None
    digest = file_digest(path)
    return StoredCopy(_write(store, path, PLAYED_SUFFIX, digest), path.stat().st_size, digest)


def delete_keys(store: Store, keys: Iterable[str]) -> None:
    """Delete files that no row refers to. `flask doctor` finds a file that could not be deleted."""
    for key in keys:
        with suppress(OSError):
            store.delete(key)


def verify(store: Store, key: str, sha256: str) -> bool:
    """Return whether the bytes are in the store, by reading them back."""
    try:
        return store.digest(key) == sha256
    except UnknownKey:
        return False


class _Rejected(Exception):
    def __init__(self, code: RefusalCode) -> None:
        super().__init__(code)
        self.code = code


def _check_size(store: Store, upload: Upload, limits: Limits, folder: Path) -> int:
    """Return the size of the file, and go to its beginning."""
    size = upload.stream.seek(0, 2)
    upload.stream.seek(0)
    if size == 0:
        raise RejectedFile(RefusalCode.FILE_EMPTY)
    if size > limits.max_bytes:
        raise RejectedFile(RefusalCode.FILE_TOO_BIG)
    require_room(store, size, limits.floor, folder)
    return size


def _digest(stream: IO[bytes]) -> str:
    """Return the SHA-256 of a stream from its beginning, and go back there."""
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    stream.seek(0)
    return digest.hexdigest()


def _write(store: Store, source: IO[bytes] | Path, suffix: str, sha256: str) -> str:
    """Store the file, read it back and return its key; delete it when its bytes differ."""
    key = store.put(source, suffix=suffix)
    try:
        if not verify(store, key, sha256):
            raise OSError(f"the store does not give back what was stored: {key}")
    except BaseException:
        delete_keys(store, [key])
        raise
    return key


def _store(store: Store, taken: AcceptedFile) -> StoredFile:
    keys: list[str] = []

    def put(path: Path, suffix: str, sha256: str) -> str:
        keys.append(_write(store, path, suffix, sha256))
        return keys[-1]

    try:
        return StoredFile(
            kind=taken.kind,
            shown_name=clean_name(taken.download_name),
            store_key=put(taken.original, taken.suffix, taken.sha256),
            mime=taken.mime,
            size=taken.size,
            sha256=taken.sha256,
            seconds=None if taken.seconds is None else max(1, round(taken.seconds)),
            excerpt=taken.excerpt,
            renditions=tuple(
                StoredRendition(
                    purpose=made.purpose,
                    page=made.page,
                    store_key=put(made.path, ".jpg", made.sha256),
                    mime=made.mime,
                    width=made.width,
                    height=made.height,
                    size=made.size,
                    sha256=made.sha256,
                )
                for made in taken.renditions
            ),
        )
    except BaseException:
        delete_keys(store, keys)
        raise
