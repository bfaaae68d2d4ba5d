"""The mailbox of a real dovecot: read without a trace, moved from without touching other mails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lms.adapters.inbox.mailbox import Account, MailboxFailed, open_mailbox
from tests.support.imap import PASSWORD, MailboxOnServer
from tests.support.mails import letter


@pytest.fixture
def account(mailbox: MailboxOnServer) -> Account:
    return Account(
        host=mailbox.server.host,
        port=mailbox.server.tls_port,
        security="tls",
        user=mailbox.user,
        password=PASSWORD.replace(" ", "_"),
        ca_file=mailbox.server.ca_file,
    )


def test_reading_leaves_a_mail_as_unread_as_it_was(mailbox: MailboxOnServer, account: Account) -> None:
    mailbox.deliver(letter("lundi"))
    with open_mailbox(account) as opened:
        (listed,) = opened.list_mails()
        content = opened.fetch(listed.uid)
        header = opened.fetch(listed.uid, header_only=True)
    assert content is not None
    assert header is not None
    assert len(content) == listed.size
    assert content.startswith(header.rstrip())
    with mailbox.client() as client:
        client.select_folder("INBOX", readonly=True)
        assert client.search(["UNSEEN"]) == [listed.uid]


def test_moving_one_mail_removes_no_other(mailbox: MailboxOnServer, account: Account) -> None:
    mailbox.deliver(letter("supprimé par une personne"), letter("lundi"))
    with mailbox.client() as client:
        client.select_folder("INBOX")
        client.delete_messages([1])
    with open_mailbox(account) as opened:
        (listed,) = opened.list_mails()
        opened.move(listed.uid)
        opened.move(listed.uid)  # once more, after a kill: it has gone already
        assert opened.list_mails() == []
        assert opened.fetch(listed.uid) is None
    assert len(mailbox.mails()) == 1
    assert len(mailbox.mails("Passerelle.Traites")) == 1


def test_starttls_is_as_good_as_tls(mailbox: MailboxOnServer, account: Account) -> None:
    with open_mailbox(replace(account, security="starttls", port=mailbox.server.port)) as opened:
        assert opened.list_mails() == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"password": "wrong"}, "login"),
        ({"port": 1}, "connection"),
        ({"host": "nowhere.invalid"}, "connection"),
        ({"ca_file": None}, "certificate"),
        ({"folder": "Nowhere"}, "server"),
    ],
)
def test_what_is_wrong_is_said_in_one_word(account: Account, wrong: dict[str, object], code: str) -> None:
    with pytest.raises(MailboxFailed) as failure, open_mailbox(replace(account, **wrong)):  # type: ignore[arg-type]
        pass
    assert failure.value.code == code


def test_neither_the_password_nor_the_name_is_in_what_a_log_shows(account: Account) -> None:
    assert account.password not in repr(account)
    assert account.user not in repr(account)
