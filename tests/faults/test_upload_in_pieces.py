"""Files in pieces against a real server: another program's client, kills, two tabs, faults by chance."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import select
from tusclient.client import TusClient as TuspyClient
from tusclient.exceptions import TusCommunicationError

from lms.models import Attachment, Attempt, FileState, Submission
from tests import factories
from tests.support import files
from tests.support.live_server import LiveServer
from tests.support.school import School, open_schools
from tests.support.servers import wait_until
from tests.support.tus import VERSION, TusWire, partials, piece_headers
from tools import faults
from tools.bench_report import login_cookies

PIECE = 256 * 1024
MEGABYTE = 1 << 20
PHOTO = files.jpeg(900, 1200)
# A photo, and behind it what decoders do not look at.
LARGE = PHOTO + bytes(range(256)) * ((5 * MEGABYTE - len(PHOTO)) // 256)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, template: Path
) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp(f"pieces-{request.param}")
    if request.param == "sqlite":
        with LiveServer(folder, template) as server:
            yield server
        return
    postgres = request.getfixturevalue("postgres")
    url = postgres.fresh_database()
    with LiveServer(folder, LMS_DATABASE_URL=url) as server:
        yield server
    for left in open_schools:
        left.close()
    postgres.drop(url)


@pytest.fixture
def school(server: LiveServer) -> School:
    return server.school()


@pytest.fixture
def wire(server: LiveServer, school: School) -> TusWire:
    """The phone of a new learner, with a homework of her own."""
    given = school.write(lambda s: factories.assignment(s).id)
    learner = school.write(lambda s: factories.learner(s, f"Learner for {given}").id)
    return TusWire(server.port, login_cookies(school, [learner])[0], given)


def files_for(school: School, wire: TusWire) -> list[Attachment]:
    hers = (
        select(Attachment)
        .join(Attempt, Attempt.id == Attachment.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(Submission.assignment_id == wire.assignment)
    )
    return list(school.read(lambda s: s.scalars(hers).all()))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def restart(server: LiveServer) -> None:
    server.kill()
    server.wanted = server.port
    server.start()


def test_tuspy_stops_at_two_megabytes_and_goes_on(server: LiveServer, school: School, wire: TusWire) -> None:
    client = TuspyClient(f"{server.url}/uploads", {"Cookie": wire.cookie})
    told = {"assignment": wire.assignment, "key": "tuspy", "kind": "photo", "name": "dossier/IMG_1.jpg"}
    first = client.uploader(file_stream=BytesIO(LARGE), chunk_size=PIECE, metadata=told, upload_checksum=True)
    first.upload(stop_at=2 * MEGABYTE)
    place = str(first.url)
    partial_file = partials(school).root / place.rpartition("/")[2]
    assert partial_file.read_bytes() == LARGE[: 2 * MEGABYTE]
    again = client.uploader(file_stream=BytesIO(LARGE), chunk_size=PIECE, url=place)
    assert again.offset == 2 * MEGABYTE
    again.upload()
    (file,) = files_for(school, wire)
    assert (file.size, file.sha256, file.shown_name) == (len(LARGE), digest(LARGE), "IMG_1.jpg")
    wait_until(lambda: files_for(school, wire)[0].state == FileState.READY, "the photo is prepared", 30)
    with pytest.raises(TusCommunicationError) as refused:
        TuspyClient(f"{server.url}/uploads").uploader(
            file_stream=BytesIO(b"abc"), chunk_size=PIECE, metadata={**told, "key": "none"}
        ).create_url()
    assert refused.value.status_code == 401


def test_a_server_killed_within_a_piece_has_kept_what_it_said(
    server: LiveServer, school: School, wire: TusWire
) -> None:
    _status, place = wire.begin(len(PHOTO), "killed")
    half = len(PHOTO) // 2
    assert wire.add(place, 0, PHOTO[:half]) == 204
    with closing(wire.cut(place, half, PHOTO[half:], 0.5)):
        restart(server)
    assert wire.offset(place) == (200, half)
    assert wire.add(place, half, PHOTO[half:]) == 204
    assert [file.sent_sha256 for file in files_for(school, wire)] == [digest(PHOTO)]


def test_a_server_killed_after_the_last_byte_has_the_file_once(
    server: LiveServer, school: School, wire: TusWire
) -> None:
    _status, place = wire.begin(len(LARGE), "last")
    wire.add(place, 0, LARGE[:-PIECE])
    whole = partials(school).root / place.rpartition("/")[2]

    def is_whole() -> bool:
        return not whole.exists() or whole.stat().st_size == len(LARGE)

    with closing(wire.cut(place, len(LARGE) - PIECE, LARGE[-PIECE:], 1)):
        wait_until(is_whole, "the last byte is kept", 30)
        restart(server)
    assert wire.offset(place) == (200, len(LARGE))
    assert [file.sent_sha256 for file in files_for(school, wire)] == [digest(LARGE)]
    assert wire.begin(len(LARGE), "last") == (201, place)
    assert not whole.exists()


def test_two_tabs_that_send_one_file_at_once_make_one_of_it(school: School, wire: TusWire) -> None:
    statuses: list[int] = []

    def tab() -> None:
        _status, place = wire.begin(len(LARGE), "tabs")
        while True:
            status, offset = wire.offset(place)
            if (status, offset) == (200, len(LARGE)):
                return
            statuses.append(
                wire.add(place, offset, LARGE[offset : offset + PIECE]) if status == 200 else status
            )

    tabs = [Thread(target=tab) for _ in range(2)]
    for each in tabs:
        each.start()
    for each in tabs:
        each.join(60)
    assert set(statuses) <= {204, 409, 423}
    assert [file.sent_sha256 for file in files_for(school, wire)] == [digest(LARGE)]


def test_a_client_without_pieces_sends_the_file_as_one_and_no_more_than_announced(
    school: School, wire: TusWire
) -> None:
    _status, place = wire.begin(len(LARGE), "one")
    with closing(wire.cut(place, 0, bytes(26 * MEGABYTE), 0)) as connection:
        assert connection.getresponse().status == 413, "refused before it has come"
    assert wire.offset(place) == (200, 0)
    assert wire.add(place, 0, LARGE) == 204
    assert [file.sent_sha256 for file in files_for(school, wire)] == [digest(LARGE)]


def test_pieces_share_one_connection(wire: TusWire) -> None:
    _status, place = wire.begin(9, "shared")
    with closing(wire.cut(place, 0, b"abc", 1)) as connection:
        for offset, asked in ((3, "keep-alive"), (6, "close")):
            answer = connection.getresponse()
            assert (answer.status, answer.read(), answer.getheader("Connection")) == (204, b"", None)
            headers = {name.replace("_", "-"): value for name, value in piece_headers(offset, b"def").items()}
            headers |= {**VERSION, "Cookie": wire.cookie, "Connection": asked}
            connection.auto_open = 0  # it would connect anew without a word
            connection.request("PATCH", place, b"def", headers)
        assert connection.getresponse().getheader("Connection") == "close", "as the client has asked"
    assert wire.offset(place) == (200, 9)


def test_in_twenty_runs_with_a_fault_each_nothing_is_lost_or_doubled(tmp_path: Path, template: Path) -> None:
    result = faults.run_faults(tmp_path, template, runs=20, seed=11)
    assert result.is_sound, "\n".join(result.lines())
    assert result.runs == dict.fromkeys(faults.FAULTS, 4)
