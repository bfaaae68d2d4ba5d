import pytest

from lms.adapters.media.types import RejectedFile


def test_a_reason_without_a_sentence_cannot_be_given() -> None:
    assert RejectedFile("file_empty").code == "file_empty"
    with pytest.raises(ValueError, match="unknown reason"):
        RejectedFile("because")
