import pytest

from lms.adapters.media.types import RejectedFile
from lms.adapters.media.wav import read_sound
from tests.support import files

LIST = files.chunk(b"LIST", b"INFOISFT" + b"x" * 30)
OTHERS = files.chunk(b"JUNK", bytes(28)) + files.chunk(b"bext", b"b" * 603)


@pytest.mark.parametrize(
    ("codec", "bits"),
    [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64), (6, 8), (7, 8), (0xFFFE, 16), (0xFFFE, 24)],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_what_browsers_play_is_known_with_its_length(codec: int, bits: int, channels: int) -> None:
    sound = read_sound(files.voice_wav(2.5, codec=codec, bits=bits, channels=channels))
    assert (sound.mime, sound.suffix, sound.seconds) == ("audio/wav", ".wav", 2.5)
    assert sound.kept is None


@pytest.mark.parametrize(("codec", "bits"), [(2, 8), (0x11, 8), (0x31, 8), (0x55, 8)])
def test_what_old_recorders_write_is_taken_and_needs_another_player(codec: int, bits: int) -> None:
    sound = read_sound(files.voice_wav(2, codec=codec, bits=bits))
    assert (sound.mime, sound.seconds) == ("audio/vnd.wave", 2.0)


def test_other_chunks_before_and_after_the_sound_stay() -> None:
    sound = read_sound(files.voice_wav(2, before=OTHERS, after=LIST))
    assert (sound.seconds, sound.kept) == (2.0, None)


@pytest.mark.parametrize("stated", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 100])
def test_a_recorder_that_does_not_know_the_length_is_corrected(stated: int) -> None:
    sound = read_sound(files.voice_wav(2, stated=stated))
    assert sound.seconds == 2.0
    assert sound.kept == files.voice_wav(2)


def test_a_long_file_of_a_studio_becomes_an_ordinary_one() -> None:
    size = files.chunk(b"ds64", bytes(28))
    sound = read_sound(b"RF64" + files.voice_wav(2, before=size, stated=0xFFFFFFFF)[4:])
    assert sound.seconds == 2.0
    assert sound.kept == files.voice_wav(2, before=size)


def test_of_a_wav_that_was_cut_off_the_whole_samples_are_kept() -> None:
    sound = read_sound(files.voice_wav(2, channels=2)[:-32_003])
    assert sound.seconds == 1.0
    assert sound.kept == files.voice_wav(7999 / 8000, channels=2)


def test_a_wav_without_a_sound_or_a_format_is_refused() -> None:
    with pytest.raises(RejectedFile, match="file_broken"):
        read_sound(files.voice_wav(0))
    with pytest.raises(RejectedFile, match="file_kind"):
        read_sound(b"RIFF\x24\0\0\0WAVE" + files.chunk(b"data", bytes(900)))
    with pytest.raises(RejectedFile, match="file_kind"):
        read_sound(b"RIFF\x24\0\0\0WAVE" + files.chunk(b"JUNK", b"") * 9000)
