"""What the child that checks a file takes of the memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from config import ROOT

# A child counts what its parent has as its own, and the process of the tests has much: a small one begins it.
_MEASURE = """
import contextlib, resource, sys
from pathlib import Path
from lms.adapters.media.intake import inspect_upload
from lms.adapters.media.types import RejectedFile
with contextlib.suppress(RejectedFile):
    inspect_upload(Path(sys.argv[1]), shown_name="file", work=Path(sys.argv[2]))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def kibibytes_for(content: bytes, folder: Path) -> int:
    """Return what the child that checks this file takes at most."""
    source, work = folder / "measured", folder / "measured-work"
    source.write_bytes(content)
    work.mkdir()
    command = [sys.executable, "-c", _MEASURE, str(source), str(work)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
