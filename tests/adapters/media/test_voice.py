import pytest

from lms.adapters.media.types import RejectedFile
from lms.adapters.media.voice import read_voice
from tests.support import files


def seconds(data: bytes) -> float:
    sound = read_voice(data)
    assert sound is not None
    assert sound.seconds is not None
    return sound.seconds


def test_the_length_of_a_recording_without_a_container_is_counted() -> None:
    assert seconds(files.voice_mp3(100)) == pytest.approx(100 * 1152 / 44_100, abs=0.01)
    assert seconds(files.voice_mp3(100, tagged=False)) == pytest.approx(100 * 1152 / 44_100, abs=0.01)
    assert seconds(files.voice_aac(100)) == pytest.approx(100 * 1024 / 44_100, abs=0.01)
    assert seconds(files.voice_amr(2)) == 2


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (files.voice_mp3(), "audio/mpeg"),
        (files.voice_aac(), "audio/aac"),
        (files.voice_amr(), "audio/amr"),
    ],
)
def test_a_recording_without_a_container_is_known_by_its_frames(data: bytes, mime: str) -> None:
    sound = read_voice(data)
    assert sound is not None
    assert sound.mime == mime


def test_wide_band_amr_has_its_own_frames() -> None:
    sound = read_voice(b"#!AMR-WB\n" + (b"\x14" + b"a" * 32) * 100)
    assert sound is not None
    assert (sound.mime, sound.seconds) == ("audio/amr-wb", 2.0)


def test_what_players_append_to_an_mp3_does_no_harm() -> None:
    assert seconds(files.voice_mp3() + b"TAG" + b"\0" * 125) > 2
    assert seconds(files.voice_mp3() + b"\xff\xfb\x50\xc4 a frame that is cut") > 2


def test_an_mp3_that_announces_more_than_it_holds_was_cut_on_the_way() -> None:
    whole = files.voice_mp3(100, tagged=False)
    announced = (len(whole)).to_bytes(4, "big")
    noted = whole[:36] + b"Info\0\0\0\2" + announced + whole[48:]
    assert seconds(noted) > 2
    with pytest.raises(RejectedFile, match="file_broken"):
        read_voice(noted[: len(noted) // 2])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"\xff\xfb",
        b"ID3",
        b"Bonjour",
        b"\xff\xfb\x50\xc4" * 3,
        b"\xff\xfe" + "un texte en UTF-16".encode("utf-16-le") * 40,
    ],
)
def test_a_chance_likeness_is_no_voice(data: bytes) -> None:
    try:
        assert read_voice(data) is None
    except RejectedFile as rejected:
        assert rejected.code == "file_broken"  # noqa: PT017
    except IndexError:
        assert len(data) < 14
