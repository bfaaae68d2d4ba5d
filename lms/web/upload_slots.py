"""Uploads in progress: at most two of one person and `POOL` of all, so that pages keep their threads."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from flask import request
from werkzeug.wrappers import Response

from lms.domain.errors import Refused
from lms.refusal_codes import RefusalCode

PER_PERSON = 2
# Of the eight threads of `./dev run`.
POOL = 6
RETRY_AFTER = 5  # seconds
# Set by our own server for a form with files when too many others wait already.
CROWDED = "passerelle.crowded"


class UploadSlots:
    """The uploads that this process is receiving, by person."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, person_id: str, *, crowded: bool = False) -> Iterator[None]:
        """Count one upload of the person while the block runs. Raises Refused: `uploads_busy`."""
        with self._lock:
            own, all_of_them = self._running[person_id], self._running.total()
            if own >= PER_PERSON or all_of_them >= POOL or crowded:
                raise Refused(RefusalCode.UPLOADS_BUSY)
            self._running[person_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[person_id] -= 1
                self._running += Counter()  # forgets the people with none


slots = UploadSlots()


def upload_slot(person_id: str) -> AbstractContextManager[None]:
    """Take a slot for the files of the current request. Raises Refused: `uploads_busy`."""
    return slots.taken(person_id, crowded=CROWDED in request.environ)


def later(response: Response) -> Response:
    """Say in a 503 when to try again."""
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response
