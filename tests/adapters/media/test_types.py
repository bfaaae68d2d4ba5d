import pytest

from lms.adapters.media.types import RejectedFile
from lms.refusal_codes import RefusalCode


def test_a_file_is_refused_for_a_reason_of_files_alone() -> None:
    assert RejectedFile(RefusalCode.FILE_EMPTY).code == "file_empty"
    with pytest.raises(ValueError, match="unknown reason"):
        RejectedFile(RefusalCode.SLOT_TAKEN)
