"""A disk that is full and one that is not any more: real ones, small enough to fill."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.engine.interfaces import DBAPIConnection

from lms.adapters.store import LocalStore
from lms.domain.homework import attempts
from lms.extensions import sqlite
from lms.models import Attachment, Attempt, FileState, Rendition
from tests import factories
from tests.support import files
from tests.support.live_server import LiveServer
from tests.support.pages import file
from tests.support.raw_client import Answer, RawClient
from tests.support.school import School
from tests.support.servers import wait_until

OWN_MOUNTS = ("unshare", "--mount", "--map-root-user")


def can_mount() -> bool:
    """Root can, and whoever may have a name space of her own."""
    if shutil.which("unshare") is None:
        return False
    mount = [*OWN_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0


class SmallDisk:
    """A served school of which one folder lies on a disk of three megabytes that only it sees."""

    def __init__(self, folder: Path, small: Path, **settings: str) -> None:
        self.server, self.small = LiveServer(folder, **settings), small
        small.mkdir(parents=True)
        script = 'mount -t tmpfs -o size=3m,mode=700 tmpfs "$0" && exec "$@"'
        self.server.within = (*OWN_MOUNTS, "sh", "-c", script, str(small))
        self.school = self.server.school()
        self.given = self.school.write(lambda s: factories.assignment(s).id)
        self.samira = self.school.write(lambda s: factories.samira(s).id)

    @property
    def inside(self) -> Path:
        """The same folder as the server sees it."""
        return Path(f"/proc/{self.server.pid}/root{self.small}")

    def fill(self) -> None:
        with (self.inside / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass

    def free(self) -> None:
        (self.inside / "filler").unlink()

    def send(self, wire: RawClient) -> Answer:
        path = f"/assignments/{self.given}"
        return wire.post(f"{path}/submission", wire.form(path, text="Lundi, mardi"), PHOTO)

    def count(self, kind: type[Attachment] | type[Rendition]) -> int:
        return self.school.read(lambda s: s.scalar(select(func.count(kind.id)))) or 0

    def kept(self) -> list[str]:
        return [path.name for path in self.inside.rglob("*") if path.is_file() and path.name != "filler"]

    def all_ready(self) -> bool:
        states = self.school.read(lambda s: s.scalars(select(Attachment.state)).all())
        return set(states) <= {FileState.READY}

    def draft(self) -> str:
        found = self.school.read(lambda s: attempts.draft_of(s, factories.samira(s), self.given))
        return found.text if found else ""

    def sent(self) -> int:
        where = Attempt.sent_at.is_not(None)
        return self.school.read(lambda s: s.scalar(select(func.count(Attempt.id)).where(where))) or 0


def stored(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


PHOTO = files.saved(files.noise(900, 700), "JPEG", quality=90)
needs_mount = pytest.mark.skipif(not can_mount(), reason="this machine allows no small disk: unshare, mount")


@needs_mount
def test_a_full_disk_of_homework_takes_nothing_says_so_and_heals_by_itself(tmp_path: Path) -> None:
    disk = SmallDisk(tmp_path / "school", tmp_path / "school/uploads")
    with disk.server:
        wire = RawClient(disk.server, disk.school, disk.samira)
        disk.fill()
        answer = disk.send(wire)
        assert answer.status == 507
        assert "plus de place" in answer.html or "مساحة" in answer.html or "مكان" in answer.html
        assert disk.draft() == "Lundi, mardi", "what she wrote is kept"
        assert (disk.sent(), disk.count(Attachment), disk.count(Rendition), disk.kept()) == (0, 0, 0, [])
        disk.free()
        assert disk.send(wire).status == 303
        assert (disk.sent(), disk.count(Attachment)) == (1, 1)
        wait_until(disk.all_ready, "the photo is ready", 30)
        store = LocalStore(disk.inside)
        for attachment in disk.school.read(lambda s: s.scalars(select(Attachment)).all()):
            assert store.digest(attachment.store_key or "") == attachment.sha256
        whole = 1 + disk.count(Rendition)
        # What was received is deleted after the commit that made the photo ready.
        wait_until(lambda: len(disk.kept()) == whole, "nothing but the photo and its copies is kept", 30)


@needs_mount
def test_a_full_disk_of_temporary_files_breaks_nothing(tmp_path: Path) -> None:
    """The form is unpacked and the photo looked at in the instance folder."""
    disk = SmallDisk(tmp_path / "school", tmp_path / "school/instance/tmp")
    with disk.server:
        wire = RawClient(disk.server, disk.school, disk.samira)
        path = f"/assignments/{disk.given}"
        # Python chooses the folder at its first use, and a full one it would not choose.
        assert wire.post(path, wire.form(path), files.jpeg()).status == 303
        wait_until(disk.all_ready, "the photo is ready", 30)
        before = stored(tmp_path / "school/uploads")
        disk.fill()
        answer = disk.send(wire)
        assert answer.status == 507
        assert (disk.sent(), disk.count(Attachment), disk.kept()) == (0, 1, [])
        assert stored(tmp_path / "school/uploads") == before
        disk.free()
        assert disk.send(wire).status == 303
        wait_until(lambda: disk.all_ready() and disk.kept() == [], "the photo is ready", 30)
        assert (disk.sent(), disk.count(Attachment)) == (1, 2)
    assert "Traceback" not in disk.server.output()


@contextmanager
def full(school: School) -> Iterator[Callable[[], None]]:
    """The database may not grow by one page; calling what is given lets it grow again."""
    pages: list[int] = []
    # Room that a migration left inside the file would be taken first.
    with closing(sqlite.connect(school.engine.url.database or "")) as file:
        file.execute("VACUUM")

    def limit(connection: DBAPIConnection, *_more: object) -> None:
        cursor = connection.cursor()
        now_used = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count={pages[0] if pages else now_used}")
        cursor.close()

    event.listen(school.engine, "checkout", limit)
    try:
        yield lambda: pages.append(1 << 30)
    finally:
        event.remove(school.engine, "checkout", limit)


def test_a_database_that_cannot_grow_keeps_what_was_typed_and_heals(school: School) -> None:
    long_text = "Lundi, « mardi » & <mercredi>.\n" * 250
    given = school.write(lambda s: factories.assignment(s).id)
    samira = school.visitor(school.write(factories.samira))
    page = samira.get(f"/assignments/{given}")
    with full(school) as let_grow:
        answer = samira.submit(page, {"text": long_text}, button="/submission")
        assert answer.status == 503
        assert answer.response.headers["Retry-After"] == "30"
        assert school.read(lambda s: s.scalar(select(func.count(Attempt.id)))) == 0
        typed = [field for field in answer.root.all("input") if field.get("name") == "text"]
        assert [field.get("value") for field in typed] == [long_text]
        let_grow()
        receipt = samira.submit(answer, action=f"/assignments/{given}/submission")
        assert receipt.status == 200
    attempt = school.read(lambda s: s.scalars(select(Attempt)).one())
    assert attempt.sent_at is not None
    assert re.sub(r"\s+", " ", attempt.text).strip() == re.sub(r"\s+", " ", long_text).strip()


def test_a_page_for_sending_again_never_repeats_a_secret_or_forgets_a_file(school: School) -> None:
    given = school.write(lambda s: factories.assignment(s).id)
    samira = school.visitor(school.write(factories.samira))
    page = samira.get(f"/assignments/{given}")
    with full(school):
        answer = samira.submit(
            page,
            {"text": "x" * 6000, "picture": file(PHOTO, "a.jpg")},
            button="/submission",
        )
    assert answer.status == 503
    assert answer.root.all("form") == []
    assert stored(school.settings.uploads) == []
