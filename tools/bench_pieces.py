"""The part of `./dev bench` about files that come in pieces: how long the server takes for one."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from sqlalchemy.orm import Session

from lms.models import Person
from tests import factories
from tests.support.live_server import LiveServer
from tests.support.tus import TusWire
from tools.bench_phones import p95
from tools.bench_report import login_cookies, say

PIECE, PIECES = 256 * 1024, 100


def measure_pieces(folder: Path, template: Path) -> None:
    """Send a file of 25 MB in pieces; each is timed from its first byte to the answer."""
    content = bytes(range(256)) * (PIECE // 256)

    def samira(s: Session) -> str:
        return s.query(Person).filter_by(name="Samira").one().id

    with LiveServer(folder, template) as server:
        school = server.school()
        given = school.write(lambda s: factories.assignment(s).id)
        wire = TusWire(server.port, login_cookies(school, [school.read(samira)])[0], given)
        school.close()
        status, place = wire.begin(PIECE * PIECES, "bench")
        assert status == 201, status
        times = []
        for number in range(PIECES - 1):
            began = time.perf_counter()
            assert wire.add(place, number * PIECE, content) == 204
            times.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
        assert wire.add(place, (PIECES - 1) * PIECE, content) == 204
        last = 1000 * (time.perf_counter() - began)
    say("piece of 256 kB, median in ms", statistics.median(times), "at most", 25)
    print(f"    p95 {p95(times):.1f} ms; the last one, which ends a file of 25 MB, {last:.0f} ms")
