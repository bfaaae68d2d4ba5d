import pytest

from lms.adapters.media.isobmff import read_sound
from lms.adapters.media.types import RejectedFile
from tests.support import files


def test_a_voice_of_a_phone_is_known_with_its_length() -> None:
    sound = read_sound(files.voice_m4a(4.5))
    assert (sound.mime, sound.suffix, sound.seconds) == ("audio/mp4", ".m4a", 4.5)


def test_an_old_android_voice_is_no_video() -> None:
    sound = read_sound(files.voice_3gp(7))
    assert (sound.mime, sound.suffix, sound.seconds) == ("audio/3gpp", ".3gp", 7.0)


def test_aac_in_a_3gp_file_is_called_what_browsers_play() -> None:
    sound = read_sound(files.mp4(b"3gp5", [(b"soun", b"mp4a")]))
    assert sound.mime == "audio/mp4"


def test_the_length_of_a_recording_in_fragments_is_added_up() -> None:
    assert read_sound(files.voice_m4a_of_a_browser(4)).seconds == 4.0
    assert read_sound(files.voice_m4a_of_a_browser(4, stated=0.02)).seconds == 4.0


def test_the_length_in_front_of_a_recording_in_fragments_counts_when_it_is_all_of_it() -> None:
    assert read_sound(files.voice_m4a_of_a_browser(4, stated=4.2)).seconds == 4.2


def test_of_a_recording_in_fragments_that_was_cut_off_the_whole_fragments_are_kept() -> None:
    whole = files.voice_m4a_of_a_browser(4, stated=4)
    third = [at for at in range(len(whole)) if whole.startswith(b"moof", at)][2] - 4
    for cut in (third, third + 3, third + 20, third + 500):
        sound = read_sound(whole[:cut])
        assert (sound.seconds, sound.is_cut) == (2.0, True)
        assert sound.kept is not None
        index = (
            whole.index(b"moof") - 4
        )  # before it stands the length of all of it, which is not true any more
        assert (sound.kept[index:], len(sound.kept)) == (whole[index:third], third)
        again = read_sound(sound.kept)
        assert (again.seconds, again.kept, again.is_cut) == (2.0, None, False)


@pytest.mark.parametrize("missing", [8, 4, 1, 0])
def test_a_fragment_whose_sound_never_began_does_not_count(missing: int) -> None:
    whole = files.voice_m4a_of_a_browser(4)
    last = whole.rindex(b"mdat") - 4
    sound = read_sound(whole[: last + 8 - missing])
    assert (sound.seconds, sound.is_cut) == (3.0, True)
    assert sound.kept == whole[: whole.rindex(b"moof") - 4]


def test_of_a_recording_with_its_index_in_front_what_arrived_is_kept() -> None:
    whole = files.voice_m4a()
    index, sound = whole.index(b"moov") - 4, whole.index(b"mdat") - 4
    front = whole[:sound] + whole[index:] + whole[sound:index]
    assert read_sound(front).seconds == 4.0
    assert read_sound(front[:-1000]).seconds == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("tracks", "code"),
    [
        ([(b"vide", b"avc1"), (b"soun", b"mp4a")], "file_video"),
        ([(b"soun", b"mp4a"), (b"vide", b"hvc1")], "file_video"),
        ([(b"text", b"tx3g")], "file_kind"),
        ([(b"soun", b"ec-3")], "file_kind"),
        ([(b"soun", b"enca")], "file_encrypted"),
        ([], "file_kind"),
    ],
)
def test_only_sound_that_can_be_heard_is_taken(tracks: list[tuple[bytes, bytes]], code: str) -> None:
    with pytest.raises(RejectedFile, match=code):
        read_sound(files.mp4(b"isom", tracks))


def test_a_file_whose_index_never_arrived_is_broken() -> None:
    whole = files.voice_m4a()
    index = whole.index(b"moov") - 4
    with pytest.raises(RejectedFile, match="file_broken"):
        read_sound(whole[:index])
