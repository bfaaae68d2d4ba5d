"""The worker ends what came whole and deletes what is over, whatever else goes wrong."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from sqlalchemy import select

from lms.adapters.store import LocalStore, StoreFull
from lms.clock import now
from lms.models import Attachment
from lms.upload_jobs import UploadJobs
from tests import factories
from tests.support.school import School
from tests.support.tus import TusClient, partials


class FullStore(LocalStore):
    """A store without room."""

    def put(self, *_args: object, **_kwargs: object) -> str:
        raise StoreFull


@pytest.fixture
def jobs(school: School) -> UploadJobs:
    found: UploadJobs = school.app.extensions["lms_jobs"].uploads
    return found


@pytest.fixture
def places(school: School) -> list[str]:
    """Three uploads of five bytes: one whole, one of three bytes, one whose file is lost."""
    given = school.write(lambda s: factories.assignment(s).id)
    phone = TusClient(school.visitor(school.write(lambda s: factories.samira(s).id)).client, given)
    ids = [phone.begun(5, key).rpartition("/")[2] for key in ("whole", "begun", "lost")]
    for each, content in zip(ids, (b"whole", b"beg"), strict=False):
        (partials(school).root / each).write_bytes(content)
    partials(school).delete(ids[2])
    return ids


def names(school: School) -> list[str]:
    return sorted(path.name for path in partials(school).root.iterdir())


def count(school: School) -> int:
    return len(school.read(lambda s: s.scalars(select(Attachment.id)).all()))


def test_only_what_is_whole_is_ended_and_only_once(
    school: School, jobs: UploadJobs, places: list[str]
) -> None:
    with partials(school).locked(places[0]):
        assert jobs.end_whole() == 0, "the request of the last piece is ending it"
    assert [jobs.end_whole(), jobs.end_whole(), count(school)] == [1, 0, 1]
    assert names(school) == [places[1]]


def test_without_room_it_waits_and_is_ended_later(
    school: School, jobs: UploadJobs, places: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    received = school.app.extensions["lms_received_store"]
    school.app.extensions["lms_received_store"] = FullStore(school.settings.uploads / ".received")
    assert jobs.end_whole() == 0
    assert f"the upload {places[0]} waits" in caplog.text
    school.app.extensions["lms_received_store"] = received
    assert (jobs.end_whole(), count(school)) == (1, 1)


def test_partial_files_of_nobody_are_deleted_once_they_are_old(
    school: School, jobs: UploadJobs, places: list[str]
) -> None:
    partials(school).create("left")
    assert jobs.delete_orphans() == 0, "its row may be written at this moment"
    moment = (now() - timedelta(hours=2)).timestamp()
    for name in names(school):
        os.utime(partials(school).root / name, (moment, moment))
    assert jobs.delete_orphans() == 1
    assert names(school) == sorted(places[:2])
