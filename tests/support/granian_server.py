"""The application under granian, a server of several processes that does not buffer what it receives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from config import ROOT, Settings
from tests.support.live_server import clean_environment
from tests.support.school import School, make_school
from tests.support.servers import START_LIMIT, free_port, wait_until

# As docs/operations.md says.
WORKERS, THREADS = 2, 40


class GranianServer:
    """Server processes on a port of their own: `with GranianServer(folder) as server:`.

    Like `LiveServer`, without a worker of jobs. All its state is in `folder`.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.environ: Mapping[str, str] = {
            "LMS_INSTANCE": str(folder / "instance"),
            "LMS_UPLOADS": str(folder / "uploads"),
            "LMS_FREE_SPACE_MB": "0",
            **settings,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def school(self) -> School:
        """Return the same school within the test, to prepare and to inspect its database."""
        return make_school(Settings.from_env(self.environ), migrated=True)

    def output(self) -> str:
        return (self.folder / "granian.log").read_text(errors="replace")

    def _serves(self) -> bool:
        """Return whether every worker has started: granian 2.8 forgets to end one that is still starting."""
        return self.output().count("Started worker-") == WORKERS

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = clean_environment(self.environ)
        flask = [sys.executable, "-m", "flask", "--app", "lms.serve:make_app", "db", "upgrade"]
        subprocess.run(flask, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=START_LIMIT)
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "lms.serve:make_app"]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--workers", str(WORKERS)]
        command += ["--blocking-threads", str(THREADS), "--workers-kill-timeout", "10s"]
        with (self.folder / "granian.log").open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        try:
            wait_until(
                lambda: self.process.poll() is not None or self._serves(), "starting granian", START_LIMIT
            )
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.process.terminate()
            self.process.wait(timeout=START_LIMIT)
        finally:
            self._kill()

    def _kill(self) -> None:
        """Kill what is left: of a server that did not end the workers as well."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
