"""`./dev faults`: uploads in pieces against a real server, each with one fault.

Cut: the connection ends within a piece. Killed: the server is killed within a piece, or at any instant after
one, and started again. Forgotten: the browser is killed, and a new one knows the key and nothing else. Double
tap: the same upload is begun twice at one instant. Two tabs: both send the whole file at one time.

After each run the file must be in the draft of its learner, once and with these bytes, at the moment at which
an answer says so. The exit code is 1 when a file is lost or doubled or a receipt is not true.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path

from sqlalchemy import func, select

from lms.models import Attachment, Attempt, Submission, Upload
from lms.upload_jobs import orphans_of
from tests import factories
from tests.support.live_server import LiveServer
from tests.support.school import School, make_template
from tests.support.tus import TusWire, partials
from tools.bench_report import login_cookies

FAULTS = ("cut", "killed", "forgotten", "double tap", "two tabs")
PATIENCE = 60  # seconds for one file
Step = Callable[[TusWire, str, int, bytes], None]


@dataclass
class Result:
    """The runs, and each that went wrong."""

    runs: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not (self.lost or self.doubled or self.untrue or self.left)

    def lines(self) -> list[str]:
        """Return what is printed."""
        runs = ", ".join(f"{name} {self.runs[name]}" for name in FAULTS)
        counts = [
            f"{len(getattr(self, name))} {told}"
            for name, told in (
                ("lost", "lost"),
                ("doubled", "doubled"),
                ("untrue", "receipts untrue"),
                ("left", "partial files or rows left over"),
            )
        ]
        wrong = [*self.lost, *self.doubled, *self.untrue, *self.left]
        return [f"{self.runs.total()} runs: {runs}", ", ".join(counts), *wrong]


class Driver:
    """A served school whose learners send one file each."""

    def __init__(self, server: LiveServer, school: School, runs: int, seed: int) -> None:
        self.server, self.school = server, school
        self.chance = random.Random(seed)
        self.assignment = school.write(lambda s: factories.assignment(s).id)
        self.learners = school.write(
            lambda s: [factories.learner(s, f"Learner {number}").id for number in range(runs)]
        )
        self.cookies = login_cookies(school, self.learners)
        # The faults in turn, so that few runs have each of them.
        self.faults = [FAULTS[number % len(FAULTS)] for number in range(runs)]
        self.chance.shuffle(self.faults)
        self.result = Result()

    def run(self) -> Result:
        """Do every run, then look at what is there."""
        for number, fault in enumerate(self.faults):
            self.result.runs[fault] += 1
            content = self.chance.randbytes(self.chance.randrange(2, 40_000))
            with suppress(TimeoutError):
                self._send(number, content, fault)
                if self._count(number, content) != 1:
                    self.result.untrue.append(f"run {number} ({fault}): told that it is there")
            found = self._count(number, content)
            if found != 1 or self._count(number) != 1:
                wrong = self.result.doubled if self._count(number) > 1 else self.result.lost
                wrong.append(f"run {number} ({fault}): {found} times there")
        self._look_for_rest()
        return self.result

    def _send(self, number: int, content: bytes, fault: str) -> None:
        """Send the file of one run with its fault. Raises TimeoutError when it does not arrive."""
        if fault == "two tabs":
            # Of other sizes and with other pauses, so that their requests meet at every point.
            seeds = [self.chance.random(), self.chance.random()]
            _at_once(lambda: self._send_whole(number, content, pauses=random.Random(seeds.pop())), 2)
        elif fault == "double tap":
            places: list[tuple[int, str]] = []
            _at_once(lambda: places.append(self._wire(number).begin(len(content), "photo")), 2)
            if len(set(places)) != 1:
                self.result.doubled.append(f"run {number} ({fault}): begun twice")
            self._send_whole(number, content)
        elif fault == "forgotten":
            self._send_whole(number, content, until=self.chance.randrange(len(content)))
            self._send_whole(number, content)
        else:
            step = self._cut if fault == "cut" else self._kill
            # Half of them in the last piece: there is most to get wrong.
            at = self.chance.choice((self.chance.randrange(len(content)), len(content) - 1))
            self._send_whole(number, content, step, at)

    def _send_whole(
        self,
        number: int,
        content: bytes,
        fault: Step | None = None,
        at: int = 0,
        until: int | None = None,
        pauses: random.Random | None = None,
    ) -> None:
        """Send as a phone does: begin by the key, ask how much has come, send pieces, begin again.

        `fault` happens to the piece with the byte `at`; `until`: stop there, as a browser that is killed;
        `pauses`: pieces of another size, each after a pause.
        """
        most = max(1, len(content) // (pauses.randrange(3, 9) if pauses else 4))
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with suppress(OSError, HTTPException):
                wire = self._wire(number)
                status, place = wire.begin(len(content), "photo")
                status, offset = wire.offset(place) if status == 201 else (status, -1)
                while status in (200, 204):
                    if offset == len(content) or (until is not None and offset > until):
                        return
                    piece = content[offset : offset + most]
                    if fault is not None and at < offset + len(piece):
                        step, fault = fault, None
                        step(wire, place, offset, piece)
                        break
                    if pauses is not None:
                        time.sleep(pauses.random() * 0.01)
                    status = wire.add(place, offset, piece)
                    offset += len(piece)
            time.sleep(0.01)
        raise TimeoutError

    def _cut(self, wire: TusWire, place: str, offset: int, piece: bytes) -> None:
        wire.cut(place, offset, piece, self.chance.random()).close()

    def _kill(self, wire: TusWire, place: str, offset: int, piece: bytes) -> None:
        """Kill the server within the piece, or in the milliseconds after it in which it is kept."""
        within = self.chance.random() < 0.3
        with closing(wire.cut(place, offset, piece, self.chance.random() if within else 1)):
            time.sleep(self.chance.random() * 0.03)
            self.server.kill()
        self.server.wanted = self.server.port
        self.server.start()

    def _wire(self, number: int) -> TusWire:
        return TusWire(self.server.port, self.cookies[number], self.assignment)

    def _count(self, number: int, content: bytes | None = None) -> int:
        """Return how many files the learner has in the draft, or how many with these bytes."""
        query = (
            select(func.count(Attachment.id))
            .join(Attempt, Attempt.id == Attachment.attempt_id)
            .join(Submission, Submission.id == Attempt.submission_id)
            .where(Submission.learner_id == self.learners[number])
        )
        if content is not None:
            query = query.where(Attachment.sent_sha256 == hashlib.sha256(content).hexdigest())
        return self.school.read(lambda s: s.scalar(query)) or 0

    def _look_for_rest(self) -> None:
        rows = self.school.read(
            lambda s: s.scalars(select(Upload.id).where(Upload.attachment_id.is_(None))).all()
        )
        self.result.left += [f"upload that did not end: {each}" for each in rows]
        # What a kill has left before the row, or after the end, the worker deletes after an hour.
        orphans = self.school.read(lambda s: orphans_of(s, timedelta(0)))
        left = partials(self.school).changed().keys() - orphans
        self.result.left += [f"partial file: {each}" for each in sorted(left)]


def _at_once(action: Callable[[], object], times: int) -> None:
    """Do the same in several threads at one instant; raise what one of them raised."""
    instant, failures = threading.Barrier(times), list[BaseException]()

    def run() -> None:
        instant.wait()
        try:
            action()
        except (OSError, HTTPException) as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def run_faults(folder: Path, template: Path, runs: int, seed: int) -> Result:
    """Run the faults against a server whose state is in this folder."""
    server = LiveServer(folder, template)
    school = server.school()
    try:
        with server:
            return Driver(server, school, runs, seed).run()
    finally:
        school.close()


def main(arguments: list[str] | None = None) -> int:
    """Run as often as asked and print the result; return the exit code."""
    parser = argparse.ArgumentParser(prog="./dev faults")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name)
        (folder / "template").mkdir()
        make_template(folder / "template")
        began = time.monotonic()
        template = folder / "template" / "school.sqlite3"
        result = run_faults(folder / "school", template, options.runs, options.seed)
    for line in result.lines():
        print(line)
    print(f"{time.monotonic() - began:.0f} s")
    return 0 if result.is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
