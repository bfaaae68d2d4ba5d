from __future__ import annotations

import io
from pathlib import Path

import pytest
from werkzeug.datastructures import FileStorage

from lms.adapters.media.types import RejectedFile
from lms.adapters.store import LocalStore, StoreFull
from lms.adapters.uploads import (
    Limits,
    UploadResult,
    delete_keys,
    fetch_received,
    keep_uploads,
    prepare_file,
    small_images,
    store_small_image,
    verify,
)
from tests.support import files

MB = 1 << 20


class Liar(LocalStore):
    """A disk that gives back something else."""

    def digest(self, key: str) -> str:
        return "0" * 64


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def take(
    store: LocalStore,
    *sent: tuple[bytes, str],
    max_bytes: int = 25 * MB,
    room: int = 100 * MB,
    floor: int = 0,
) -> UploadResult:
    uploads = [FileStorage(io.BytesIO(content), name, "picture") for content, name in sent]
    return keep_uploads(store, uploads, Limits(max_bytes, room, floor), store.root)


def keys(store: LocalStore) -> set[str]:
    return {key for key, _ in store.keys()}  # noqa: SIM118 not a mapping


def test_files_are_kept_as_they_were_sent_and_nothing_looks_into_them(store: LocalStore) -> None:
    result = take(store, (files.rotated_jpeg(), "IMG_1.jpg"), (b"", "vide.jpg"), (b"MZ program", "x.exe"))
    photo, program = result.files
    assert (photo.kind, photo.shown_name, photo.size) == ("photo", "IMG_1.jpg", len(files.rotated_jpeg()))
    with store.open(photo.received_key) as kept:
        assert kept.read() == files.rotated_jpeg()
    assert program.shown_name == "x.exe"
    assert [refused[:2] for refused in result.refused] == [("vide.jpg", "file_empty")]
    assert keys(store) == set(result.keys)
    assert verify(store, photo.received_key, photo.sha256)
    delete_keys(store, result.keys)
    assert keys(store) == set()
    assert not verify(store, photo.received_key, photo.sha256)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"max_bytes": 100}, "file_too_big"),
        ({"room": 100}, "quota_full"),
        ({"floor": 1 << 60}, "store_full"),
    ],
)
def test_size_room_and_a_full_disk_are_reasons_of_single_files(
    store: LocalStore, limits: dict[str, int], code: str
) -> None:
    assert take(store, (files.jpeg(), "a.jpg"), **limits).refused == [("a.jpg", code, "photo")]
    assert keys(store) == set()


def test_each_file_uses_up_the_room_of_the_next(store: LocalStore) -> None:
    result = take(store, (b"12345", "b.mp3"), (b"1234", "c.mp3"), room=8)
    assert [file.shown_name for file in result.files] == ["b.mp3"]
    assert result.refused == [("c.mp3", "quota_full", "photo")]


def test_a_disk_that_does_not_give_back_what_it_was_given_keeps_nothing(tmp_path: Path) -> None:
    liar = Liar(tmp_path / "store")
    with pytest.raises(OSError, match="does not give back"):
        take(liar, (files.jpeg(), "a.jpg"))
    assert keys(liar) == set()


def test_a_file_is_cleaned_and_stored_with_its_pictures(store: LocalStore, tmp_path: Path) -> None:
    source = tmp_path / "sent"
    source.write_bytes(files.heic())
    photo = prepare_file(store, source, "IMG_1.HEIC", tmp_path)
    assert (photo.kind, photo.mime, photo.shown_name) == ("photo", "image/jpeg", "IMG_1.jpg")
    assert {rendition.purpose for rendition in photo.renditions} == {"web", "thumb"}
    assert keys(store) == set(photo.keys)
    assert verify(store, photo.store_key, photo.sha256)
    assert all(verify(store, made.store_key, made.sha256) for made in photo.renditions)
    source.write_bytes(files.voice_ogg())
    voice = prepare_file(store, source, "PTT.opus", tmp_path)
    assert (voice.kind, voice.seconds) == ("voice", 3)


def test_a_received_file_is_only_used_as_it_was_sent(store: LocalStore, tmp_path: Path) -> None:
    (kept,) = take(store, (b"a sheet", "a.jpg")).files
    copy = tmp_path / "copy"
    assert fetch_received(store, kept.received_key, kept.sha256, copy)
    assert copy.read_bytes() == b"a sheet"
    assert not fetch_received(store, kept.received_key, "0" * 64, copy)
    store.delete(kept.received_key)
    assert not fetch_received(store, kept.received_key, kept.sha256, copy)


def take_door(
    store: LocalStore, folder: Path, content: bytes, *, max_bytes: int = MB, floor: int = 0
) -> tuple[str, str]:
    upload = FileStorage(io.BytesIO(content), "porte.jpg")
    return store_small_image(store, upload, folder, max_bytes=max_bytes, floor=floor)


def test_a_photo_for_our_pages_is_one_light_file(store: LocalStore, tmp_path: Path) -> None:
    key, sha256 = take_door(store, tmp_path, files.jpeg())
    assert key.endswith(".jpg")
    assert keys(store) == {key}
    assert verify(store, key, sha256)


def test_one_photo_for_our_pages_is_shrunk_at_a_time(store: LocalStore, tmp_path: Path) -> None:
    with small_images, pytest.raises(RejectedFile, match="file_busy"):
        take_door(store, tmp_path, files.jpeg())
    assert take_door(store, tmp_path, files.jpeg())[0] in keys(store)


def test_a_photo_for_our_pages_that_cannot_be_kept_leaves_nothing(tmp_path: Path) -> None:
    honest, liar = LocalStore(tmp_path / "one"), Liar(tmp_path / "two")
    with pytest.raises(RejectedFile, match="file_too_big"):
        take_door(honest, tmp_path, files.jpeg(), max_bytes=100)
    with pytest.raises(StoreFull):
        take_door(honest, tmp_path, files.jpeg(), floor=1 << 60)
    with pytest.raises(OSError, match="does not give back"):
        take_door(liar, tmp_path, files.jpeg())
    assert keys(honest) == keys(liar) == set()
