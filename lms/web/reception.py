"""Receive the files of a learner's form: keep their bytes, for a worker to prepare."""

from __future__ import annotations

from collections.abc import Sequence

from flask import request
from werkzeug.datastructures import FileStorage

from lms.access import me
from lms.adapters.media.names import clean_name
from lms.adapters.uploads import Limits, UploadResult, delete_keys, keep_uploads
from lms.current import received_store, settings, store
from lms.domain.errors import Refused
from lms.domain.homework import files
from lms.domain.homework.files import MAX_FILES, RemovedFile
from lms.extensions import db
from lms.models import Person
from lms.refusal_codes import RefusalCode
from lms.web.body_limits import MEGABYTE
from lms.web.upload_slots import upload_slot

FIELDS = ("photo", "picture", "voice", "document")


def receive_files(learner: Person | None = None) -> tuple[UploadResult, list[tuple[str, Refused]]]:
    """Keep the files of the form; return them, and the rejected ones with their reasons.

    `learner`: whose files they are; None for those of the person who sends them. Before the transaction of
    the form: none stays open while files are written. Raises Refused: `uploads_busy`.
    """
    uploads: Sequence[FileStorage] = [
        upload for name in FIELDS for upload in request.files.getlist(name) if upload.filename
    ]
    if not uploads:
        return UploadResult(), []
    limits, person_id = settings(), me().id
    room = learner_room(learner)
    db.session().rollback()
    with upload_slot(person_id):
        received = keep_uploads(
            received_store(),
            uploads[:MAX_FILES],
            Limits(limits.upload_mb * MEGABYTE, room, limits.free_space_mb * MEGABYTE),
            limits.temp,
        )
    for upload in uploads:
        upload.close()  # a large upload is a temporary file
    refused = [(name, Refused(code, asked=kind)) for name, code, kind in received.refused]
    for upload in uploads[MAX_FILES:]:
        name = clean_name(upload.filename or "")
        refused.append((name, Refused(RefusalCode.TOO_MANY_FILES, number=MAX_FILES)))
    return received, refused


def learner_room(learner: Person | None = None) -> int:
    """Return the bytes that the learner may still use; None: the person who sends the form."""
    return settings().learner_quota_mb * MEGABYTE - files.used_bytes(db.session(), learner or me())


def delete_received(keys: Sequence[str]) -> None:
    """Delete received files that no row refers to."""
    delete_keys(received_store(), keys)


def delete_removed(removed: RemovedFile) -> None:
    """Delete the bytes of a removed file, after the commit."""
    delete_keys(store(), removed.stored)
    delete_received(removed.received)
