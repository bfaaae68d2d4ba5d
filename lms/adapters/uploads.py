"""Uploaded files: check, clean, store and read them back.

All of it happens before the transaction: no upload and no decoder ever holds the write lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lms.adapters.media.intake import inspect_small_image, inspect_upload
from lms.adapters.media.names import clean_name
from lms.adapters.media.types import AcceptedFile, RejectedFile
from lms.adapters.store import Store, StoreFull, UnknownKey, file_digest
from lms.adapters.work_folder import free_bytes
from lms.domain.homework.files import StoredFile, StoredRendition
from lms.refusal_codes import RefusalCode

# The kind that each field of the form asks for.
_ASKED = {"photo": "photo", "picture": "photo", "voice": "voice", "document": "document"}


class Upload(Protocol):
    """A file of a form, as Flask gives it."""

    @property
    def filename(self) -> str | None: ...
    @property
    def name(self) -> str | None: ...
    def save(self, dst: Path, /) -> None: ...


@dataclass
class UploadResult:
    """Result of the files of one form."""

    files: list[StoredFile] = field(default_factory=list)
    refused: list[tuple[str, RefusalCode]] = field(default_factory=list)  # shown name, reason
    asked: list[str] = field(
        default_factory=list
    )  # of each refused file the kind, or "" where nothing shows it

    @property
    def keys(self) -> list[str]:
        return [key for file in self.files for key in file.keys]

    def refuse(self, name: str, code: RefusalCode, asked: str = "") -> None:
        """Note a refused file. `asked`: its kind, or the kind that the field of the form asks for."""
        self.refused.append((name, code))
        self.asked.append(asked)


def store_uploads(
    store: Store,
    uploads: Iterable[Upload],
    folder: Path,
    *,
    max_bytes: int,
    room: int,
    floor: int,
    kinds: Iterable[str],
) -> UploadResult:
    """Check and store each file; a rejected file does not affect the others.

    `max_bytes`: of one file. `room`: bytes that the learner may still use. `floor`: bytes that must stay free
    on the disk. `kinds`: accepted kinds.
    """
    received, wanted = UploadResult(), set(kinds)
    try:
        for number, upload in enumerate(uploads):
            name = clean_name(upload.filename or "")
            work = folder / str(number)
            work.mkdir()
            source = work / "sent"
            upload.save(source)
            try:
                new = _receive(store, source, name, work, max_bytes, room, floor, wanted)
            except RejectedFile as refusal:
                received.refuse(name, refusal.code, refusal.kind or _ASKED.get(upload.name or "", ""))
            except _Rejected as refusal:
                received.refuse(name, refusal.code)
            except StoreFull:
                received.refuse(name, RefusalCode.STORE_FULL)
            else:
                received.files.append(new)
                room -= new.room
            finally:
                source.unlink(missing_ok=True)
    except BaseException:
        delete_keys(store, received.keys)
        raise
    return received


def store_small_image(store: Store, upload: Upload, folder: Path, *, max_bytes: int, floor: int) -> str:
    """Shrink and store a photo for our own pages; return its key. Raises `RejectedFile` or `StoreFull`."""
    source = folder / "sent"
    upload.save(source)
    _check_room(store, source, max_bytes, floor)
    path = inspect_small_image(source, work=folder)
    return _write(store, path, ".jpg", file_digest(path))


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


def _receive(
    store: Store,
    source: Path,
    name: str,
    work: Path,
    max_bytes: int,
    room: int,
    floor: int,
    kinds: set[str],
) -> StoredFile:
    _check_room(store, source, max_bytes, floor)
    taken = inspect_upload(source, shown_name=name, work=work)
    if taken.kind not in kinds:
        raise _Rejected(RefusalCode(f"kind_{taken.kind}"))
    if taken.size + sum(made.size for made in taken.renditions) > room:
        raise _Rejected(RefusalCode.QUOTA_FULL)
    return _store(store, taken)


def _check_room(store: Store, source: Path, max_bytes: int, floor: int) -> None:
    size = source.stat().st_size
    if size > max_bytes:
        raise RejectedFile(RefusalCode.FILE_TOO_BIG)
    # The copies that we make in the work folder may lie on another disk than the store.
    if min(store.free_bytes(), free_bytes(source.parent)) - size < floor:
        raise StoreFull


def _write(store: Store, path: Path, suffix: str, sha256: str) -> str:
    """Store the file, read it back and return its key; delete it when its bytes differ."""
    key = store.put(path, suffix=suffix)
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
                )
                for made in taken.renditions
            ),
        )
    except BaseException:
        delete_keys(store, keys)
        raise
