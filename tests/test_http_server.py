"""Bodies that are refused before they are received, and connections that nobody uses, on a real server."""

from __future__ import annotations

import http.client
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from lms.http_server import CONNECTIONS, THREADS, UPLOADS_AT_ONCE, Dispatcher
from tests import factories
from tests.support import files
from tests.support.live_server import LiveServer
from tests.support.raw_client import RawClient
from tests.support.school import School
from tests.support.servers import wait_until

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("http"), template, LMS_UPLOAD_MB="2") as server:
        yield server


@pytest.fixture(scope="module")
def work(server: LiveServer) -> str:
    """Return the path of an assignment."""
    return "/assignments/" + server.school().write(lambda s: factories.assignment(s).id)


def learner(server: LiveServer, name: str) -> RawClient:
    school: School = server.school()
    return RawClient(server, school, school.write(lambda s: factories.learner(s, name).id))


def connect(server: LiveServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def read_all(wire: socket.socket) -> bytes:
    found = b""
    while part := wire.recv(1 << 16):
        found += part
    return found


def spooled(server: LiveServer) -> list[Path]:
    """Return the nameless files of the server in its own folder for temporary files."""
    found = []
    for link in Path(f"/proc/{server.pid}/fd").iterdir():
        try:
            target = link.readlink()
        except FileNotFoundError:
            continue
        if str(server.folder / "instance/tmp") in str(target):
            found.append(target)
    return found


@pytest.mark.parametrize("path", ["/card/login", "/nothing-here", "/me", "{work}", "/organisation/door"])
def test_a_body_over_a_megabyte_is_refused_by_its_announced_length(
    server: LiveServer, work: str, path: str
) -> None:
    """Also on a route for uploads, without the cookie of a login: not one byte of it is received."""
    with connect(server) as wire:
        wire.sendall(head(path.format(work=work), f"Content-Length: {MEGABYTE + 1}"))
        answer = read_all(wire)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert "C’est trop lourd.".encode() in answer


def test_a_client_that_sends_on_after_the_refusal_can_read_it(server: LiveServer) -> None:
    body = b"x" * (5 * MEGABYTE)
    with connect(server) as wire:
        wire.sendall(head("/card/login", f"Content-Length: {len(body)}") + body)
        assert read_all(wire).count(b"HTTP/1.1 ") == 1, "the body is no second request"


def test_a_chunked_body_ends_at_a_megabyte_on_every_route(server: LiveServer, work: str) -> None:
    client = learner(server, "Chunked")
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with connect(server) as wire:
        wire.sendall(head(work, "Transfer-Encoding: chunked", f"Cookie: {cookie}"))
        wire.sendall(chunk * 20)
        assert read_all(wire).startswith(b"HTTP/1.1 413 ")


def test_nobody_is_asked_to_send_a_body_that_is_refused(server: LiveServer) -> None:
    with connect(server) as wire:
        wire.sendall(head("/me", f"Content-Length: {9 * MEGABYTE}", "Expect: 100-continue"))
        assert read_all(wire).startswith(b"HTTP/1.1 413 ")


def test_a_learner_sends_more_than_a_megabyte_and_it_lies_in_the_instance(
    server: LiveServer, work: str
) -> None:
    client = learner(server, "Large")
    values, photo = client.form(work, text="Lundi"), files.jpeg(900, 1200)
    photo += b"\0" * (3 * MEGABYTE // 2)
    connection = client.begin(work, values, photo, share=0.9)
    try:
        wait_until(lambda: bool(spooled(server)), "the body is received", 10)
    finally:
        connection.close()
    wait_until(lambda: not spooled(server), "the body of a broken connection is deleted", 10)
    assert client.post(work, values, photo).status == 303


def test_over_the_limit_of_its_route_the_page_of_the_homework_says_so(server: LiveServer, work: str) -> None:
    client = learner(server, "Too large")
    values = client.form(work, text="Lundi")
    connection = client.begin(work, values, b"x" * (22 * MEGABYTE), share=0.01)
    with closing(connection):
        answer = connection.getresponse()
        assert answer.status == 413
        assert "Envoyez les fichiers un par un." in answer.read().decode()


def test_without_room_on_the_disk_no_large_body_is_received(tmp_path: Path, template: Path) -> None:
    with LiveServer(tmp_path, template, LMS_FREE_SPACE_MB="1000000") as server:
        school = server.school()
        given = "/assignments/" + school.write(lambda s: factories.assignment(s).id)
        client = learner(server, "Full")
        connection = client.begin(given, client.form(given), b"x" * (2 * MEGABYTE), share=0.01)
        with closing(connection):
            assert connection.getresponse().status == 507


class Request:
    """What the dispatcher knows of a channel and of its request."""

    refusal = ""
    crowded = served = refused = False
    ended: Callable[[], None] | None = None

    def __init__(self, *, is_upload: bool, ends: threading.Event) -> None:
        self.is_upload, self.ends = is_upload, ends
        self.requests = [self]
        self.runs = threading.Event()

    def service(self) -> None:
        self.runs.set()
        self.ends.wait(20)
        if self.ended is not None:
            self.ended()


def test_uploads_that_take_long_leave_half_of_the_threads_to_pages() -> None:
    dispatcher, ends, at_once = Dispatcher(), threading.Event(), threading.Event()
    at_once.set()
    dispatcher.set_thread_count(THREADS)
    uploads = [Request(is_upload=True, ends=ends) for _ in range(THREADS + 2)]
    pages = [Request(is_upload=False, ends=at_once) for _ in range(20)]
    try:
        for request in [*uploads, *pages]:
            dispatcher.add_task(request)
        assert all(page.runs.wait(10) for page in pages)
        assert sum(upload.runs.is_set() for upload in uploads) == UPLOADS_AT_ONCE
        ends.set()
        assert all(upload.runs.wait(10) for upload in uploads), "the others follow"
    finally:
        ends.set()
        dispatcher.shutdown()


def test_eleven_hundred_half_open_connections_stop_neither_an_open_page_nor_a_new_one(
    server: LiveServer,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2000:
        pytest.skip("this machine allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    page = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        page.request("GET", "/card")
        page.getresponse().read()
        kept = page.sock
        with ExitStack() as stack:
            for _ in range(1100):
                stack.enter_context(connect(server)).sendall(b"GET / HTTP/1.1\r\nHost: loc")
            began = time.monotonic()
            page.request("GET", "/card")
            assert page.getresponse().read()
            assert page.sock is kept, "the page keeps its connection"
            with connect(server) as new:
                new.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert read_all(new).startswith(b"HTTP/1.1 200 ")
            assert time.monotonic() - began < 15, "and not until the others are given up"
            opened = list(Path(f"/proc/{server.pid}/fd").iterdir())
            assert len(opened) < CONNECTIONS + 100, "the oldest of the half-open ones are closed"
    finally:
        page.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
