"""The copy of a voice that plays on every phone, made of real recordings."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from lms.adapters.media.boxes import top_boxes
from lms.adapters.media.intake import inspect_voice, make_played_copy
from lms.adapters.media.types import RejectedFile
from tests.support import files


def copied(folder: Path, content: bytes) -> Path | None:
    source = folder / "sent"
    source.write_bytes(content)
    return make_played_copy(source, work=folder)


def check(path: Path | None, seconds: float) -> None:
    """AAC, one channel, of that length, its index first, at no more than 40 kbit/s."""
    assert path is not None
    kinds = [kind for kind, *_ in top_boxes(path.read_bytes())[0]]
    assert kinds.index(b"moov") < kinds.index(b"mdat")
    with av.open(str(path)) as container:
        (stream,) = container.streams
        assert isinstance(stream, av.AudioStream)
        assert (stream.codec_context.name, stream.channels) == ("aac", 1)
        frames = list(container.decode(stream))
    assert sum(frame.samples / frame.sample_rate for frame in frames) == pytest.approx(seconds, abs=0.2)
    assert path.stat().st_size < 5000 * seconds + 2000


@pytest.mark.parametrize("name", ["voice.webm", "voice.ogg", "voice.amr", "voice.3gp", "voice.mp4"])
def test_what_does_not_play_on_every_phone_gets_a_copy_that_does(tmp_path: Path, name: str) -> None:
    check(copied(tmp_path, files.recording(name)), 2)


def test_what_a_browser_records_in_fragments_gets_a_copy(tmp_path: Path) -> None:
    check(copied(tmp_path, (files.AS_SENT / "mp4-of-chromium-in-slices.mp4").read_bytes()), 3.9)


def test_what_plays_everywhere_gets_none(tmp_path: Path) -> None:
    assert copied(tmp_path, files.recording("voice.mp3")) is None
    own = copied(tmp_path, files.recording("voice.ogg"))
    assert own is not None
    again = tmp_path / "again"
    again.mkdir()
    assert copied(again, own.read_bytes()) is None


def test_a_recording_that_was_cut_off_is_copied_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = files.spoken(3)
    check(copied(tmp_path, whole[: len(whole) * 2 // 3]), 2)


def test_of_a_recording_that_is_damaged_in_the_middle_the_rest_is_heard(tmp_path: Path) -> None:
    content = bytearray(files.recording("voice.mp4"))
    at = content.find(b"mdat") + 200
    content[at : at + 100] = b"\xff" * 100
    made = copied(tmp_path, bytes(content))
    assert made is not None
    with av.open(str(made)) as container:
        assert 1.4 < (container.duration or 0) / av.time_base < 2.2


def hostile() -> dict[str, bytes]:
    voice = files.recording("voice.webm")
    return {
        "no sound": b"RIFF" + bytes(2000),
        "video": files.video_mp4(),
        "header alone": voice[:200],
        "zeros after the header": voice[:200] + bytes(100_000),
        "another file by its name": b"#EXTM3U\nfile:///etc/passwd\n",
        "frames of nothing": files.voice_mp3()[:300] + bytes(5000),
        "silence without a codec": files.voice_ogg(),
    }


@pytest.mark.parametrize("content", hostile().values(), ids=hostile())
def test_of_what_cannot_be_decoded_there_is_no_copy_and_no_crash(tmp_path: Path, content: bytes) -> None:
    try:
        made = copied(tmp_path, content)
    except RejectedFile:
        made = None
    assert made is None


@pytest.mark.parametrize("content", [files.jpeg(), files.pdf(), files.docx(), b"x" * 2000])
def test_what_a_teacher_says_is_a_voice_or_nothing(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "sent"
    source.write_bytes(content)
    with pytest.raises(RejectedFile, match="file_kind"):
        inspect_voice(source, shown_name="voix.webm", work=tmp_path)
