"""The extra `scale`: the application under granian, as docs/operations.md says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from config import ROOT
from tests.support.live_server import clean_environment
from tests.support.servers import START_LIMIT, free_port, wait_until

WORKERS = 2


@contextmanager
def granian(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server of several processes on a port of its own, and its address once all of them serve."""
    port = free_port()
    state = {"LMS_INSTANCE": str(folder / "instance"), "LMS_UPLOADS": str(folder / "uploads")}
    environment = clean_environment(state)
    flask = [sys.executable, "-m", "flask", "--app", "lms.serve:make_app", "db", "upgrade"]
    subprocess.run(flask, cwd=ROOT, env=environment, check=True, capture_output=True, timeout=START_LIMIT)
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "lms.serve:make_app"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", str(WORKERS), "--blocking-threads", "4", "--workers-kill-timeout", "10s"]
    with (
        (folder / "granian.log").open("wb") as log,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        try:
            wait_until(lambda: process.poll() is not None or serves(folder), "starting granian", START_LIMIT)
            yield f"http://127.0.0.1:{port}", process
            process.terminate()
            process.wait(timeout=START_LIMIT)
        finally:
            # Of a server that did not end the workers as well.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def serves(folder: Path) -> bool:
    """Whether every worker has started: granian 2.8 forgets to end one that is still starting."""
    return output(folder).count("Started worker-") == WORKERS


def output(folder: Path) -> str:
    return (folder / "granian.log").read_text(errors="replace")


def test_granian_serves_the_application_and_ends_when_told(tmp_path: Path) -> None:
    with granian(tmp_path) as (url, process):
        assert process.poll() is None, output(tmp_path)
        with urllib.request.urlopen(f"{url}/healthz", timeout=20) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"{url}/login", timeout=20) as page:
            assert b'lang="fr"' in page.read()
    assert process.returncode == 0
    assert "Traceback" not in output(tmp_path)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{url}/healthz", timeout=5)
