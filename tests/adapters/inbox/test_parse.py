"""What a mail says: sender, tokens, files, and whether a program has written it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lms.adapters.inbox.parse import TooComplicated, headers_only, parse
from tests.support.files import jpeg
from tests.support.imap import ADDRESS
from tests.support.mails import HOSTILE, ROBOTS, bounce, letter

TOKEN = "r" + "a" * 40


@pytest.fixture
def facts(tmp_path: Path) -> Any:
    def read(mail: bytes, separator: str = "+") -> dict[str, Any]:
        (tmp_path / "mail").write_bytes(mail)
        return parse(tmp_path / "mail", tmp_path, ADDRESS, separator)

    return read


def test_a_token_is_found_in_every_header_of_recipients_and_nowhere_else(facts: Any) -> None:
    mine = ADDRESS.replace("@", f"+{TOKEN}@")
    assert facts(letter(to=f"Devoirs <{mine.upper()}>"))["tokens"] == [TOKEN]
    assert facts(letter(Delivered_To=mine))["tokens"] == [TOKEN]
    assert facts(letter(subject=mine))["tokens"] == []
    assert facts(letter(to=mine.replace("school", "other")))["tokens"] == []
    assert facts(letter(to=mine), separator="")["tokens"] == []


def test_photos_voices_and_documents_are_files_and_logos_and_signatures_are_not(
    facts: Any, tmp_path: Path
) -> None:
    mail = letter(
        files=[
            ("image/jpeg", "IMG_1.jpg", jpeg()),
            ("application/octet-stream", "IMG_2.HEIC", b"heic"),
            ("audio/mp4", "voix.m4a", b"sound"),
            ("application/pdf", "devoir.pdf", b"%PDF"),
            ("text/calendar", "invite.ics", b"BEGIN:VCALENDAR"),
            ("image/png", "vide.png", b""),
        ]
    )
    found = facts(mail)["files"]
    assert [(file["name"], file["kind"]) for file in found] == [
        ("IMG_1.jpg", "photo"),
        ("IMG_2.HEIC", "photo"),
        ("voix.m4a", "voice"),
        ("devoir.pdf", "document"),
    ]
    assert (tmp_path / "part-0").read_bytes() == jpeg()


def test_a_forwarded_mail_brings_its_photo_and_not_its_words(facts: Any) -> None:
    inner = letter("le texte d’une autre", files=[("image/jpeg", "IMG_1.jpg", jpeg())])
    mail = (
        b'From: a@b.example\r\nContent-Type: multipart/mixed; boundary="f"\r\n\r\n'
        b"--f\r\nContent-Type: text/plain\r\n\r\nvoici\r\n"
        b"--f\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--f--\r\n"
    )
    found = facts(mail)
    assert found["text"] == "voici"
    assert [file["name"] for file in found["files"]] == ["IMG_1.jpg"]


@pytest.mark.parametrize("name", ROBOTS)
def test_a_program_is_recognised(facts: Any, name: str) -> None:
    assert facts(ROBOTS[name])["automatic"]


def test_a_person_is_no_program(facts: Any) -> None:
    assert not facts(letter(Auto_Submitted="no"))["automatic"]


def test_a_notice_of_failure_names_the_address_and_the_mail(facts: Any) -> None:
    found = facts(bounce("samira@example.be", message_id="<abc@school.example>"))["bounce"]
    assert found == {"failed": ["samira@example.be"], "ids": ["<abc@school.example>"]}


def test_a_mail_that_is_only_late_has_not_failed(facts: Any) -> None:
    late = (
        bounce("samira@example.be").replace(b"Action: failed", b"Action: delayed").replace(b"5.1.1", b"4.4.1")
    )
    assert facts(late)["bounce"] is None


def test_names_and_subjects_are_read_in_whatever_charset_they_claim(facts: Any) -> None:
    mail = b"From: =?iso-8859-1?q?Ren=E9e?= <R@Example.BE>\r\nSubject: =?x-none?b?ZGV2b2ly?=\r\n\r\nx"
    found = facts(mail)
    assert (found["from_name"], found["from_address"], found["subject"]) == (
        "Renée",
        "r@example.be",
        "devoir",
    )


def test_parts_within_parts_are_refused_and_their_headers_still_read(tmp_path: Path) -> None:
    (tmp_path / "mail").write_bytes(HOSTILE["parts within parts"])
    with pytest.raises((TooComplicated, RecursionError)):
        parse(tmp_path / "mail", tmp_path, ADDRESS, "+")
    assert headers_only(tmp_path / "mail", ADDRESS, "+")["from_address"] == "zed@example.org"
