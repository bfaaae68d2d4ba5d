"""Temporary files and folders under the instance folder, each locked by the process that uses it.

The kernel releases a lock when its process ends, however it ends. So what nobody locks was left over by a
killed process, and a cleanup may delete it at any time, also while other processes of the instance work.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path


@contextmanager
def work_folder(parent: Path, prefix: str = "") -> Iterator[Path]:
    """Make a folder that only its owner can read, and delete it at the end."""
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = parent / f"{prefix}{secrets.token_hex(8)}"
    while True:
        folder.mkdir(mode=0o700)
        with suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            if lock_new(folder, descriptor):
                break
            os.close(descriptor)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk on which the folder lies."""
    return shutil.disk_usage(folder).free


def lock_new(path: Path, descriptor: int) -> bool:
    """Lock what was just made; return False when a cleanup deleted it before it was locked."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def left_over(parent: Path, older_than: datetime | None = None, pattern: str = "*") -> list[Path]:
    """Return what no running process uses; with `older_than` only what did not change since."""
    return list(_unused(parent, older_than, pattern))


def delete_unused(parent: Path, older_than: datetime | None = None, pattern: str = "*") -> int:
    """Delete what no running process uses; with `older_than` only what did not change since.

    Returns how many; what cannot be deleted stays for the next time.
    """
    deleted = 0
    for path in _unused(parent, older_than, pattern):
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            deleted += 1
    return deleted


def _unused(parent: Path, older_than: datetime | None, pattern: str) -> Iterator[Path]:
    """Yield each unused path while its lock is held, so that nobody begins to use it meanwhile."""
    for path in sorted(parent.glob(pattern)):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:  # deleted in the meantime, or nothing of ours
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if older_than is None or os.fstat(descriptor).st_mtime < older_than.timestamp():
                yield path
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
