"""The part of `./dev bench` about files that come in pieces: the time of a piece, and pages meanwhile."""

from __future__ import annotations

import socket
import statistics
import time
from pathlib import Path

from tests import factories
from tests.support.live_server import LiveServer
from tests.support.school import School
from tests.support.tus import VERSION, TusWire, piece_headers
from tools.bench_phones import BITS, PHONES, ROUNDS, latencies, p95, running
from tools.bench_report import login_cookie, login_cookies, say

PIECE, PIECES = 256 * 1024, 100
CONTENT = bytes(range(256)) * (PIECE // 256)


def measure_pieces(folder: Path, template: Path) -> None:
    """Send a file of 25 MB in pieces, each timed from its first byte to the answer; then let phones send."""
    with LiveServer(folder, template) as server:
        school = server.school()
        wires = _wires(server, school)
        places = [_begin(wire) for wire in wires]
        times = [1000 * _timed(wires[0], places[0], number) for number in range(PIECES)]
        say("piece of 256 kB, median in ms", statistics.median(times[:-1]), "at most", 25)
        print(
            f"    p95 {p95(times[:-1]):.1f} ms; the last one, which ends a file of 25 MB, {times[-1]:.0f} ms"
        )
        cookie = login_cookie(school, "Samira")
        school.close()
        latencies(server.port, cookie)
        pairs = []
        phones = [(wire.cookie, place) for wire, place in zip(wires[1:], places[1:], strict=True)]
        for _ in range(ROUNDS):
            idle = latencies(server.port, cookie)
            offsets = [wire.offset(place)[1] for wire, place in zip(wires[1:], places[1:], strict=True)]
            with running(_run_phones, server.port, phones, offsets):
                time.sleep(PIECE * 8 / BITS)  # until each has sent a piece
                pairs.append((p95(idle), p95(latencies(server.port, cookie))))
    idle_p95, busy_p95 = (statistics.median(each) for each in zip(*pairs, strict=True))
    say(f"pages while {PHONES} phones send pieces / idle, p95", busy_p95 / idle_p95, "at most", 1.2)
    print(f"    idle {idle_p95 * 1000:.1f} ms, busy {busy_p95 * 1000:.1f} ms")


def _wires(server: LiveServer, school: School) -> list[TusWire]:
    """Return the phones of one learner who is fast and of those who are slow."""
    given = school.write(lambda s: factories.assignment(s).id)
    people = school.write(
        lambda s: [factories.learner(s, f"Phone {number}").id for number in range(PHONES + 1)]
    )
    return [TusWire(server.port, cookie, given) for cookie in login_cookies(school, people)]


def _begin(wire: TusWire) -> str:
    status, place = wire.begin(PIECE * PIECES, "bench")
    assert status == 201, status
    return place


def _timed(wire: TusWire, place: str, number: int) -> float:
    began = time.perf_counter()
    status = wire.add(place, number * PIECE, CONTENT)
    assert status == 204, status
    return time.perf_counter() - began


def _run_phones(port: int, phones: list[tuple[str, str]], offsets: list[int], ready: object) -> None:
    """Let each phone send its pieces slowly, one after the other; they begin at different instants."""
    share = BITS // 8 // 4
    lines = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in phones]
    left = [0] * len(lines)
    ready.set()  # type: ignore[attr-defined]
    tick = 0
    while True:
        began = time.monotonic()
        for number, line in enumerate(lines[: tick + 2]):
            if left[number] == 0:
                line.sendall(_head(*phones[number], offsets[number], port))
                left[number] = PIECE
            sent = min(share, left[number])
            line.sendall(CONTENT[PIECE - left[number] :][:sent])
            left[number] -= sent
            if left[number] == 0:
                answer = line.recv(4096)
                assert answer.startswith(b"HTTP/1.1 204"), answer[:100]
                offsets[number] += PIECE
        tick += 2
        time.sleep(max(0.0, 0.25 - (time.monotonic() - began)))


def _head(cookie: str, place: str, offset: int, port: int) -> bytes:
    headers = {"Host": f"localhost:{port}", "Cookie": cookie, "Content-Length": str(PIECE), **VERSION}
    headers |= {name.replace("_", "-"): value for name, value in piece_headers(offset, CONTENT).items()}
    lines = [f"PATCH {place} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
