"""Sound as real encoders write it, beside the files that the other tests build."""

from __future__ import annotations

from pathlib import Path

import pytest

from lms.adapters.media.intake import inspect_upload
from lms.adapters.media.types import RejectedFile
from lms.adapters.media.voice import read_voice
from tests.support.files import RECORDINGS, recording

REAL = [
    ("voice.webm", "audio/webm", ".webm"),
    ("voice.mp4", "audio/mp4", ".m4a"),
    ("voice.ogg", "audio/ogg", ".ogg"),
    ("voice.mp3", "audio/mpeg", ".mp3"),
    ("voice.amr", "audio/amr", ".amr"),
    ("voice.3gp", "audio/3gpp", ".3gp"),
]


def test_each_recording_is_tested() -> None:
    assert sorted(path.name for path in RECORDINGS.iterdir()) == sorted(name for name, *_ in REAL)


@pytest.mark.parametrize(("name", "mime", "suffix"), REAL)
def test_a_real_recording_is_known_by_its_content(tmp_path: Path, name: str, mime: str, suffix: str) -> None:
    source = tmp_path / "received"
    source.write_bytes(recording(name))
    taken = inspect_upload(source, shown_name="message vocal.bin", work=tmp_path)
    assert (taken.kind, taken.mime, taken.suffix) == ("voice", mime, suffix)
    assert taken.download_name == f"message vocal{suffix}"
    assert taken.seconds == pytest.approx(2, abs=0.15)
    assert taken.original.read_bytes() == recording(name)  # kept as it was sent


@pytest.mark.parametrize("part", [0.4, 0.5, 0.9])
@pytest.mark.parametrize("name", [name for name, *_ in REAL if name != "voice.3gp"])
def test_of_a_real_recording_that_was_cut_off_the_whole_part_is_kept(name: str, part: float) -> None:
    data = recording(name)
    sound = read_voice(data[: int(len(data) * part)])
    assert sound is not None
    assert sound.seconds == pytest.approx(2 * part, abs=0.5)


def test_a_recording_whose_index_stands_at_its_end_is_lost_without_it() -> None:
    data = recording("voice.3gp")
    with pytest.raises(RejectedFile, match="file_broken"):
        read_voice(data[: len(data) // 2])
