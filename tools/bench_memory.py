"""The part of `./dev bench` about memory: the server process idle, under load and after slow phones."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from tests.support.live_server import LiveServer
from tools.bench_phones import BITS, PHONES, an_assignment, phones
from tools.bench_report import login_cookie, say

IDLE, BUSY = 110, 150  # MiB
CLIENTS = 8
PAGES = (
    ("Samira", ("/", "/lessons", "/homework", "/bookings/new", "/bookings", "/me")),
    ("Nadia Dubois", ("/", "/corrections", "/agenda", "/people", "/lessons")),
    ("Claire Renard", ("/", "/people", "/waitlist/entries", "/agenda/exceptions")),
)


def unshared_server(folder: Path, template: Path | None = None) -> LiveServer:
    """Return a server that shares no memory with a process from which it was forked."""
    server = LiveServer(folder, template)
    server.within = ("env",)
    return server


def measure_memory(folder: Path, template: Path, load_seconds: float) -> None:
    """Measure the memory of a server with the demo school, from its start on."""
    with unshared_server(folder, template) as server:
        school = server.school()
        cookies = {name: login_cookie(school, name) for name, _paths in PAGES}
        path = school.read(an_assignment)
        school.close()
        time.sleep(2)
        say("memory of the idle server, MiB", own_memory(server.pid), "at most", IDLE)
        pages = [(cookies[name], each) for name, paths in PAGES for each in paths]
        _load(server.port, pages, load_seconds)
        first = own_memory(server.pid)
        say("memory of the server under load, MiB", first, "at most", BUSY)
        _load(server.port, pages, load_seconds)
        say("memory after twice the load / after the load", own_memory(server.pid) / first, "at most", 1.05)
        with phones(server.port, path, cookies["Samira"], PHONES, BITS):
            time.sleep(10)
            say("memory while 40 phones upload, MiB", own_memory(server.pid), "at most", BUSY)


def own_memory(pid: int) -> float:
    """Return the memory of a process without its children in MiB, its part of what is shared (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _load(port: int, pages: Sequence[tuple[str, str]], seconds: float) -> None:
    """Let some clients ask for the pages in turn, each as fast as it is answered."""
    end, statuses = time.monotonic() + seconds, set[int]()
    clients = [
        threading.Thread(target=_ask, args=(port, [*pages[at:], *pages[:at]], end, statuses))
        for at in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert statuses == {200}, statuses


def _ask(port: int, pages: Sequence[tuple[str, str]], end: float, statuses: set[int]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for cookie, path in cycle(pages):
        if time.monotonic() > end:
            break
        connection.request("GET", path, headers={"Cookie": cookie, "Host": f"localhost:{port}"})
        answer = connection.getresponse()
        answer.read()
        statuses.add(answer.status)
    connection.close()
