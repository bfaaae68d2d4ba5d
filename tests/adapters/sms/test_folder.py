from __future__ import annotations

import stat
from pathlib import Path

import pytest

from lms.adapters.mail.message import Postponed
from lms.adapters.sms.folder import SmsFolder


def test_a_text_is_one_file_that_its_second_attempt_replaces(tmp_path: Path) -> None:
    sms_sender = SmsFolder(tmp_path / "sms")
    sms_sender.send("+32470123456", "Demain", "k3f9")
    sms_sender.send("+32470123456", "Demain, 14 h 30", "k3f9")
    (path,) = (tmp_path / "sms").iterdir()
    assert path.name == "k3f9.txt"
    assert path.read_text() == "+32470123456\n\nDemain, 14 h 30\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_costs_patience(tmp_path: Path) -> None:
    (tmp_path / "sms").write_text("a file stands in the way")
    with pytest.raises(Postponed):
        SmsFolder(tmp_path / "sms").send("+32470123456", "Demain", "k3f9")
