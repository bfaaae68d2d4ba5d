"""kill -9 of the real server while homework comes in: a receipt that was shown is true afterwards."""

from __future__ import annotations

import http.client
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from lms.adapters.store import LocalStore
from lms.models import Attachment, Attempt, Rendition, Submission
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


def kept(folder: Path) -> int:
    return len(list((folder / "uploads").glob("??/*")))


def has_more(folder: Path, before: int) -> bool:
    return kept(folder) > before


def is_working(folder: Path) -> bool:
    return any((folder / "instance/tmp").glob("*/*"))


def unfinished(folder: Path) -> list[Path]:
    return [*(folder / "instance/tmp").iterdir(), *(folder / "uploads/.incoming").iterdir()]


def no_row_without_its_file(school: School) -> None:
    store: LocalStore = school.app.extensions["lms_store"]

    def look(session: Session) -> None:
        for attachment in session.scalars(select(Attachment)):
            assert store.digest(attachment.store_key) == attachment.sha256
        for rendition in session.scalars(select(Rendition)):
            assert store.size(rendition.store_key) == rendition.size

    school.read(look)


def test_every_receipt_that_was_shown_is_true_after_a_kill(tmp_path: Path, template: Path) -> None:
    """Killed in the middle of the body, of the work on the photo, of keeping it, and after the receipt."""
    moments = ("half a body", "looked at", "kept", "receipt")
    server = LiveServer(tmp_path, template)
    school = server.school()
    given = school.write(lambda s: factories.assignment(s).id)
    learners = school.write(
        lambda s: [factories.learner(s, f"Learner {n}").id for n, _ in enumerate(moments)]
    )
    path, shown = f"/assignments/{given}", []
    for moment, learner in zip(moments, learners, strict=True):
        server.start()
        connection: http.client.HTTPConnection | None = None
        try:
            wire = RawClient(server, school, learner)
            values = wire.form(path, text="Lundi")
            before = kept(tmp_path)
            connection = wire.begin(
                f"{path}/submission", values, PHOTO, share=0.5 if moment == "half a body" else 1
            )
            if moment == "looked at":
                wait_until(partial(is_working, tmp_path), "the photo is being cleaned", 30)
            elif moment == "kept":
                wait_until(partial(has_more, tmp_path, before), "a file is kept", 30)
            elif moment == "receipt":
                answer = connection.getresponse()
                assert answer.status == 303
                assert "/submissions/" in (answer.getheader("Location") or "")
                shown.append(learner)
        finally:
            server.kill()
            if connection is not None:
                connection.close()
        no_row_without_its_file(school)
    for learner in learners:
        found = sent_by(school, learner)
        # Whoever saw no receipt may have been kept all the same, but then wholly.
        assert len(found) == 1 or (learner not in shown and found == [])
        for attempt in found:
            assert attempt.text == "Lundi"
            assert len(attempt.attachments) == 1
    with server:
        # The photos of the killed processes, with the place where they were taken, do not stay.
        assert unfinished(tmp_path) == []
        # Who was cut off sends again, from the page as it is now, and gets her receipt.
        for learner in learners:
            wire = RawClient(server, school, learner)
            if not sent_by(school, learner):
                assert wire.post(f"{path}/submission", wire.form(path, text="Lundi"), PHOTO).status == 303
            (attempt,) = sent_by(school, learner)
            receipt = wire.get(f"/submissions/{attempt.submission_id}")
            assert receipt.status == 200
            assert "/files/" in receipt.html
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
