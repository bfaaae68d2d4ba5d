import pytest

from lms.adapters.media.ebml import read_sound
from lms.adapters.media.types import RejectedFile
from tests.support import files


@pytest.mark.parametrize("live", [True, False])
def test_a_recording_of_a_browser_is_known_with_its_length(live: bool) -> None:
    sound = read_sound(files.voice_webm(5, live=live))
    assert (sound.mime, sound.suffix, sound.seconds) == ("audio/webm", ".webm", 5.0)


def test_a_picture_track_makes_it_a_video() -> None:
    with pytest.raises(RejectedFile, match="file_video"):
        read_sound(files.video_webm())


def test_a_sound_nobody_knows_is_not_taken() -> None:
    with pytest.raises(RejectedFile, match="file_kind"):
        read_sound(files.voice_webm(codec=b"A_DTS"))


def test_a_recording_without_a_single_sound_in_it_is_broken() -> None:
    with pytest.raises(RejectedFile, match="file_broken"):
        read_sound(files.voice_webm(0))


def test_another_kind_of_document_in_the_same_container_is_not_a_voice() -> None:
    with pytest.raises(RejectedFile, match="file_kind"):
        read_sound(files.voice_webm().replace(b"webm", b"xyzw"))


def test_a_swarm_of_tiny_elements_is_not_followed_for_ever() -> None:
    with pytest.raises(RejectedFile, match="file_broken"):
        read_sound(b"\x1a\x45\xdf\xa3\x80" + b"\xec\x80" * 700_000)
