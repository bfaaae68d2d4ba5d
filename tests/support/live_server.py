"""A real server process of the school, for tests that race, kill or browse it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from flask import Flask

from config import ROOT, Settings
from tests.support.forks import FORKS, run_server
from tests.support.school import School, copy_template, make_school
from tests.support.servers import START_LIMIT, wait_until

_GREETING = re.compile(r"Passerelle: http://[^:]+:(\d+)")


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process: PATH and the like, and only these settings of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LMS_")}
    return {**kept, **settings, "PYTHONUNBUFFERED": "1"}


class _Forked:
    """A forked server process, with the few methods of `Popen` that are used here."""

    def __init__(self, port: int, environ: Mapping[str, str], log: Path) -> None:
        self._process = FORKS.Process(target=run_server, args=(port, dict(environ), log, Flask.jinja_options))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int | None:
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("lms.serve", timeout or 0)
        return self.returncode


class LiveServer:
    """Server process: `with LiveServer(folder, LMS_DATABASE_URL=...) as server:` runs `lms.serve`.

    It listens on a free port. All its state is in `folder`, so a second `LiveServer(folder)` after `kill()`
    continues with it. Of the environment of the test it gets only PATH and the like.
    """

    def __init__(self, folder: Path, template: Path | None = None, /, **settings: str) -> None:
        self.folder = folder
        self._migrated = template is not None
        if template is not None:
            # Migrated already, as at any start but the first.
            (folder / "instance").mkdir(parents=True, mode=0o700)
            copy_template(template, folder, "instance/passerelle.sqlite3")
        self.port = 0
        self.wanted = 0
        self.host = "127.0.0.1"
        self.options: tuple[str, ...] = ()
        # A command that starts the server in another environment, such as a small disk.
        self.within: tuple[str, ...] = ()
        self.environ = {
            "LMS_INSTANCE": str(folder / "instance"),
            "LMS_UPLOADS": str(folder / "uploads"),
            "LMS_FREE_SPACE_MB": "0",
            "LMS_DEMO": "no",
            **settings,
        }
        self.log = folder / "served.log"
        self._process: subprocess.Popen[bytes] | _Forked | None = None

    @property
    def url(self) -> str:
        # The address, not the name: "localhost" may first be tried on IPv6, where nothing listens.
        return f"http://{self.host}:{self.port}"

    @property
    def settings(self) -> Settings:
        return Settings.from_env(self.environ, default_base_url=f"http://localhost:{self.port}")

    def school(self) -> School:
        """Return the same school within the test, to prepare and to inspect its database."""
        return make_school(self.settings, migrated=self._migrated)

    def start(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        environ = clean_environment(self.environ)
        if self.within or self.options:
            with self.log.open("wb") as log:
                command = [*self.within, sys.executable, "-m", "lms.serve", "--port", str(self.wanted)]
                command += self.options
                self._process = subprocess.Popen(
                    command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
        else:
            self._process = _Forked(self.wanted, environ, self.log)
        try:
            wait_until(self._answers, "starting the school", START_LIMIT)
        except BaseException:
            self.kill()
            raise
        self._migrated = True
        return self

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"the school ended at once:\n{self.output()[-4000:]}")
        found = _GREETING.search(self.output())
        if found is None:
            return False
        self.port = int(found[1])
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, TimeoutError):
            return False

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def end(self, number: signal.Signals) -> int:
        """Send a signal, wait, and return the exit code."""
        process = self._process
        assert process is not None
        self._end(lambda told: told.send_signal(number))
        assert process.returncode is not None
        return process.returncode

    def stop(self) -> None:
        """Stop it as Ctrl-C or a service manager does; return the exit code."""
        self._end(lambda told: told.terminate())

    def kill(self) -> None:
        """Kill it with SIGKILL: nothing is cleaned up, as in a power cut."""
        self._end(lambda told: told.kill())

    def _end(self, how: Callable[[subprocess.Popen[bytes] | _Forked], None]) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        how(process)
        try:
            process.wait(timeout=START_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
