"""The write lock is held by somebody who does not let go: pages are read all the same."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from select import select

import psycopg
import pytest

from lms.extensions import BUSY, sqlite
from lms.write_gate import AT_ONCE
from tests import factories
from tests.support.live_server import LiveServer
from tests.support.raw_client import Answer, RawClient
from tests.support.school import School, open_schools
from tests.support.servers import wait_until

WRITERS = 10
TYPED = "Lundi, je vais au marché."


@contextmanager
def held(server: LiveServer) -> Iterator[None]:
    """Hold the write lock of the SQLite database, or the rows of all people in PostgreSQL."""
    url = server.settings.database_url
    if url.startswith("sqlite"):
        with closing(sqlite.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    with psycopg.connect(url.replace("+psycopg", "")) as rows:
        rows.execute("SELECT id FROM person FOR UPDATE")
        yield
        rows.rollback()


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path: Path, template: Path) -> Iterator[LiveServer]:
    if request.param == "sqlite":
        with LiveServer(tmp_path, template) as server:
            yield server
        return
    postgres = request.getfixturevalue("postgres")
    url = postgres.fresh_database()
    with LiveServer(tmp_path, LMS_DATABASE_URL=url) as server:
        yield server
    for left in open_schools:
        left.close()
    postgres.drop(url)


def answered(waiting: list[http.client.HTTPConnection]) -> list[http.client.HTTPConnection]:
    ready, _, _ = select([each.sock for each in waiting], [], [], 0)
    return [each for each in waiting if each.sock in ready]


def timed(client: RawClient, path: str) -> tuple[Answer, float]:
    began = time.monotonic()
    return client.get(path), time.monotonic() - began


def test_ten_writers_and_a_lock_that_is_not_let_go_leave_the_pages_readable(server: LiveServer) -> None:
    school: School = server.school()
    given = school.write(lambda s: factories.assignment(s).id)
    people = school.write(lambda s: [factories.learner(s, f"Learner {n}").id for n in range(WRITERS + 1)])
    clients = [RawClient(server, school, person) for person in people]
    reader = clients.pop()
    path = f"/assignments/{given}"
    forms = [client.form(path, text=TYPED) for client in clients]
    with held(server):
        waiting = [client.begin(path, form) for client, form in zip(clients, forms, strict=True)]
        pages = [timed(reader, "/homework") for _ in range(5)]
        assert [page.status for page, _ in pages] == [200] * 5
        assert max(seconds for _, seconds in pages) < BUSY * 0.8, "reading waits for no writer"
        wait_until(lambda: len(answered(waiting)) >= WRITERS - AT_ONCE, "all but four are refused", 5)
        refused = answered(waiting)
        assert len(refused) == WRITERS - AT_ONCE
        for connection in refused:
            answer = connection.getresponse()
            page = answer.read().decode()
            assert answer.status == 503
            assert answer.headers["Retry-After"]
            assert TYPED in page, "the form is kept"
            connection.close()
            waiting.remove(connection)
        began = time.monotonic()
        assert clients[0].post(path, forms[0]).status == 503
        assert time.monotonic() - began < 1, "who comes later is told at once"
    assert [connection.getresponse().status for connection in waiting] == [303] * AT_ONCE
    assert clients[0].post(path, forms[0]).status == 303, "everything goes on"
    for connection in waiting:
        connection.close()
