"""A module in a process of its own: how it ends is always an answer. Media and calendars are read in such."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lms.adapters import sandbox

ROOT = Path("/")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `lms` of its own with one module, whose text each test writes."""
    monkeypatch.setattr(sandbox, "_LMS", tmp_path)
    return tmp_path / "child_of_test.py"


def limits(**changed: int) -> str:
    values = {"memory": 256 << 20, "cpu_seconds": 5, "output": 0, **changed}
    source = Path(sandbox.__file__).read_text()
    return f"{source}\nlimit_resources(**{values!r})\n"


def how(module: Path, text: str, wall_seconds: float = 20) -> str:
    module.write_text(text)
    with pytest.raises(sandbox.ChildEnded) as end:
        sandbox.run_child("lms.child_of_test", [], cwd=ROOT, wall_seconds=wall_seconds)
    return end.value.how


def test_what_it_is_given_it_reads_and_what_it_prints_is_the_answer(module: Path) -> None:
    module.write_text("import sys\nprint(sys.argv[-1], sys.stdin.read())")
    answer = sandbox.run_child(
        "lms.child_of_test", ["one"], cwd=ROOT, wall_seconds=20, given="réunion".encode()
    )
    assert answer.decode() == "one réunion\n"


def test_it_knows_nothing_of_our_environment(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMS_MAIL_PASSWORD", "very-secret")
    module.write_text("import os\nprint(sorted(os.environ))")
    answer = sandbox.run_child("lms.child_of_test", [], cwd=ROOT, wall_seconds=20)
    assert answer == b"['LC_ALL', 'MALLOC_ARENA_MAX', 'OMP_NUM_THREADS']\n"


def test_one_that_waits_for_ever_is_killed_in_time(module: Path) -> None:
    started = time.monotonic()
    assert how(module, "import signal\nsignal.pause()", wall_seconds=1) == "slow"
    assert time.monotonic() - started < 5


def test_one_that_counts_for_ever_is_ended_by_its_processor_time(module: Path) -> None:
    assert how(module, limits(cpu_seconds=1) + "while True: pass") == "slow"


def test_one_that_breaks_or_wants_all_memory_is_told_apart_from_a_slow_one(module: Path) -> None:
    assert how(module, limits() + "bytearray(1 << 30)") == "broken"
    assert how(module, "import os\nos.abort()") == "heavy"
    assert how(module, "raise SystemExit(3)") == "broken"
