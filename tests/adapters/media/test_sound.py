from __future__ import annotations

from pathlib import Path

import pytest

from lms.adapters.media.sound import look
from lms.adapters.media.types import RejectedFile
from tests.support import files


def facts(folder: Path, content: bytes) -> dict[str, object]:
    (folder / "sent").write_bytes(content)
    return look(folder / "sent", folder)


def test_a_voice_is_kept_as_it_was_sent(tmp_path: Path) -> None:
    found = facts(tmp_path, files.voice_ogg())
    assert (found["mime"], found["suffix"], found["kept"]) == ("audio/ogg", ".ogg", None)


def test_what_follows_a_voice_is_dropped(tmp_path: Path) -> None:
    found = facts(tmp_path, files.voice_mp3() + b"TAG" + bytes(125))
    assert found["kept"] == {"name": "voice"}
    assert (tmp_path / "voice").read_bytes() == files.voice_mp3()


def test_a_document_that_begins_late_is_cut_out(tmp_path: Path) -> None:
    assert facts(tmp_path, bytes(2000) + files.pdf(1)) == {"document": {"name": "document"}}
    assert (tmp_path / "document").read_bytes() == files.pdf(1)


@pytest.mark.parametrize(
    ("content", "code", "kind"),
    [
        (b"MZ program", "file_kind", None),
        (b"fLaC\x80\0\0\x22" + bytes(40), "file_kind", "voice"),
        (files.video_mp4(), "file_video", None),
        (files.voice_m4a()[:60], "file_broken", "voice"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "file_encrypted", None),
    ],
)
def test_what_is_no_voice_says_so(tmp_path: Path, content: bytes, code: str, kind: str | None) -> None:
    with pytest.raises(RejectedFile) as refusal:
        facts(tmp_path, content)
    assert (refusal.value.code, refusal.value.kind) == (code, kind)
