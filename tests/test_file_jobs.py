"""The worker checks and cleans received files, and nothing of what was sent stays longer than needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore, StoreFull
from lms.clock import now
from lms.domain.homework import attempts, files, preparation
from lms.jobs import Jobs
from lms.models import Attachment, Attempt, FileJob, FileKind, FileState
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.support import files as made
from tests.support.pages import file
from tests.support.school import School
from tests.support.servers import wait_until


class FullStore(LocalStore):
    """A store without room."""

    def put(self, *_args: object, **_kwargs: object) -> str:
        raise StoreFull


@pytest.fixture
def jobs(school: School) -> Jobs:
    found: Jobs = school.app.extensions["lms_jobs"]
    return found


def received(school: School, content: bytes, name: str = "IMG_1.jpg") -> str:
    """A received file in a draft of Samira; its key."""
    store: LocalStore = school.app.extensions["lms_received_store"]
    key = store.put(BytesIO(content))

    def receive(session: Session) -> None:
        draft = factories.drafted(session, factories.samira(session), factories.assignment(session))
        new = files.ReceivedFile(FileKind.PHOTO, name, key, len(content), store.digest(key))
        files.receive_file(session, draft, new, room=1 << 30, now=now())

    school.write(receive)
    return key


def the_file(school: School) -> Attachment:
    return school.read(lambda s: s.scalars(select(Attachment)).one())


def on_disk(school: School) -> Iterator[Path]:
    for folder in (school.settings.uploads, school.settings.temp):
        yield from (path for path in folder.rglob("*") if path.is_file())


def test_of_a_photo_only_the_clean_copy_stays(school: School, jobs: Jobs) -> None:
    key = received(school, made.rotated_jpeg())
    assert [path.name for path in on_disk(school)] == [key]
    assert jobs.files.prepare_due() == 1
    assert the_file(school).is_ready
    assert len(list(on_disk(school))) == 3
    assert not any(made.COMMENT in path.read_bytes() for path in on_disk(school))
    assert jobs.files.prepare_due() == 0


def test_of_a_refused_file_nothing_stays(school: School, jobs: Jobs) -> None:
    received(school, made.truncated_jpeg())
    jobs.files.prepare_due()
    assert the_file(school).refusal == RefusalCode.FILE_BROKEN
    assert list(on_disk(school)) == []


def test_a_file_that_was_changed_or_lost_on_the_disk_is_named(school: School, jobs: Jobs) -> None:
    key = received(school, made.jpeg())
    (school.settings.uploads / ".received" / key[:2] / key).write_bytes(made.jpeg(40, 40))
    jobs.files.prepare_due()
    assert the_file(school).refusal == RefusalCode.FILE_LOST


def test_a_file_that_ends_the_process_again_and_again_is_refused(school: School, jobs: Jobs) -> None:
    received(school, made.jpeg())
    school.write(lambda s: s.execute(update(FileJob).values(claims=preparation.MOST_CLAIMS)))
    jobs.files.prepare_due()
    assert the_file(school).refusal == RefusalCode.FILE_TOO_HEAVY


def test_a_full_disk_is_waited_for_and_the_file_is_not_refused(school: School, jobs: Jobs) -> None:
    received(school, made.jpeg())
    store = school.app.extensions["lms_store"]
    school.app.extensions["lms_store"] = FullStore(school.settings.uploads)
    assert jobs.files.prepare_due() == 1
    assert jobs.files.prepare_due() == 0
    assert the_file(school).is_received
    assert school.read(lambda s: s.scalars(select(FileJob.claims)).one()) == 0, "the file is not to blame"
    school.app.extensions["lms_store"] = store
    school.write(lambda s: s.execute(update(FileJob).values(claimed_until=now())))
    jobs.files.prepare_due()
    assert the_file(school).is_ready


def test_received_bytes_of_no_row_are_deleted_after_an_hour(school: School, jobs: Jobs) -> None:
    waiting = received(school, made.jpeg())
    store: LocalStore = school.app.extensions["lms_received_store"]
    old, young = store.put(BytesIO(b"cut off")), store.put(BytesIO(b"on its way"))
    for key in (waiting, old):
        moment = (now() - timedelta(hours=2)).timestamp()
        os.utime(school.settings.uploads / ".received" / key[:2] / key, (moment, moment))
    assert jobs.files.delete_orphans() == 1
    assert {path.name for path in on_disk(school)} == {waiting, young}


def test_a_worker_prepares_what_comes_while_it_runs_and_what_waited(school: School, jobs: Jobs) -> None:
    received(school, made.jpeg())
    stop = jobs.start_worker()
    try:
        samira = school.visitor(school.write(factories.samira))
        given = school.write(lambda s: factories.assignment(s).id)
        sent = {"picture": file(made.jpeg(90, 60), "b.jpg")}
        samira.submit(samira.get(f"/assignments/{given}"), sent, button="/submission")
        wait_until(lambda: all_ready(school), "both files are ready", 30)
    finally:
        stop()
    (attempt,) = school.read(lambda s: s.scalars(select(Attempt).where(Attempt.sent_at.is_not(None))).all())
    assert attempt.queued_at is not None


def all_ready(school: School) -> bool:
    return school.read(lambda s: s.scalars(select(Attachment.state)).all()) == [FileState.READY] * 2


def test_a_process_without_worker_tells_one_through_the_queue(school: School, jobs: Jobs) -> None:
    received(school, made.jpeg())
    assert [task.name for task in jobs.huey.pending()] == ["wake"]


def test_the_periodic_job_wakes_the_threads(school: School, jobs: Jobs) -> None:
    received(school, made.jpeg())
    jobs.files.start()
    try:
        wait_until(lambda: the_file(school).is_ready, "the file is ready", 30)

        def again(session: Session) -> None:
            """As after a kill: nobody was told of the row."""
            draft = session.scalars(select(Attempt)).one()
            files.receive_file(session, draft, factories.received(), room=1 << 30, now=now())
            session.info["files"] = []
            attempts.write_text(session, draft, "Lundi", draft.version)

        school.write(again)
        jobs.every_minute()
        wait_until(lambda: refusals(school) == [RefusalCode.FILE_LOST], "the row was found", 30)
    finally:
        jobs.files.stop()


def refusals(school: School) -> list[RefusalCode | None]:
    return list(
        school.read(
            lambda s: s.scalars(select(Attachment.refusal).where(Attachment.refusal.is_not(None))).all()
        )
    )


def spoken(school: School, jobs: Jobs, name: str) -> Attachment:
    """A voice of Samira that a worker has prepared."""
    received(school, made.recording(name), name)
    assert jobs.files.prepare_due() == 1
    return the_file(school)


def test_a_voice_is_ready_at_once_and_its_copy_follows(school: School, jobs: Jobs) -> None:
    voice = spoken(school, jobs, "voice.amr")
    assert (voice.is_ready, voice.is_playable) == (True, False)
    assert jobs.files.copy_due() == 1
    voice = the_file(school)
    store: LocalStore = school.app.extensions["lms_store"]
    key = voice.played_key or ""
    assert (store.size(key), store.digest(key)) == (voice.played_size, voice.played_sha256)
    assert voice.is_playable
    assert jobs.files.copy_due() == 0
    assert len(list(on_disk(school))) == 2


def test_without_the_library_everything_else_works_and_the_copy_waits_for_it(
    school: School, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "av", None)  # as on a machine where the extra `media` is not installed
        voice = spoken(school, jobs, "voice.webm")
        assert (voice.is_ready, voice.is_playable) == (True, True)
        assert jobs.files.copy_due() == 0
        assert the_file(school).copy_due_at is not None
    assert jobs.files.copy_due() == 1
    assert the_file(school).played_key is not None


def test_a_voice_that_cannot_be_copied_stays_as_it_was_sent(school: School, jobs: Jobs) -> None:
    received(school, made.voice_ogg(), "voix.ogg")  # a whole container of frames that are no sound
    jobs.files.prepare_due()
    assert jobs.files.copy_due() == 1
    voice = the_file(school)
    assert (voice.is_ready, voice.played_key, voice.copy_due_at) == (True, None, None)
    assert len(list(on_disk(school))) == 1


def test_a_copy_waits_while_the_disk_is_full(school: School, jobs: Jobs) -> None:
    spoken(school, jobs, "voice.webm")
    store = school.app.extensions["lms_store"]
    school.app.extensions["lms_store"] = FullStore(school.settings.uploads)
    assert jobs.files.copy_due() == 0
    school.app.extensions["lms_store"] = store
    assert jobs.files.copy_due() == 1


def test_of_a_voice_that_was_lost_no_copy_is_tried_again(school: School, jobs: Jobs) -> None:
    voice = spoken(school, jobs, "voice.webm")
    school.app.extensions["lms_store"].delete(voice.store_key)
    assert jobs.files.copy_due() == 1
    assert jobs.files.copy_due() == 0


def test_a_worker_makes_the_copies_by_itself(school: School, jobs: Jobs) -> None:
    spoken(school, jobs, "voice.ogg")
    jobs.files.start()
    try:
        wait_until(lambda: the_file(school).played_key is not None, "the copy")
    finally:
        jobs.files.stop()
