"""Mails are read in a child process: whatever they are, it ends, and says what it could read."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lms import clock
from lms.adapters.inbox import reading
from lms.adapters.inbox.reading import Address, read_mail
from lms.adapters.store import LocalStore
from tests.support.files import jpeg
from tests.support.imap import ADDRESS
from tests.support.mails import HOSTILE, letter

OWN = Address(ADDRESS, "+")


def test_the_files_of_a_mail_are_in_the_store_of_received_files(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    source = tmp_path / "mail"
    source.write_bytes(letter("voilà", files=[("image/jpeg", "../IMG 1.jpg", jpeg())]))
    found = read_mail(source, tmp_path, store, OWN, now=clock.now())
    (part,) = found.parts
    assert (found.is_readable, found.text, part.shown_name) == (True, "voilà", "IMG 1.jpg")
    with store.open(part.received_key) as file:
        assert file.read() == jpeg()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_ends_in_five_seconds(tmp_path: Path, name: str) -> None:
    assert reading.WALL_SECONDS + reading.HEADER_SECONDS <= 5, "then the child is killed"
    source = tmp_path / "mail"
    source.write_bytes(HOSTILE[name])
    began = time.monotonic()
    found = read_mail(source, tmp_path, LocalStore(tmp_path / "store"), OWN, now=clock.now())
    assert time.monotonic() - began < 7, "with the start and the end of the child on a busy machine"
    assert len(found.text) <= 20_000
    assert len(found.subject) <= 300


def test_of_a_mail_that_cannot_be_read_the_sender_is_known(tmp_path: Path) -> None:
    source = tmp_path / "mail"
    source.write_bytes(HOSTILE["a thousand parts"])
    found = read_mail(source, tmp_path, LocalStore(tmp_path / "store"), OWN, now=clock.now())
    assert (found.is_readable, found.from_address, found.subject) == (False, "zed@example.org", "parts")


def test_a_date_that_no_honest_clock_has_shown_is_none(tmp_path: Path) -> None:
    source = tmp_path / "mail"
    for date in ("Mon, 1 Jan 2190 00:00:00 +0000", "never"):
        source.write_bytes(f"From: a@b.example\r\nDate: {date}\r\n\r\nx".encode())
        found = read_mail(source, tmp_path, LocalStore(tmp_path / "store"), OWN, now=clock.now())
        assert found.sent_at is None
