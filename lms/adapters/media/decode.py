"""Decode uploaded files in a child process with limited time and memory, and without secrets.

The application calls `run`, the child calls `serve`.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lms.adapters import sandbox
from lms.adapters.media.types import CODES, MIB, Kind, RejectedFile
from lms.adapters.store import StoreFull, is_full
from lms.refusal_codes import RefusalCode

WALL_SECONDS = 8.5  # rejected within ten seconds, start and clean-up included
CPU_SECONDS = 16  # the time of several decoder threads adds up
MEMORY_BYTES = 640 * MIB
OUTPUT_BYTES = 64 * MIB
# One core is left for pages.
CHILDREN = max(1, len(os.sched_getaffinity(0)) - 1 if hasattr(os, "sched_getaffinity") else 1)
QUEUE_SECONDS = 20.0

_slots = threading.BoundedSemaphore(CHILDREN)
_log = logging.getLogger(__name__)
_ENDS = {
    "slow": RefusalCode.FILE_TOO_SLOW,
    "heavy": RefusalCode.FILE_TOO_HEAVY,
    "broken": RefusalCode.FILE_BROKEN,
}
_NO_SPACE = "no_space"

Facts = dict[str, Any]


def run(module: str, source: Path, work: Path, *, wall_seconds: float = WALL_SECONDS) -> Facts:
    """Decode the file `source` with `module`, which writes its pictures into `work`; return its facts.

    Raises `RejectedFile`, or `StoreFull` when the disk is full.
    """
    if not _slots.acquire(timeout=QUEUE_SECONDS):
        raise RejectedFile(RefusalCode.FILE_BUSY)
    try:
        return _run(module, source, work, wall_seconds)
    finally:
        _slots.release()


def _run(module: str, source: Path, work: Path, wall_seconds: float) -> Facts:
    paths = [str(source.resolve()), str(work.resolve())]
    try:
        answer = sandbox.run_child(module, paths, cwd=work, wall_seconds=wall_seconds)
    except sandbox.ChildEnded as end:
        raise _refusal(module, _ENDS[end.how], end.why) from None
    try:
        facts = json.loads(answer)
    except ValueError:
        raise _refusal(module, RefusalCode.FILE_BROKEN, "no answer") from None
    if not isinstance(facts, dict):
        raise _refusal(module, RefusalCode.FILE_BROKEN, "no facts")
    if facts.get("rejected") == _NO_SPACE:
        raise StoreFull
    if "rejected" in facts:
        code = facts["rejected"]
        raise _refusal(
            module,
            RefusalCode(code) if code in CODES else RefusalCode.FILE_BROKEN,
            str(facts.get("why", "")),
            "voice" if facts.get("kind") == "voice" else None,
        )
    return facts


def _refusal(module: str, code: RefusalCode, why: str, kind: Kind | None = None) -> RejectedFile:
    _log.info("file refused: %s by %s (%s)", code, module.rpartition(".")[2], why)
    return RejectedFile(code, kind)


def serve(look: Callable[[Path, Path], Facts]) -> None:
    """Run the child process: limit its resources, call `look` on one file, print the facts and exit."""
    sandbox.limit_resources(memory=MEMORY_BYTES, cpu_seconds=CPU_SECONDS, output=OUTPUT_BYTES)
    facts: Facts
    try:
        facts = look(Path(sys.argv[-2]), Path(sys.argv[-1]))
    except RejectedFile as rejected:
        facts = {"rejected": rejected.code, "kind": rejected.kind}
    except MemoryError:
        facts = {"rejected": RefusalCode.FILE_TOO_HEAVY, "why": "memory"}
    except OSError as error:
        facts = {
            "rejected": _NO_SPACE if is_full(error) else RefusalCode.FILE_BROKEN,
            "why": type(error).__name__,
        }
    except Exception as error:  # noqa: BLE001 a decoder may raise anything for a damaged file
        facts = {"rejected": RefusalCode.FILE_BROKEN, "why": type(error).__name__}
    sys.stdout.write(json.dumps(facts))
    sys.stdout.flush()
    os._exit(0)  # decoders need not be unloaded in order
