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


def test_an_mp3_that_was_cut_in_an_editor_counts_what_it_holds() -> None:
    whole = files.voice_mp3(100, tagged=False)
    noted = whole[:36] + b"Info\0\0\0\2" + (4 * len(whole)).to_bytes(4, "big") + whole[48:]
    assert seconds(noted) == pytest.approx(2.61, abs=0.01)


@pytest.mark.parametrize(
    "data",
    [
        b"fLaC\x80\0\0\x22" + bytes(40),
        b"ID3\x04\0\0\0\0\0\0fLaC\x80\0\0\x22" + bytes(40),
        b"caff\0\1\0\0desc" + bytes(40),
        b"FORM\0\0\0\x40AIFFCOMM" + bytes(40),
        b".snd\0\0\0\x20" + bytes(40),
        bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(40),
        b"\x02#!SILK_V3" + bytes(40),
        files.mp4(b"M4A ", [(b"soun", b"ec-3")]),
        files.voice_webm(codec=b"A_DTS"),
        files.voice_ogg(head=b"Speex   1.2"),
        files.voice_wav(codec=0x161),
    ],
)
def test_a_sound_that_not_every_phone_plays_is_refused_as_a_voice(data: bytes) -> None:
    with pytest.raises(RejectedFile, match="file_kind") as refused:
        read_voice(data)
    assert refused.value.kind == "voice"


def test_a_film_of_windows_is_no_voice() -> None:
    video = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c" + "c0ef19bc4d5bcf11a8fd00805f5c442b")
    with pytest.raises(RejectedFile, match="file_video"):
        read_voice(video + bytes(40))


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
