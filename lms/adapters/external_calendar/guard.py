"""Limit the processor time of one series, so that the other events of its calendar are read all the same.

Runs in the child only: the timer is the process's one timer of its kind, and works in its main thread.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator

SERIES_SECONDS = 1.5
ALL_SERIES_SECONDS = 5.0


class OutOfTime(BaseException):
    """The series needs more time than it has. Not an `Exception`: libraries catch those."""


class TimeBudget:
    """Processor time for all series of a calendar together."""

    def __init__(self) -> None:
        self._left = ALL_SERIES_SECONDS

    @contextlib.contextmanager
    def series(self) -> Iterator[None]:
        """Run the body for a limited time. Raises `OutOfTime`."""
        if self._left <= 0:
            raise OutOfTime
        before = signal.signal(signal.SIGVTALRM, _stop)
        started = time.process_time()
        # Again and again: an exception that is raised within a destructor is lost.
        signal.setitimer(signal.ITIMER_VIRTUAL, min(SERIES_SECONDS, self._left), 0.1)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)
            self._left -= time.process_time() - started


def _stop(*_: object) -> None:
    raise OutOfTime
