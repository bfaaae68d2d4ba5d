import pytest

from lms.adapters.media.boxes import boxes, top_boxes, whole_boxes
from lms.adapters.media.types import RejectedFile
from tests.support import files


def test_a_box_may_not_be_longer_than_what_holds_it() -> None:
    assert len(list(boxes(files.voice_m4a()))) == 3
    for size in (7, 500, 2**31):
        with pytest.raises(RejectedFile, match="file_broken"):
            list(boxes(size.to_bytes(4, "big") + b"free" + bytes(20)))


def test_a_swarm_of_tiny_boxes_is_not_followed_for_ever() -> None:
    with pytest.raises(RejectedFile, match="file_broken"):
        list(boxes(files.box(b"free") * 30_000))


@pytest.mark.parametrize(
    "tail", [b"\0", b"\0" * 40, b"TAG" + b"x" * 125, b"SEFT\4\0\0\0", b"APETAGEX" + bytes(24)]
)
def test_bytes_after_the_last_box_are_no_box(tail: bytes) -> None:
    whole = files.voice_m4a()
    assert top_boxes(whole + tail) == (list(boxes(whole)), False)
    assert whole_boxes(whole + tail) == whole


def test_a_box_of_a_known_kind_that_ends_behind_the_file_is_cut_off() -> None:
    found, is_cut = top_boxes(files.voice_m4a()[:-30])
    assert is_cut
    assert [kind for kind, _, _ in found] == [b"ftyp", b"mdat"]
    with pytest.raises(RejectedFile, match="file_broken"):
        whole_boxes(files.voice_m4a()[:-30])
