"""Temporary files end with the process that made them, and with no other."""

from __future__ import annotations

import io
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from lms.adapters.store import LocalStore
from lms.adapters.work_folder import delete_unused, left_over, work_folder
from lms.clock import now


def killed_while_working(parent: Path) -> None:
    """Run a process that is killed with a photo in its work folder."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from lms.adapters.work_folder import work_folder\n"
        "with work_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'photo').write_bytes(b'where it was taken')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(parent)], check=False, cwd=Path.cwd())
    assert ended.returncode == -9


def test_a_work_folder_is_gone_after_the_work(tmp_path: Path) -> None:
    with work_folder(tmp_path / "tmp") as folder:
        (folder / "photo").write_bytes(b"x")
        assert folder.stat().st_mode & 0o077 == 0
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_sweep_takes_what_a_killed_process_left_and_leaves_what_is_in_use(tmp_path: Path) -> None:
    killed_while_working(tmp_path)
    with work_folder(tmp_path) as folder:
        (dead,) = left_over(tmp_path)
        assert delete_unused(tmp_path, now() - timedelta(days=1)) == 0
        assert delete_unused(tmp_path) == 1
        assert not dead.exists()
        assert folder.is_dir()


def test_a_sweep_leaves_a_file_that_is_being_stored(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert store.sweep_temp() == 0
            return super().read(size)

    key = store.put(Slow(b"a recording"))
    assert store.size(key) == 11


def test_nothing_to_sweep_is_no_fault(tmp_path: Path) -> None:
    assert delete_unused(tmp_path / "nowhere") == 0
