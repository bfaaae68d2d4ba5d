"""Foreign bytes are decoded in a child process that may use little time and memory, and knows no secret.

`run` is called by the app, `serve` by the child. The child must not load the app: `lms/__init__` pulls in
Flask, which takes longer than most pictures. So the child starts with an empty package `lms` in its place.
"""

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lms.adapters.media.facts import CODES, MIB, Unfit
from lms.adapters.store import StoreFull, is_full

WALL_SECONDS = 8.5  # refused within ten seconds, start and clean-up included
CPU_SECONDS = 16  # several decoder threads may count at once; also ends a child whose parent was killed
MEMORY_BYTES = 640 * MIB
OUTPUT_BYTES = 64 * MIB
CHILDREN = 2
QUEUE_SECONDS = 20.0

_places = threading.BoundedSemaphore(CHILDREN)
_log = logging.getLogger(__name__)
_LMS = Path(__file__).resolve().parents[2]
START = (
    "import runpy, sys, types\n"
    "lms = types.ModuleType('lms')\n"
    "lms.__path__ = [sys.argv[1]]\n"
    "sys.modules['lms'] = lms\n"
    "runpy.run_module(sys.argv[2], run_name='__main__')\n"
)
# How C++ ends when it gets no memory (PDFium stops itself on purpose), and how the system's killer ends it.
_OUT_OF_MEMORY = {-signal.SIGABRT, -signal.SIGTRAP, -signal.SIGILL, -signal.SIGKILL}
_NO_SPACE = "no_space"

Facts = dict[str, Any]


def run(module: str, source: Path, work: Path, *, wall_seconds: float = WALL_SECONDS) -> Facts:
    """Let `module` look at `source` and write what it makes of it into `work`; answers with its facts."""
    if not _places.acquire(timeout=QUEUE_SECONDS):
        raise Unfit("file_busy")
    try:
        return _run(module, source, work, wall_seconds)
    finally:
        _places.release()


def _run(module: str, source: Path, work: Path, wall_seconds: float) -> Facts:
    child = subprocess.Popen(  # noqa: S603 our own interpreter, our own module, paths that we made
        [sys.executable, "-I", "-c", START, str(_LMS), module, str(source.resolve()), str(work.resolve())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=work,
        # Nothing of our environment, where passwords may stand.
        # Few malloc arenas, because each one reserves address space.
        env={"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "2"},
        start_new_session=True,
    )
    try:
        answer, _ = child.communicate(timeout=wall_seconds)
    except subprocess.TimeoutExpired:
        raise _refusal(module, "file_too_slow", "wall time") from None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
    if child.returncode == -signal.SIGXCPU:
        raise _refusal(module, "file_too_slow", "processor time")
    if child.returncode in _OUT_OF_MEMORY:
        raise _refusal(module, "file_too_heavy", f"exit {child.returncode}")
    if child.returncode != 0:
        raise _refusal(module, "file_broken", f"exit {child.returncode}")
    try:
        facts = json.loads(answer)
    except ValueError:
        raise _refusal(module, "file_broken", "no answer") from None
    if not isinstance(facts, dict):
        raise _refusal(module, "file_broken", "no facts")
    if facts.get("unfit") == _NO_SPACE:
        raise StoreFull
    if "unfit" in facts:
        code = facts["unfit"]
        raise _refusal(module, code if code in CODES else "file_broken", str(facts.get("why", "")))
    return facts


def _refusal(module: str, code: str, why: str) -> Unfit:
    _log.info("file refused: %s by %s (%s)", code, module.rpartition(".")[2], why)
    return Unfit(code)


def serve(look: Callable[[Path, Path], Facts]) -> None:
    """The child's whole life: limit itself, look at one file, print the facts."""
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),  # macOS does not know it; there the clock alone must do
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))
    with suppress(OSError):
        os.nice(5)  # pages are answered first
    facts: Facts
    try:
        facts = look(Path(sys.argv[-2]), Path(sys.argv[-1]))
    except Unfit as unfit:
        facts = {"unfit": unfit.code}
    except MemoryError:
        facts = {"unfit": "file_too_heavy", "why": "memory"}
    except OSError as error:
        facts = {"unfit": _NO_SPACE if is_full(error) else "file_broken", "why": type(error).__name__}
    except Exception as error:  # noqa: BLE001 whatever a decoder throws at a damaged file, the file is damaged
        facts = {"unfit": "file_broken", "why": type(error).__name__}
    sys.stdout.write(json.dumps(facts))
    sys.stdout.flush()
    os._exit(0)  # decoders need not be unloaded in order
