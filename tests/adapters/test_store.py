import errno
import io
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lms.adapters.store import LocalStore, StoreFull, UnknownKey


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "uploads")


def everything_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_in_comes_out_byte_for_byte(store: LocalStore) -> None:
    key = store.put(io.BytesIO(b"devoir" * 500_000), suffix=".jpg")
    with store.open(key) as file:
        assert file.read() == b"devoir" * 500_000
    assert store.size(key) == 3_000_000


def test_a_file_on_disk_is_copied_and_stays_where_it_was(store: LocalStore, tmp_path: Path) -> None:
    sent = tmp_path / "photo de Samira.jpg"
    sent.write_bytes(b"pixels")
    key = store.put(sent, suffix=".jpg")
    assert sent.exists()
    assert "Samira" not in key
    assert store.size(key) == 6


def test_the_digest_is_that_of_the_stored_bytes(store: LocalStore) -> None:
    key = store.put(io.BytesIO(b"before"))
    digest = store.digest(key)
    (path,) = everything_under(store.root)
    path.write_bytes(b"rotten")
    assert store.digest(key) != digest


def test_the_same_bytes_twice_get_two_keys(store: LocalStore) -> None:
    assert store.put(io.BytesIO(b"x")) != store.put(io.BytesIO(b"x"))


def test_only_the_owner_of_the_process_can_read_a_file(store: LocalStore) -> None:
    store.put(io.BytesIO(b"secret"))
    for path in store.root.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def test_deleting_twice_is_as_good_as_once(store: LocalStore) -> None:
    key = store.put(io.BytesIO(b"x"))
    store.delete(key)
    store.delete(key)
    with pytest.raises(UnknownKey):
        store.open(key)
    with pytest.raises(UnknownKey):
        store.size(key)
    with pytest.raises(UnknownKey):
        store.digest(key)
    assert list(store.keys()) == []


def test_all_keys_are_listed_with_their_time_in_utc(store: LocalStore) -> None:
    put = {store.put(io.BytesIO(b"x"), suffix=".pdf") for _ in range(5)}
    (store.temp / "half.jpg").write_bytes(b"not yet a file")
    listed = dict(store.keys())
    assert set(listed) == put
    assert all(abs(datetime.now(UTC) - when) < timedelta(minutes=1) for when in listed.values())


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "", "a" * 25, "A" * 26, "aa/../../x", "a" * 26 + "/..", "a" * 26 + "\n"]
)
def test_a_key_cannot_lead_out_of_the_store(store: LocalStore, key: str) -> None:
    for ask in (store.open, store.size, store.digest, store.delete):
        with pytest.raises(UnknownKey):
            ask(key)


@pytest.mark.parametrize("suffix", ["/../x", "jpg", ".JPG", ".a b", ".", ".jpg\n"])
def test_a_suffix_cannot_carry_a_path(store: LocalStore, suffix: str) -> None:
    with pytest.raises(ValueError, match="suffix"):
        store.put(io.BytesIO(b"x"), suffix=suffix)


class BrokenUpload(io.BytesIO):
    """Gives a first piece, then fails as the given error says."""

    def __init__(self, failure: OSError) -> None:
        super().__init__(b"x" * 100)
        self.failure = failure

    def read(self, size: int | None = -1) -> bytes:
        piece = super().read(size)
        if not piece:
            raise self.failure
        return piece


def test_a_full_disk_leaves_nothing_behind_and_says_so(store: LocalStore) -> None:
    with pytest.raises(StoreFull):
        store.put(BrokenUpload(OSError(errno.ENOSPC, "full")))
    assert everything_under(store.root) == []


def test_a_broken_upload_leaves_nothing_behind(store: LocalStore) -> None:
    with pytest.raises(ConnectionError):
        store.put(BrokenUpload(ConnectionError("gone")))
    assert everything_under(store.root) == []


def test_a_process_killed_while_writing_leaves_only_what_the_sweep_takes(store: LocalStore) -> None:
    """A limit on the size of files kills the writer in the middle: SIGXFSZ, as hard as a power cut."""
    program = (
        "import io, resource, signal, sys\n"
        "from pathlib import Path\n"
        "from lms.adapters.store import LocalStore\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "LocalStore(Path(sys.argv[1])).put(io.BytesIO(b'x' * 100_000))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(store.root)], check=False, cwd=Path.cwd())
    assert ended.returncode < 0
    assert list(store.keys()) == []
    assert len(list(store.temp.iterdir())) == 1
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    assert store.sweep_temp(an_hour_ago) == 0
    assert store.sweep_temp(an_hour_ago + timedelta(hours=2)) == 1
    assert list(store.temp.iterdir()) == []


def test_free_space_is_that_of_the_disk(store: LocalStore) -> None:
    figures = os.statvfs(store.root)
    assert 0 < store.free_bytes() <= figures.f_blocks * figures.f_frsize
