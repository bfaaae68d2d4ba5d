import struct

import pytest

from lms.adapters.media.ogg import read_sound
from lms.adapters.media.types import RejectedFile
from tests.support import files

VORBIS = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 1, 16_000, 0, 48_000, 0, 0xB8, 1)


def test_a_voice_of_a_messenger_is_known_with_its_length() -> None:
    sound = read_sound(files.voice_ogg(6))
    assert (sound.mime, sound.suffix, sound.seconds) == ("audio/ogg", ".ogg", 6.0)


def test_vorbis_counts_in_its_own_rate() -> None:
    assert read_sound(files.voice_ogg(2, head=VORBIS)).seconds == pytest.approx(6.02, abs=0.02)


@pytest.mark.parametrize(
    ("head", "code"), [(b"\x80theora\3\2\1", "file_video"), (b"Speex   1.2", "file_kind")]
)
def test_other_streams_are_not_taken(head: bytes, code: str) -> None:
    with pytest.raises(RejectedFile, match=code):
        read_sound(files.voice_ogg(head=head))


def test_a_bent_first_page_is_noticed() -> None:
    bent = bytearray(files.voice_ogg())
    bent[40] ^= 1
    with pytest.raises(RejectedFile, match="file_broken"):
        read_sound(bytes(bent))


def test_a_file_of_headers_alone_is_broken() -> None:
    with pytest.raises(RejectedFile, match="file_broken"):
        read_sound(files.voice_ogg(0))
