import pytest

from lms.adapters.media.types import Unfit


def test_a_reason_without_a_sentence_cannot_be_given() -> None:
    assert Unfit("file_empty").code == "file_empty"
    with pytest.raises(ValueError, match="unknown reason"):
        Unfit("because")
