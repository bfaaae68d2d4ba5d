"""A recording that ends too early, because the phone or the network failed: its whole part is kept."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lms.adapters.media.boxes import top_boxes
from lms.adapters.media.intake import inspect_upload
from lms.adapters.media.isobmff import Sound
from lms.adapters.media.types import RejectedFile
from lms.adapters.media.voice import read_voice
from tests.support import files

MP4 = (files.AS_SENT / "mp4-of-chromium-in-slices.mp4").read_bytes()
WEBM = (files.AS_SENT / "webm-of-chromium-in-slices.webm").read_bytes()
# As the browser handed them out, one a second; the first of an MP4 holds no sound yet.
MP4_SLICES = (641, 4590, 6964, 8745)
WEBM_SLICES = (1582, 3698, 5915, 7903)
RECORDINGS = {
    "mp4 in slices": MP4,
    "mp4 in one piece": (files.AS_SENT / "mp4-of-chromium.mp4").read_bytes(),
    "mp4 of ffmpeg": files.recording("voice.mp4"),
    "webm in slices": WEBM,
    "webm that was finished": files.finished_webm(WEBM),
    "webm of ffmpeg": files.recording("voice.webm"),
    "ogg": files.recording("voice.ogg"),
    "ogg of few pages": (files.AS_SENT / "ogg-ok.opus").read_bytes(),
}
# A cut among the first bytes leaves nothing to tell what the file was.
HEAD = 50


def heard(data: bytes) -> Sound | None:
    """Return what is kept of a recording; None when it is refused as damaged."""
    code, sound = "file_broken", None
    try:
        sound = read_voice(data)
    except RejectedFile as refusal:
        code = refusal.code
    assert code == "file_broken" or len(data) < HEAD
    return sound


def cuts(data: bytes) -> list[int]:
    return [*sorted(random.Random(11).sample(range(len(data)), 200)), len(data)]


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_later_a_recording_is_cut_off_the_more_of_it_is_kept(name: str) -> None:
    data = RECORDINGS[name]
    lengths = [sound.seconds or 0 for cut in cuts(data) if (sound := heard(data[:cut]))]
    assert lengths == sorted(lengths)
    assert lengths[0] < 1.1
    assert len(lengths) > 100


@pytest.mark.parametrize("name", RECORDINGS)
def test_what_is_kept_is_a_whole_recording_of_the_same_length(name: str) -> None:
    data = RECORDINGS[name]
    for cut in cuts(data):
        sound = heard(data[:cut])
        if sound is not None:
            kept = data[:cut] if sound.kept is None else sound.kept
            assert len(kept) <= cut
            assert heard(kept) == Sound(sound.mime, sound.suffix, sound.seconds)


@pytest.mark.parametrize(
    ("data", "borders", "lengths"),
    [(MP4, MP4_SLICES, [None, 2.06, 3.08, 3.86]), (WEBM, WEBM_SLICES, [0.9, 1.92, 2.94, 3.84])],
)
def test_of_a_recording_that_ends_between_two_slices_each_whole_slice_is_kept(
    data: bytes, borders: tuple[int, ...], lengths: list[float | None]
) -> None:
    found = [heard(data[:border]) for border in borders]
    assert [sound and sound.seconds for sound in found] == lengths


def test_the_whole_part_is_what_the_store_receives(tmp_path: Path) -> None:
    source = tmp_path / "received"
    source.write_bytes(WEBM[: WEBM_SLICES[1] + 730])
    taken = inspect_upload(source, shown_name="réponse.webm", work=tmp_path)
    assert taken.seconds is not None
    assert 1.92 < taken.seconds < 2.94
    assert WEBM.startswith(taken.original.read_bytes())
    assert WEBM_SLICES[1] < taken.size < source.stat().st_size


def test_less_than_half_a_second_is_no_answer() -> None:
    for data in RECORDINGS.values():
        kept = [sound.seconds for cut in range(0, len(data), 40) if (sound := heard(data[:cut]))]
        assert min(second for second in kept if second is not None) >= 0.5
        assert None not in kept


def test_a_short_recording_that_is_whole_is_taken() -> None:
    word = files.ogg_page(b"o" * 400, flags=4, granule=312 + 9600, number=2)
    sound = read_voice(files.voice_ogg(0) + word)
    assert sound is not None
    assert (sound.seconds, sound.is_cut) == (0.2, False)


def test_a_finished_webm_that_was_cut_off_states_what_is_left() -> None:
    whole = files.finished_webm(WEBM)
    cut = len(whole) * 6 // 10
    sound = read_voice(whole[:cut])
    assert sound is not None
    assert sound.seconds == pytest.approx(2.3, abs=0.1)
    kept = sound.kept
    assert kept is not None
    segment = kept.index(b"\x18\x53\x80\x67") + 4
    last = kept.rindex(b"\x1f\x43\xb6\x75") + 4
    for size in (segment, last):
        assert int.from_bytes(kept[size + 1 : size + 8], "big") == len(kept) - size - 8
    assert b"\x11\x4d\x9b\x74" not in kept  # the index in front, of what is gone
    assert cut - 200 < len(kept) <= cut


def test_a_webm_of_which_a_last_cluster_only_begins_ends_before_it() -> None:
    begun = b"\x1f\x43\xb6\x75\x01" + b"\xff" * 7 + b"\xe7\x82\x10\x00"
    sound = read_voice(WEBM + begun)
    assert sound is not None
    assert (sound.seconds, sound.kept) == (3.84, WEBM)


def test_the_length_in_front_of_a_whole_webm_counts() -> None:
    sound = read_voice(files.finished_webm(WEBM))
    assert sound is not None
    assert (sound.seconds, sound.kept, sound.is_cut) == (3.9, None, False)


def test_an_mp4_keeps_the_whole_fragments_before_a_cut_in_the_head_of_the_next() -> None:
    heads = [start - 8 for kind, start, _ in top_boxes(MP4)[0] if kind == b"moof"]
    for missing in (1, 50, 150):
        sound = read_voice(MP4[: heads[2] + missing])
        assert sound is not None
        assert (sound.seconds, sound.kept) == (2.06, MP4[: heads[2]])
