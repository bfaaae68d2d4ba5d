import pytest

from lms.adapters.media.boxes import boxes
from lms.adapters.media.fragments import mend_last_fragment
from lms.adapters.media.isobmff import read_sound
from tests.support import files

CHROMIUM = (files.AS_SENT / "mp4-of-chromium.mp4").read_bytes()


@pytest.mark.parametrize("part", [0.4, 0.5, 0.7, 0.9, 0.999])
def test_a_recording_of_one_fragment_keeps_its_whole_samples(part: float) -> None:
    sound_begins = CHROMIUM.index(b"mdat") + 4
    cut = sound_begins + int((len(CHROMIUM) - sound_begins) * part)
    sound = read_sound(CHROMIUM[:cut])
    assert sound.seconds == pytest.approx(2.54 * part, abs=0.2)
    assert sound.kept is not None
    assert len(sound.kept) <= cut
    assert [kind for kind, _, _ in boxes(sound.kept)] == [b"ftyp", b"moov", b"moof", b"mdat"]
    assert read_sound(sound.kept).seconds == sound.seconds


def test_a_fragment_without_a_whole_sample_is_not_kept() -> None:
    sound_begins = CHROMIUM.index(b"mdat") + 4
    assert mend_last_fragment(CHROMIUM[: sound_begins + 3]) is None


def test_what_is_whole_or_has_no_fragments_is_left_alone() -> None:
    for data in (
        CHROMIUM,
        files.voice_m4a(),
        files.voice_m4a()[:-30],
        files.recording("voice.mp4"),
        b"\0" * 20,
    ):
        assert mend_last_fragment(data) is None


def test_the_last_of_many_fragments_is_mended_and_the_others_stay() -> None:
    whole = files.recording("voice.mp4")
    third = [start for kind, start, _ in boxes(whole) if kind == b"moof"][2] - 8
    sound = whole.index(b"mdat", third) + 4
    mended = mend_last_fragment(whole[: sound + 300])
    assert mended is not None
    assert mended.startswith(whole[:third])
    before, after = read_sound(whole[:third]).seconds, read_sound(mended).seconds
    assert before is not None
    assert after is not None
    assert before + 0.1 < after < before + 0.5
