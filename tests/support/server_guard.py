"""Runs one private server of a test run: `python server_guard.py ALIVE FOLDER USER COMMAND...`.

Ends the server and removes its folder on SIGTERM, or as soon as no process holds the lock on the file ALIVE.
The kernel drops that lock however the test run ends, by `kill -9` too, so nothing is left behind.
Standard library only, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import pwd
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType


def is_held(alive: Path) -> bool:
    try:
        with alive.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def start(command: list[str], folder: Path, user: str) -> subprocess.Popen[bytes]:
    if not user:
        return subprocess.Popen(command, cwd=folder)
    group = pwd.getpwnam(user).pw_gid
    return subprocess.Popen(command, cwd=folder, user=user, group=group, extra_groups=[])


def end(server: subprocess.Popen[bytes]) -> None:
    # SIGINT is the fast shutdown of PostgreSQL: it does not wait for its clients.
    server.send_signal(signal.SIGINT)
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def tidy(alive: Path) -> None:
    """Remove the folder of a run that is over, when this is its last server."""
    with contextlib.suppress(FileNotFoundError):
        if not is_held(alive) and not any(path.is_dir() for path in alive.parent.iterdir()):
            shutil.rmtree(alive.parent, ignore_errors=True)


def leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def main(alive: Path, folder: Path, user: str, command: list[str]) -> None:
    signal.signal(signal.SIGTERM, leave)
    server = start(command, folder, user)
    try:
        while server.poll() is None and is_held(alive):
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(timeout=0.1)
    finally:
        end(server)
        shutil.rmtree(folder, ignore_errors=True)
        tidy(alive)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
