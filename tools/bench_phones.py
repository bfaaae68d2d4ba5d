"""The part of `./dev bench` about slow phones: pages of other people meanwhile, on two kinds of server."""

from __future__ import annotations

import http.client
import multiprocessing
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy.orm import Session

from lms.clock import now
from lms.demo import builder
from lms.domain.homework import worklist
from lms.models import Person
from tests.support.granian_server import GranianServer
from tests.support.live_server import LiveServer
from tests.support.school import School
from tools.bench_report import login_cookie, say

PHONES, BITS = 40, 400_000
SLOW_LEARNERS, SLOW_BITS = 60, 256_000
ROUNDS, PAGES = 3, 60
# Of the body of a phone, which never ends: three photos.
BODY = 20_000_000


def measure_phones(folder: Path, template: Path) -> None:
    """Measure pages while phones upload, on a server that buffers their bodies and on one that does not."""
    with LiveServer(folder / "waitress", template) as waitress:
        path, cookie = _prepare(waitress.school())
        _compare("waitress", waitress.port, path, cookie)
        with phones(waitress.port, path, cookie, SLOW_LEARNERS, SLOW_BITS):
            busy = latencies(waitress.port, cookie)
        say("pages while 60 learners upload at 256 kbit/s, p95 in seconds", p95(busy), "at most", 0.3)
    with GranianServer(folder / "granian") as granian:
        school = granian.school()
        builder.build(school.app, now())
        path, cookie = _prepare(school)
        _compare("granian", granian.port, path, cookie)


def _prepare(school: School) -> tuple[str, str]:
    """Return the path of an assignment of Samira, and the cookie of a login."""
    path, cookie = school.read(an_assignment), login_cookie(school, "Samira")
    school.close()
    return path, cookie


def an_assignment(s: Session) -> str:
    """Return the path of an assignment to which Samira can send a photo."""
    samira = s.query(Person).filter_by(name="Samira").one()
    return f"/assignments/{worklist.assignments_of_learner(s, samira, now=now())[0].assignment.id}"


def _compare(server: str, port: int, path: str, cookie: str) -> None:
    latencies(port, cookie)
    pairs = []
    for _ in range(ROUNDS):
        idle = latencies(port, cookie)
        with phones(port, path, cookie, PHONES, BITS):
            pairs.append((p95(idle), p95(latencies(port, cookie))))
    idle_p95, busy_p95 = (statistics.median(times) for times in zip(*pairs, strict=True))
    say(f"pages while 40 phones upload / idle, p95, {server}", busy_p95 / idle_p95, "at most", 1.2)
    print(f"    idle {idle_p95 * 1000:.1f} ms, busy {busy_p95 * 1000:.1f} ms")


def latencies(port: int, cookie: str, go_on: Callable[[], bool] = lambda: False) -> list[float]:
    """Return the seconds that pages took, without the first ones: some pages, then while `go_on` says so.

    Twenty pages a second, as a school of a few hundred people asks for them when it is busy.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    found: list[float] = []
    try:
        while len(found) < PAGES or go_on():
            begin = time.perf_counter()
            connection.request("GET", "/", headers={"Cookie": cookie, "Host": f"localhost:{port}"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            found.append(time.perf_counter() - begin)
            time.sleep(max(0.0, 0.05 - found[-1]))
    finally:
        connection.close()
    return found[10:]


def p95(values: list[float], share: float = 0.95) -> float:
    return sorted(values)[int(len(values) * share)]


def phones(port: int, path: str, cookie: str, number: int, bits: int) -> AbstractContextManager[None]:
    """Let so many phones upload slowly, in bits a second, while the block runs."""
    return running(_run_phones, port, path, cookie, number, bits)


@contextmanager
def running(run_phones: Callable[..., None], *arguments: object) -> Iterator[None]:
    """Run phones while the block runs; their function sets the event that it is given last.

    In a process of their own, so that they do not slow the one down that measures.
    """
    ready = multiprocessing.get_context("spawn").Event()
    process = multiprocessing.get_context("spawn").Process(
        target=run_phones, args=(*arguments, ready), daemon=True
    )
    process.start()
    try:
        assert ready.wait(30), "the phones have not begun"
        yield
        assert process.is_alive(), "the server has hung up on the phones"
    finally:
        process.kill()
        process.join()


def _run_phones(port: int, path: str, cookie: str, number: int, bits: int, ready: object) -> None:
    piece = b"x" * (bits // 8 // 4)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {cookie}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {BODY}\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="picture"; filename="1.jpg"\r\n\r\n'
    )
    lines = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(number)]
    for line in lines:
        line.sendall(head.encode())
    ready.set()  # type: ignore[attr-defined]
    while True:
        begin = time.monotonic()
        for line in lines:
            line.sendall(piece)
        time.sleep(max(0.0, 0.25 - (time.monotonic() - begin)))
