"""Run a module of ours in a child process, for untrusted bytes: killable, with limits, without secrets.

The application calls `run_child`; the child calls `limit_resources` before anything else. The child must not
load the application: `lms/__init__` imports Flask, which takes longer than most of this work. So the child
starts with an empty package `lms` in its place.
"""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

_LMS = Path(__file__).resolve().parents[1]
START = (
    "import runpy, sys, types\n"
    "lms = types.ModuleType('lms')\n"
    "lms.__path__ = [sys.argv[1]]\n"
    "sys.modules['lms'] = lms\n"
    "runpy.run_module(sys.argv[2], run_name='__main__')\n"
)
# C++ code ends with one of these when it gets no memory (PDFium aborts on purpose); SIGKILL: the OOM killer.
_OUT_OF_MEMORY = {-signal.SIGABRT, -signal.SIGTRAP, -signal.SIGILL, -signal.SIGKILL}


class ChildEnded(Exception):
    """The child gave no answer. `how` is the kind of failure, `why` the text for the log."""

    def __init__(self, how: Literal["slow", "heavy", "broken"], why: str) -> None:
        super().__init__(why)
        self.how = how
        self.why = why


def run_child(
    module: str, arguments: Sequence[str], *, cwd: Path, wall_seconds: float, given: bytes = b""
) -> bytes:
    """Run a module in a child process and return its output; it reads `given` from its standard input.

    Raises `ChildEnded` when it fails or takes longer than `wall_seconds`.
    """
    child = subprocess.Popen(  # noqa: S603 our own interpreter, our own module, arguments that we made
        [sys.executable, "-I", "-c", START, str(_LMS), module, *arguments],
        stdin=subprocess.PIPE if given else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=cwd,
        # Not our environment, which may contain passwords.
        # Few malloc arenas, because each one reserves address space.
        env={"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "2"},
        start_new_session=True,
    )
    try:
        answer, _ = child.communicate(given or None, timeout=wall_seconds)
    except subprocess.TimeoutExpired:
        raise ChildEnded("slow", "wall time") from None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
    if child.returncode == -signal.SIGXCPU:
        raise ChildEnded("slow", "processor time")
    if child.returncode in _OUT_OF_MEMORY:
        raise ChildEnded("heavy", f"exit {child.returncode}")
    if child.returncode != 0:
        raise ChildEnded("broken", f"exit {child.returncode}")
    return answer


def limit_resources(*, memory: int, cpu_seconds: int, output: int) -> None:
    """Limit this process: memory and output in bytes, processor time in seconds.

    The limit on processor time also ends a child whose parent was killed.
    """
    for kind, soft, hard in (
        (resource.RLIMIT_AS, memory, memory),  # macOS does not have it; there only the time is limited
        # SIGXCPU at the soft limit; the hard limit ends with SIGKILL, which looks like too much memory.
        (resource.RLIMIT_CPU, cpu_seconds, cpu_seconds + 1),
        (resource.RLIMIT_FSIZE, output, output),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))
    with suppress(OSError):
        os.nice(5)  # requests come first
