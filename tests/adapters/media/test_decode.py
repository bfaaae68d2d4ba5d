import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lms.adapters.media.decode import CHILDREN, run
from lms.adapters.media.types import RejectedFile
from lms.adapters.sandbox import START
from tests.support import files

PHOTO = "lms.adapters.media.photo"


@pytest.fixture
def silent_file(tmp_path: Path) -> Path:
    """A file that never gives its first byte: whoever reads it waits for ever."""
    path = tmp_path / "silent"
    os.mkfifo(path)
    return path


def children() -> set[int]:
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in of(task / "children").split()}


def of(path: Path) -> bytes:
    """What the system says of a thread or a process; nothing when it ended meanwhile."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def eventually(question: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if question():
            return True
        time.sleep(0.01)
    return False


def waiting(source: Path, work: Path, answers: list[str], wall_seconds: float) -> threading.Thread:
    def ask() -> None:
        try:
            run(PHOTO, source, work, wall_seconds=wall_seconds)
        except RejectedFile as rejected:
            answers.append(rejected.code)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_a_decoder_that_hangs_is_killed_and_leaves_no_process(silent_file: Path, tmp_path: Path) -> None:
    before, started = children(), time.monotonic()
    with pytest.raises(RejectedFile, match="file_too_slow"):
        run(PHOTO, silent_file, tmp_path, wall_seconds=0.7)
    assert time.monotonic() - started < 3
    assert children() <= before


def test_a_decoder_that_wants_all_memory_is_refused(tmp_path: Path) -> None:
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(3 << 30)  # takes no room on the disk
    with pytest.raises(RejectedFile, match="file_too_heavy"):
        run(PHOTO, huge, tmp_path)


def test_a_module_that_cannot_start_is_an_answer_as_well(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile, match="file_broken"):
        run("lms.adapters.media.no_such_reader", tmp_path / "x", tmp_path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_child_knows_no_secret_of_the_app(
    silent_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMS_MAIL_PASSWORD", "very-secret")
    before, answers = children(), list[str]()
    thread = waiting(silent_file, tmp_path, answers, 3)

    def environment() -> bytes:
        return b"".join(of(Path(f"/proc/{pid}/environ")) for pid in children() - before)

    assert eventually(lambda: b"MALLOC_ARENA_MAX" in environment())
    assert b"very-secret" not in environment()
    thread.join()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_however_many_send_at_once_only_two_files_are_decoded(silent_file: Path, tmp_path: Path) -> None:
    before, answers, most = children(), list[str](), 0
    threads = [waiting(silent_file, tmp_path, answers, 0.5) for _ in range(5)]
    while any(thread.is_alive() for thread in threads):
        most = max(most, len(children() - before))
        time.sleep(0.01)
    assert most == CHILDREN
    assert answers == ["file_too_slow"] * 5


def test_the_child_does_not_load_the_app(tmp_path: Path) -> None:
    """Start-up would take longer than most pictures."""
    source = tmp_path / "photo"
    source.write_bytes(files.jpeg(60, 80))
    spied = START.replace("runpy.run_module", "import os\nos._exit = lambda code: None\nrunpy.run_module")
    spied += "print()\nprint('flask' in sys.modules, 'sqlalchemy' in sys.modules, 'PIL' in sys.modules)\n"
    lms = Path(__file__).parents[3] / "lms"
    ended = subprocess.run(
        [sys.executable, "-I", "-c", spied, str(lms), PHOTO, str(source), str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert ended.stdout.splitlines()[-1] == "False False True"


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    yield
    if sys.platform.startswith("linux"):
        assert not [pid for pid in children() if b"lms.adapters.media" in of(Path(f"/proc/{pid}/cmdline"))]
