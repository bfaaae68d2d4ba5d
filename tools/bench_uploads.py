"""The part of `./dev bench` about photos: pages of others while many come, and when they are ready."""

from __future__ import annotations

import http.client
import io
import os
import random
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageFilter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.models import Attachment, Attempt, FileState
from tests import factories
from tests.support.pages import filled, parse
from tools.bench_memory import BUSY, own_memory, unshared_server
from tools.bench_phones import latencies, p95
from tools.bench_report import login_cookie, say

LEARNERS, PHOTOS, SIZE = 25, 4, (4000, 3000)


def many_photos(folder: Path, template: Path) -> None:
    """Let 25 learners send four photos of 12 megapixels at one instant; another one uses pages meanwhile."""
    with unshared_server(folder, template) as server:
        school = server.school()
        assignment = school.write(lambda s: factories.assignment(s).id)
        names = [f"Learner {number}" for number in range(LEARNERS)]
        school.write(lambda s: [factories.learner(s, name) for name in names])
        photos = [photo(number) for number in range(PHOTOS)]
        instant, stop = threading.Barrier(LEARNERS + 1), threading.Event()
        answers: list[int] = []
        senders = [
            threading.Thread(
                target=send_photos,
                args=(server.port, assignment, login_cookie(school, name), photos, instant, answers),
                daemon=True,
            )
            for name in names
        ]
        peak: list[int] = [0]
        watcher = threading.Thread(target=watch_memory, args=(server.pid, peak, stop), daemon=True)
        for thread in (*senders, watcher):
            thread.start()
        cookie = login_cookie(school, "Samira")
        latencies(server.port, cookie)
        instant.wait()
        begin = time.monotonic()

        def is_unfinished() -> bool:
            return time.monotonic() - begin < 600 and not (
                len(answers) == LEARNERS and school.read(_is_all_ended)
            )

        first = latencies(server.port, cookie, lambda: len(answers) < LEARNERS)
        received = time.monotonic() - begin
        later = latencies(server.port, cookie, is_unfinished)
        seconds = time.monotonic() - begin
        of_children = _processor_seconds_of_children(server.pid)
        stop.set()
        watcher.join()
        alone = own_memory(server.pid)
        refused = LEARNERS * PHOTOS - school.read(_count_ready)
    megabytes = sum(map(len, photos)) / PHOTOS / 1e6
    print(f"    {LEARNERS} x {PHOTOS} photos of {SIZE[0]}x{SIZE[1]}, {megabytes:.1f} MB each")
    print(f"    all received after {received:.1f} s")
    for times, phase in ((first, "while photos are received"), (later, "while photos are prepared")):
        say(f"pages {phase}, p95 in seconds", p95(times), "at most", 0.5)
        print(f"    {len(times)} pages, median {p95(times, 0.5):.3f} s, longest {max(times):.2f} s")
    say("until all photos are ready and shown to the team, seconds", seconds, "at most", 90)
    print(f"    {of_children:.0f} s of processor time in child processes")
    say("photos refused or lost", refused, "at most", 0)
    say("memory of the server and its children at most, MB", peak[0] / 1e6, "at most", 700)
    say("memory of the server after the photos, MiB", alone, "at most", BUSY)


def photo(number: int) -> bytes:
    """Return a JPEG with as much detail as a photo of a sheet has."""
    chance = random.Random(number)
    width, height = SIZE
    colours = Image.frombytes("RGB", (500, 375), chance.randbytes(500 * 375 * 3))
    colours = colours.filter(ImageFilter.GaussianBlur(2)).resize(SIZE, Image.Resampling.BICUBIC)
    grain = Image.frombytes("L", (width // 2, height // 2), chance.randbytes(width * height // 4))
    file = io.BytesIO()
    Image.blend(colours, grain.resize(SIZE).convert("RGB"), 0.1).save(file, "JPEG", quality=90)
    return file.getvalue()


def send_photos(
    port: int,
    assignment: str,
    cookie: str,
    photos: list[bytes],
    instant: threading.Barrier,
    answers: list[int],
) -> None:
    """Send the photos as a browser does; try again when the server asks for patience."""
    path = f"/assignments/{assignment}"
    html, cookie = _get(port, path, cookie)
    (form,) = [form for form in parse(html).all("form") if form.get("action") == path]
    edge = secrets.token_hex(12)
    pieces = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in filled(form).items()
    ]
    for number, content in enumerate(photos):
        head = f'--{edge}\r\nContent-Disposition: form-data; name="picture"; filename="{number}.jpg"\r\n\r\n'
        pieces += [head.encode(), content, b"\r\n"]
    pieces.append(f"--{edge}--\r\n".encode())
    instant.wait()
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        connection.putrequest("POST", f"{path}/submission", skip_host=True)
        for name, value in (
            ("Host", f"localhost:{port}"),
            ("Content-Type", f"multipart/form-data; boundary={edge}"),
            ("Content-Length", str(sum(map(len, pieces)))),
            ("Cookie", cookie),
            ("Sec-Fetch-Site", "same-origin"),
        ):
            connection.putheader(name, value)
        with suppress(BrokenPipeError, ConnectionResetError):  # it may answer before the body has come
            connection.endheaders()
            for piece in pieces:
                connection.send(piece)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 503:
            answers.append(answer.status)
            return
        time.sleep(float(answer.getheader("Retry-After") or 1))


def _get(port: int, path: str, cookie: str) -> tuple[str, str]:
    """Return the page, and the cookies with those that it sets."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"Cookie": cookie, "Host": f"localhost:{port}"})
    answer = connection.getresponse()
    html = answer.read().decode()
    connection.close()
    set_cookies = [line.split(";")[0] for line in answer.headers.get_all("Set-Cookie") or []]
    return html, "; ".join([cookie, *set_cookies])


def watch_memory(pid: int, peak: list[int], stop: threading.Event) -> None:
    """Note the largest memory that the process and its children had together, in bytes."""
    while not stop.wait(0.2):
        peak[0] = max(peak[0], sum(_resident(each) for each in _family(pid)))


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _resident(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def _processor_seconds_of_children(pid: int) -> float:
    """Return the processor time of the children that have ended: fields 16 and 17 of proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _is_all_ended(s: Session) -> bool:
    waiting = s.scalar(select(func.count(Attachment.id)).where(Attachment.state == FileState.RECEIVED))
    queued = s.scalar(
        select(func.count(Attempt.id)).where(Attempt.queued_at.is_(None), Attempt.sent_at.is_not(None))
    )
    return waiting == queued == 0


def _count_ready(s: Session) -> int:
    of_bench = select(Attachment.id).where(Attachment.sent_sha256.is_not(None))
    return len(s.scalars(of_bench.where(Attachment.state == FileState.READY)).all())
