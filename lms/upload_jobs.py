"""The end of uploads: their bytes go the way of every received file, and what is over is deleted.

The last piece ends an upload. What a killed process left whole is ended when its client asks for it, and by
a periodic job otherwise.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from flask import Flask
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from config import Settings
from lms.adapters.partial_files import Partial, PartialBusy, UnknownPartial
from lms.adapters.store import StoreFull
from lms.adapters.uploads import delete_keys, keep_file
from lms.clock import now
from lms.current import partial_files, partial_files_of, received_store, settings
from lms.domain.homework import uploads
from lms.domain.homework.uploads import Allowance
from lms.extensions import db, write
from lms.web.body_limits import MEGABYTE

log = logging.getLogger("lms.jobs")

# A partial file is created before its row is written, so a recent one may not have a row yet.
ORPHAN_AGE = timedelta(hours=1)


def allowance() -> Allowance:
    """Return what a learner of this instance may send."""
    return allowance_of(settings())


def allowance_of(limits: Settings) -> Allowance:
    """Return what a learner may send by these settings."""
    return Allowance(limits.upload_mb * MEGABYTE, limits.learner_quota_mb * MEGABYTE)


def end_upload(whole: Partial, upload_id: str) -> None:
    """End an upload of which every byte has come; the lock of its partial file is held. Raises `StoreFull`.

    With no transaction open while bytes are copied. In this order nothing is lost at a kill: what was copied
    without a row is deleted later, and the partial file goes last.
    """
    db.session().rollback()
    key, sha256 = keep_file(received_store(), whole.path)
    used = False
    try:
        used = write(
            partial(
                uploads.finish,
                upload_id=upload_id,
                received_key=key,
                sha256=sha256,
                allowance=allowance(),
                now=now(),
            )
        )
    finally:
        if not used:
            delete_keys(received_store(), [key])
    whole.delete()


class UploadJobs:
    """Work of the worker on the uploads of an instance."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def end_whole(self) -> int:
        """End the uploads that a killed process left whole; return how many."""
        partials, count = partial_files_of(self.app), 0
        with self.app.app_context():
            lengths = uploads.open_lengths(db.session())
            db.session().rollback()
            for upload_id, length in lengths.items():
                try:
                    if partials.size(upload_id) < length:
                        continue
                    with partials.locked(upload_id) as whole:
                        end_upload(whole, upload_id)
                        count += 1
                except (PartialBusy, UnknownPartial):
                    continue  # somebody is ending it
                except (StoreFull, OSError, OperationalError):
                    log.exception("the upload %s waits: the disk or the database", upload_id)
        return count

    def delete_expired(self) -> int:
        """Delete the uploads whose time is over and their partial files; return how many."""
        with self.app.app_context():
            over = write(lambda session: uploads.delete_expired(session, now=now()))
            for upload_id in over:
                partial_files_of(self.app).delete(upload_id)
        return len(over)

    def delete_orphans(self) -> int:
        """Delete the partial files of no open upload: of killed processes. Returns how many."""
        with self.app.app_context():
            orphans = orphans_of(db.session())
            db.session().rollback()
            for upload_id in orphans:
                partial_files_of(self.app).delete(upload_id)
        return len(orphans)


def orphans_of(session: Session, age: timedelta = ORPHAN_AGE) -> list[str]:
    """Return the names of the partial files that belong to no open upload and did not change for so long."""
    changed = partial_files().changed()  # before the rows, which are written later
    old = [name for name, moment in changed.items() if moment < now() - age]
    known = uploads.open_lengths(session) if old else {}
    return sorted(name for name in old if name not in known)
