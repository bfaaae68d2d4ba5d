from __future__ import annotations

import io
from pathlib import Path
from typing import TypedDict, Unpack

import pytest
from werkzeug.datastructures import FileStorage

from lms.adapters.media.types import RejectedFile
from lms.adapters.store import LocalStore, StoreFull
from lms.adapters.uploads import UploadResult, delete_keys, store_small_image, store_uploads, verify
from tests.support import files

MB = 1 << 20


class Liar(LocalStore):
    """A disk that gives back something else."""

    def digest(self, key: str) -> str:
        return "0" * 64


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


class Limits(TypedDict, total=False):
    max_bytes: int
    room: int
    floor: int
    kinds: tuple[str, ...]


def take(store: LocalStore, folder: Path, *sent: tuple[bytes, str], **limits: Unpack[Limits]) -> UploadResult:
    work = folder / "work"
    work.mkdir(exist_ok=True)
    values: Limits = {
        "max_bytes": 25 * MB,
        "room": 100 * MB,
        "floor": 0,
        "kinds": ("photo", "voice", "document"),
        **limits,
    }
    uploads = [FileStorage(io.BytesIO(content), name) for content, name in sent]
    return store_uploads(store, uploads, work, **values)


def keys(store: LocalStore) -> set[str]:
    return {key for key, _ in store.keys()}  # noqa: SIM118 not a mapping


def test_good_files_are_kept_and_bad_ones_have_their_reason(store: LocalStore, tmp_path: Path) -> None:
    received = take(
        store, tmp_path, (files.heic(), "IMG_1.HEIC"), (b"", "vide.jpg"), (files.voice_ogg(), "PTT.opus")
    )
    photo, voice = received.files
    assert (photo.kind, photo.mime, photo.shown_name) == ("photo", "image/jpeg", "IMG_1.jpg")
    assert {rendition.purpose for rendition in photo.renditions} == {"web", "thumb"}
    assert (voice.kind, voice.seconds) == ("voice", 3)
    assert received.refused == [("vide.jpg", "file_empty")]
    assert keys(store) == set(received.keys)
    assert verify(store, photo.store_key, photo.sha256)
    delete_keys(store, received.keys)
    assert keys(store) == set()
    assert not verify(store, photo.store_key, photo.sha256)


def test_size_room_kind_and_a_full_disk_are_reasons_of_single_files(
    store: LocalStore, tmp_path: Path
) -> None:
    photo = (files.jpeg(), "a.jpg")
    cases: list[tuple[Limits, str]] = [
        ({"max_bytes": 100}, "file_too_big"),
        ({"room": 100}, "quota_full"),
        ({"kinds": ("voice",)}, "kind_photo"),
        ({"floor": 1 << 60}, "store_full"),
    ]
    for number, (limits, code) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert take(store, folder, photo, **limits).refused == [("a.jpg", code)]
    assert keys(store) == set()


def test_each_file_uses_up_the_room_of_the_next(store: LocalStore, tmp_path: Path) -> None:
    one = take(store, tmp_path, (files.voice_mp3(), "a.mp3")).files[0].room
    (tmp_path / "more").mkdir()
    received = take(
        store, tmp_path / "more", (files.voice_mp3(), "b.mp3"), (files.voice_mp3(), "c.mp3"), room=2 * one - 1
    )
    assert [file.shown_name for file in received.files] == ["b.mp3"]
    assert received.refused == [("c.mp3", "quota_full")]


def test_a_disk_that_does_not_give_back_what_it_was_given_keeps_nothing(tmp_path: Path) -> None:
    liar = Liar(tmp_path / "store")
    with pytest.raises(OSError, match="does not give back"):
        take(liar, tmp_path, (files.jpeg(), "a.jpg"))
    assert keys(liar) == set()


def take_door(store: LocalStore, folder: Path, content: bytes, *, max_bytes: int = MB, floor: int = 0) -> str:
    upload = FileStorage(io.BytesIO(content), "porte.jpg")
    return store_small_image(store, upload, folder, max_bytes=max_bytes, floor=floor)


def test_a_photo_for_our_pages_is_one_light_file(store: LocalStore, tmp_path: Path) -> None:
    key = take_door(store, tmp_path, files.jpeg())
    assert key.endswith(".jpg")
    assert keys(store) == {key}


def test_a_photo_for_our_pages_that_cannot_be_kept_leaves_nothing(tmp_path: Path) -> None:
    honest, liar = LocalStore(tmp_path / "one"), Liar(tmp_path / "two")
    with pytest.raises(RejectedFile, match="file_too_big"):
        take_door(honest, tmp_path, files.jpeg(), max_bytes=100)
    with pytest.raises(StoreFull):
        take_door(honest, tmp_path, files.jpeg(), floor=1 << 60)
    with pytest.raises(OSError, match="does not give back"):
        take_door(liar, tmp_path, files.jpeg())
    assert keys(honest) == keys(liar) == set()
