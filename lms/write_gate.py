"""Limit on the writers that wait for the lock of the database: while it is held, reads keep their threads.

ADR 27 has the reasons.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError

# Writers that are in the database at once: one has the lock, the others wait for it.
AT_ONCE = 4
# Seconds without a finished write after which the lock counts as stuck. PostgreSQL locks rows: on a busy
# machine four writers at work make each other slow, and that must not look like a lock that is held.
STUCK_AFTER = {"sqlite": 1.0, "postgresql": 2.0}


class LockStuck(OperationalError):
    """Nothing was tried: four writers wait already for a lock that nobody lets go."""

    def __init__(self) -> None:
        super().__init__("BEGIN", None, TimeoutError("the write lock is stuck"))


class WriteGate:
    """Lets four writers into the database at once; the others wait in line outside.

    In a burst of short writes everybody's turn comes. When no write has finished for `STUCK_AFTER`, somebody
    holds the lock: a request that is still outside, or comes now, is refused at once.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._moved = time.monotonic()  # when a write last finished
        self._stuck = False  # the last one to leave had waited for the lock in vain

    @contextmanager
    def passed(self, engine: str, *, refuse: bool) -> Iterator[None]:
        """Run the block as one of the four writers. Raises LockStuck, if it may `refuse`.

        `engine`: the name of its SQLAlchemy dialect.
        """
        with self._changed:
            while self._inside >= AT_ONCE:
                left = self._moved + STUCK_AFTER[engine] - time.monotonic()
                if refuse and left <= 0:
                    raise LockStuck
                self._changed.wait(left if refuse else None)
            if not self._inside and not self._stuck:
                self._moved = time.monotonic()  # nobody had anything to finish
            self._inside += 1
        in_vain = False
        try:
            yield
        except OperationalError:
            in_vain = True
            raise
        finally:
            with self._changed:
                self._inside -= 1
                self._stuck = in_vain
                if not in_vain:
                    self._moved = time.monotonic()
                self._changed.notify()


# One for the process, which serves one instance.
write_gate = WriteGate()
