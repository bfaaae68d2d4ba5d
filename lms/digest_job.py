"""Background job: the mail of Monday morning to each teacher."""

from __future__ import annotations

from functools import partial

from flask import Flask

from lms.clock import now
from lms.current import settings_of
from lms.domain.homework import digest
from lms.extensions import write


class DigestJob:
    """The weekly mail of an instance."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def post(self) -> None:
        """Post the digests that are due; every hour of another day it does nothing."""
        settings = settings_of(self.app)
        if digest.due_week(now=now(), zone=settings.time_zone) is None:
            return
        with self.app.app_context():
            write(
                partial(digest.post_digests, has_inbox=settings.has_inbox, now=now(), zone=settings.time_zone)
            )
