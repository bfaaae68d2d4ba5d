"""What arrives at a real SMTP server, read from the wire."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lms.adapters.mail.folder import MailFolder
from lms.adapters.mail.headers import clean_address, clean_header
from lms.adapters.mail.message import InlinePicture, Undeliverable, size_of
from tests.adapters.mail.raw_server import (
    HEADERS,
    ICS,
    LETTER,
    NASTY_TEXT,
    PIECES,
    SENDER,
    Inbox,
    leaves,
    mailer,
    shown,
)
from tests.support.narrow import of_type


def test_a_letter_arrives_once_at_one_person_with_our_headers_and_no_other(inbox: Inbox) -> None:
    mailer(inbox.port).send(LETTER)
    ((envelope_from, recipients, content),) = inbox.got
    assert (envelope_from, recipients) == (SENDER, ["samira@exemple.test"])
    message = email.message_from_bytes(content)
    assert message.keys() == HEADERS
    assert shown(message, "Subject") == "Votre devoir est corrigé"
    assert shown(message, "From") == f"Passerelle – français à distance <{SENDER}>"
    assert shown(message, "To") == "Samira سميرة <samira@exemple.test>"
    assert message["Date"] == "Mon, 23 Nov 2026 08:30:00 +0000"
    assert message["Message-ID"] == LETTER.message_id
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert leaves(message) == [("text/plain", LETTER.text), ("text/html", LETTER.html + "\n")]


def test_a_modern_reader_sees_the_same_names(inbox: Inbox) -> None:
    mailer(inbox.port).send(LETTER)
    message = email.message_from_bytes(inbox.got[0][2], policy=email.policy.default)
    (to,), (sender,) = message["To"].addresses, message["From"].addresses
    assert (to.display_name, to.addr_spec) == ("Samira سميرة", "samira@exemple.test")
    assert (sender.display_name, sender.addr_spec) == ("Passerelle – français à distance", SENDER)
    assert not any(part.defects for part in message.walk())


def parts(message: Message) -> list[Message]:
    return [of_type(Message, part) for part in of_type(list, message.get_payload())]


PICTURE = InlinePicture("page-1", b"\xff\xd8\xff of a page", 800, 600, 1)


@pytest.mark.parametrize("by", ["smtp", "folder"])
def test_a_picture_stands_beside_the_html_that_shows_it(inbox: Inbox, tmp_path: Path, by: str) -> None:
    letter = replace(LETTER, html='<img src="cid:page-1" alt="la copie">', pictures=(PICTURE,))
    if by == "smtp":
        mailer(inbox.port).send(letter)
        content = inbox.got[0][2]
    else:
        MailFolder(tmp_path).send(letter)
        content = next(tmp_path.iterdir()).read_bytes()
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert message.get_content_type() == "multipart/alternative"
    text, related = parts(message)
    assert (text.get_content_type(), related.get_content_type()) == ("text/plain", "multipart/related")
    html, picture = parts(related)
    assert (html.get_content_type(), picture.get_content_type()) == ("text/html", "image/jpeg")
    assert picture["Content-ID"] == "<page-1>"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_payload(decode=True) == PICTURE.content
    assert not any(part.defects for part in message.walk())
    assert abs(size_of(letter) - len(content)) < 200


def test_an_invitation_comes_last_with_its_method_and_again_as_a_file(inbox: Inbox) -> None:
    mailer(inbox.port).send(replace(LETTER, calendar=ICS, calendar_method="REQUEST"))
    message = inbox.only()
    alternative, file = parts(message)
    assert message.get_content_type() == "multipart/mixed"
    assert [part.get_content_type() for part in parts(alternative)] == [
        "text/plain",
        "text/html",
        "text/calendar",
    ]
    for part in (parts(alternative)[2], file):
        assert part.get_param("method") == "REQUEST"
        assert part.get_content_charset() == "utf-8"
        assert part.get_payload(decode=True) == ICS
    assert file.get_filename() == "invite.ics"
    assert file.get_content_disposition() == "attachment"


def test_every_line_on_the_wire_is_short_ascii(inbox: Inbox) -> None:
    long = "é" + "x" * 3000 + " مرحبا" * 500
    mailer(inbox.port).send(
        replace(
            LETTER,
            subject=long,
            to_name=long,
            text=long,
            html=f"<p>{'a' * 3000}</p>",
            calendar=long.encode(),
            calendar_method="CANCEL",
        )
    )
    content = inbox.got[0][2]
    assert content.isascii()
    assert max(len(line) for line in content.split(b"\r\n")) <= 78
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert leaves(inbox.only())[:2] == [("text/plain", long + "\n"), ("text/html", f"<p>{'a' * 3000}</p>\n")]


def test_a_line_that_is_only_a_dot_does_not_end_the_letter(inbox: Inbox) -> None:
    text = "avant\n.\n..\nFrom moi\naprès \n"
    mailer(inbox.port).send(replace(LETTER, text=text))
    assert leaves(inbox.only())[0][1] == text


def test_an_answer_goes_to_the_teacher_when_her_address_is_sound(inbox: Inbox) -> None:
    mailer(inbox.port).send(replace(LETTER, reply_to="nadia@exemple.test"))
    assert inbox.only()["Reply-To"] == "nadia@exemple.test"


def test_a_faulty_answer_address_does_not_hold_the_letter_back(inbox: Inbox) -> None:
    mailer(inbox.port).send(replace(LETTER, reply_to="nadia@exemple.test\r\nBcc: x@y.test"))
    assert inbox.only().keys() == HEADERS


def test_a_domain_in_another_script_is_sent_in_its_ascii_form(inbox: Inbox) -> None:
    mailer(inbox.port).send(replace(LETTER, to="samira@école.test"))
    assert inbox.got[0][1] == ["samira@xn--cole-9oa.test"]


PARSERS = (email.policy.compat32, email.policy.default)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(subject=NASTY_TEXT, to_name=NASTY_TEXT, from_name=NASTY_TEXT, text=NASTY_TEXT, reply_to=NASTY_TEXT)
def test_whatever_the_words_no_header_and_no_recipient_is_added(
    inbox: Inbox, subject: str, to_name: str, from_name: str, text: str, reply_to: str
) -> None:
    inbox.got.clear()
    mailer(inbox.port).send(
        replace(LETTER, subject=subject, to_name=to_name, from_name=from_name, text=text, reply_to=reply_to)
    )
    ((_, recipients, content),) = inbox.got
    assert recipients == ["samira@exemple.test"]
    for policy in PARSERS:
        message = email.message_from_bytes(content, policy=policy)
        assert [name for name in message.keys() if name != "Reply-To"] == HEADERS  # noqa: SIM118
        # Taken apart and put together again, as a mailbox may do, it is still the same letter.
        again = email.message_from_bytes(message.as_bytes(policy=policy.clone(linesep="\r\n")))
        assert [name for name in again.keys() if name != "Reply-To"] == HEADERS  # noqa: SIM118
    modern = email.message_from_bytes(content, policy=email.policy.default)
    assert [one.addr_spec for one in modern["To"].addresses] == ["samira@exemple.test"]
    assert [one.addr_spec for one in modern["From"].addresses] == [SENDER]
    assert shown(email.message_from_bytes(content), "Subject") == clean_header(subject)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES | st.just("@exemple.test"), max_size=4).map("".join))
def test_whatever_the_address_one_person_gets_the_letter_or_nobody(inbox: Inbox, address: str) -> None:
    inbox.got.clear()
    try:
        mailer(inbox.port).send(replace(LETTER, to=address))
    except Undeliverable:
        assert inbox.got == []
    else:
        ((_, recipients, _),) = inbox.got
        assert recipients == [clean_address(address)]
        assert inbox.only().keys() == HEADERS


def test_a_hand_made_message_id_or_a_lonely_method_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="message id"):
        replace(LETTER, message_id="<a@b>\r\nBcc: c")
    with pytest.raises(ValueError, match="go together"):
        replace(LETTER, calendar_method="REQUEST")
