from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from lms.adapters.mail.headers import clean_header, message_id
from lms.adapters.mail.message import Undeliverable
from tests.adapters.mail.raw_server import LETTER, NASTY_TEXT, mailer


@given(NASTY_TEXT)
def test_a_cleaned_text_is_one_line_without_controls_or_encoded_words(text: str) -> None:
    cleaned = clean_header(text)
    assert "=?" not in cleaned
    assert cleaned.splitlines() in ([], [cleaned])
    assert all(character >= " " and not "\x7f" <= character <= "\x9f" for character in cleaned)
    assert len(cleaned) <= 200
    cleaned.encode("utf-8")
    assert clean_header(cleaned) == cleaned


def test_cleaning_leaves_ordinary_words_of_every_script_as_they_are() -> None:
    for text in (
        "Demain, 14 h 30 : séance",
        "مرحبا بكم",
        "می‌خواهم",
        "Завтра о 9:00 👩🏽‍🏫",
        "Yarın görüşürüz",
    ):
        assert clean_header(text) == " ".join(text.split())


@pytest.mark.parametrize(
    "address",
    [
        "",
        "samira",
        "@exemple.test",
        "samira@",
        "a b@exemple.test",
        "a@b@c.test",
        "a@exemple..test",
        "é@exemple.test",
        "a@exemple.test\r\nRCPT TO:<x@y.test>",
        "a@-x.test",
        "<a@exemple.test>",
        "a@exemple.test, b@exemple.test",
        "=?utf-8?q?a?=@exemple.test",
        "a@" + "x" * 300,
        "a" * 65 + "@exemple.test",
        "a@[127.0.0.1]",
    ],
)
def test_a_malformed_address_is_undeliverable_and_nobody_is_asked(address: str) -> None:
    with pytest.raises(Undeliverable):
        mailer(port=1).send(replace(LETTER, to=address))


def test_a_message_id_is_the_same_for_a_row_and_differs_between_rows() -> None:
    assert message_id("a:0", "passerelle.test") == message_id("a:0", "passerelle.test")
    assert message_id("a:0", "passerelle.test") != message_id("a:1", "passerelle.test")
    assert message_id("é\r\n:0", "::1").isascii()
    for host in ("::1", "", "École.test", "a\r\nb"):
        replace(LETTER, message_id=message_id("a", host))
