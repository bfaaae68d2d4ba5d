from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from pathlib import Path

import pytest

from lms.adapters.mail.folder import MailFolder
from lms.adapters.mail.message import Postponed, Undeliverable
from tests.adapters.mail.raw_server import HEADERS, LETTER, NOW, SENDER, leaves


def test_without_a_server_a_letter_is_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    folder = tmp_path / "instance" / "mail"
    MailFolder(folder, SENDER, lambda: NOW).send(LETTER)
    (file,) = folder.iterdir()
    assert file.name == LETTER.message_id.strip("<>") + ".eml"
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    message = email.message_from_bytes(file.read_bytes())
    assert message.keys() == HEADERS
    assert leaves(message)[0] == ("text/plain", LETTER.text)


def test_the_same_letter_again_is_the_same_file(tmp_path: Path) -> None:
    for _ in range(2):
        MailFolder(tmp_path).send(LETTER)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_written_postpones(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file, not a folder")
    with pytest.raises(Postponed):
        MailFolder(tmp_path / "mail").send(LETTER)


def test_a_malformed_address_is_undeliverable_in_the_folder_too(tmp_path: Path) -> None:
    with pytest.raises(Undeliverable):
        MailFolder(tmp_path).send(replace(LETTER, to="samira"))
    assert list(tmp_path.iterdir()) == []
