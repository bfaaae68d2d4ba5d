"""kill -9 of the real server while homework comes in: a receipt that was shown is true afterwards."""

from __future__ import annotations

import http.client
import os
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, selectinload

from lms.adapters.store import LocalStore
from lms.domain.homework import preparation
from lms.models import Attachment, Attempt, FileJob, FileState, Rendition, Submission
from tests import factories
from tests.support import files
from tests.support.live_server import LiveServer
from tests.support.raw_client import RawClient
from tests.support.school import School
from tests.support.servers import wait_until

PHOTO = files.jpeg(1500, 2000)


def sent_by(school: School, learner: str) -> list[Attempt]:
    where = (
        select(Attempt).join(Submission).where(Submission.learner_id == learner, Attempt.sent_at.is_not(None))
    )
    return list(school.read(lambda s: s.scalars(where.options(selectinload(Attempt.attachments))).all()))


def count(folder: Path) -> int:
    return len([path for path in folder.glob("??/*") if path.is_file()])


def is_working(folder: Path) -> bool:
    return any((folder / "instance/tmp").glob("*/*"))


def unfinished(folder: Path) -> list[Path]:
    incoming = ("uploads/.incoming", "uploads/.received/.incoming", "instance/tmp")
    return [path for name in incoming for path in (folder / name).iterdir()]


def no_row_without_its_file(school: School) -> None:
    store: LocalStore = school.app.extensions["lms_store"]
    received: LocalStore = school.app.extensions["lms_received_store"]

    def look(session: Session) -> None:
        for attachment in session.scalars(select(Attachment).where(Attachment.store_key.is_not(None))):
            assert store.digest(attachment.store_key or "") == attachment.sha256
        for rendition in session.scalars(select(Rendition)):
            assert store.digest(rendition.store_key) == rendition.sha256
        for key, (_size, sha256) in preparation.list_waiting(session).items():
            assert received.digest(key) == sha256

    school.read(look)


def end_leases(school: School) -> None:
    """Let the time pass for which the killed process had claimed its work."""
    school.write(lambda s: s.execute(update(FileJob).values(claimed_until=None)))


def all_ready(school: School) -> bool:
    return not school.read(lambda s: s.scalars(select(FileJob.attachment_id)).all())


def test_every_receipt_that_was_shown_is_true_after_a_kill(tmp_path: Path, template: Path) -> None:
    """Killed within the body, with the bytes kept, within the work on the photo, and afterwards."""
    moments = ("half a body", "received", "receipt", "looked at", "kept", "ready")
    server = LiveServer(tmp_path, template)
    school = server.school()
    given = school.write(lambda s: factories.assignment(s).id)
    learners = school.write(
        lambda s: [factories.learner(s, f"Learner {n}").id for n, _ in enumerate(moments)]
    )
    path, shown = f"/assignments/{given}", []
    uploads, received = tmp_path / "uploads", tmp_path / "uploads/.received"
    for moment, learner in zip(moments, learners, strict=True):
        server.start()
        connection: http.client.HTTPConnection | None = None
        try:
            wait_until(partial(all_ready, school), "what the kill left is prepared", 30)
            wire = RawClient(server, school, learner)
            values = wire.form(path, text="Lundi")
            before = {folder: count(folder) for folder in (uploads, received)}
            connection = wire.begin(
                f"{path}/submission", values, PHOTO, share=0.5 if moment == "half a body" else 1
            )
            if moment == "received":
                wait_until(lambda: count(received) > before[received], "the bytes are kept", 30)  # noqa: B023
            elif moment != "half a body":
                answer = connection.getresponse()
                assert answer.status == 303
                assert "/submissions/" in (answer.getheader("Location") or "")
                shown.append(learner)
            if moment == "looked at":
                wait_until(partial(is_working, tmp_path), "the photo is being cleaned", 30)
            elif moment == "kept":
                wait_until(lambda: count(uploads) > before[uploads], "a file is kept", 30)  # noqa: B023
            elif moment == "ready":
                wait_until(partial(all_ready, school), "the photo is ready", 30)
        finally:
            server.kill()
            if connection is not None:
                connection.close()
        no_row_without_its_file(school)
        end_leases(school)
    for learner in learners:
        found = sent_by(school, learner)
        # Whoever saw no receipt may have been kept all the same, but then wholly.
        assert len(found) == 1 or (learner not in shown and found == [])
        for attempt in found:
            assert attempt.text == "Lundi"
            assert len(attempt.attachments) == 1
    with server:
        # Who was cut off sends again, from the page as it is now, and gets her receipt.
        for learner in learners:
            wire = RawClient(server, school, learner)
            if not sent_by(school, learner):
                assert wire.post(f"{path}/submission", wire.form(path, text="Lundi"), PHOTO).status == 303
        wait_until(partial(all_ready, school), "every photo is ready", 60)
        for learner in learners:
            (attempt,) = sent_by(school, learner)
            assert attempt.queued_at is not None
            assert [file.state for file in attempt.attachments] == [FileState.READY]
            receipt = RawClient(server, school, learner).get(f"/submissions/{attempt.submission_id}")
            assert receipt.status == 200
            assert "/files/" in receipt.html
    # The photos as they were sent, with the place where they were taken, do not stay.
    assert unfinished(tmp_path) == []
    for orphan in received.glob("??/*"):
        os.utime(orphan, (0, 0))
    with server:
        wait_until(lambda: count(received) == 0, "what the kills left is deleted", 30)
    no_row_without_its_file(school)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux shows the files of a process")
def test_a_form_on_its_way_lies_in_the_folder_of_the_instance(tmp_path: Path, template: Path) -> None:
    with LiveServer(tmp_path, template) as server:
        school = server.school()
        path = f"/assignments/{school.write(lambda s: factories.assignment(s).id)}"
        wire = RawClient(server, school, school.write(lambda s: factories.samira(s).id))
        with closing(wire.begin(f"{path}/submission", wire.form(path), bytes(2 << 20), share=0.9)):
            wait_until(partial(has_spooled, server), "the body is on disk", 30)
            assert "/tmp" not in {str(Path(name).parent) for name in open_files(server)}


def open_files(server: LiveServer) -> list[str]:
    found = []
    for link in Path(f"/proc/{server.pid}/fd").iterdir():
        with suppress(OSError):
            found.append(str(link.readlink()))
    return found


def has_spooled(server: LiveServer) -> bool:
    return any(name.startswith(f"{server.settings.temp}/") for name in open_files(server))
