"""The mailbox on its IMAP server: mails are read without a trace, and moved once they are dealt with.

Errors say what is wrong in one word, never a password, an address or the text of the server.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from imapclient import IMAPClient
from imapclient.exceptions import CapabilityError, IMAPClientError, LoginError

HEADER_BYTES = 64 << 10
# Mails that are listed at once: a full mailbox is read in several rounds.
MOST_LISTED = 200


class MailboxFailed(Exception):
    """The mailbox cannot be read: `code` is one of the words of `lms/blueprints/mail`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Account:
    """Where the mailbox is. `timeout`: seconds for each answer."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    user: str = field(repr=False)
    password: str = field(repr=False)
    timeout: int = 30
    ca_file: Path | None = None
    folder: str = "INBOX"

    @property
    def name(self) -> str:
        """Return the name under which the mails of this mailbox are known."""
        return f"{self.user}@{self.host}/{self.folder}"[:200]


@dataclass(frozen=True)
class ListedMail:
    """A mail in the mailbox, with its size in bytes."""

    uid: int
    size: int


class OpenMailbox:
    """The folder of the mailbox, open. Every method raises `MailboxFailed`."""

    def __init__(self, client: IMAPClient, folder: str) -> None:
        self._client = client
        selected = client.select_folder(folder)
        self.uid_validity = str(selected[b"UIDVALIDITY"])
        self._target: str | None = None

    def list_mails(self) -> list[ListedMail]:
        """Return the first mails that nobody has deleted, the oldest first."""
        with _failing():
            uids: Sequence[int] = sorted(self._client.search(["NOT", "DELETED"]))[:MOST_LISTED]
            if not uids:
                return []
            sizes = self._client.fetch(uids, ["RFC822.SIZE"])
        return [ListedMail(uid, int(sizes[uid][b"RFC822.SIZE"])) for uid in uids if uid in sizes]

    def fetch(self, uid: int, *, header_only: bool = False) -> bytes | None:
        """Return the bytes of a mail, which stays unread for people; None when it has gone."""
        item = f"BODY.PEEK[HEADER]<0.{HEADER_BYTES}>" if header_only else "BODY.PEEK[]"
        with _failing():
            answer = self._client.fetch([uid], [item])
        values = answer.get(uid, {})
        found = (value for key, value in values.items() if key.startswith(b"BODY["))
        content = next(found, None)
        return content if isinstance(content, bytes) else None

    def move(self, uid: int) -> None:
        """Move a mail to the folder of those that are dealt with, made when it is missing.

        MOVE alone: with COPY and EXPUNGE whatever a person has marked as deleted would go too.
        """
        with _failing():
            self._client.move([uid], self._target or self._open_target())

    def _open_target(self) -> str:
        _flags, delimiter, _name = next(iter(self._client.list_folders()), ((), b"/", ""))
        separator = delimiter.decode() if isinstance(delimiter, bytes) else (delimiter or "/")
        self._target = f"Passerelle{separator}Traites"
        if not self._client.folder_exists(self._target):
            self._client.create_folder(self._target)
        return self._target


@contextmanager
def open_mailbox(account: Account) -> Iterator[OpenMailbox]:
    """Log in and open the folder; log out at the end. Raises `MailboxFailed`."""
    context = ssl.create_default_context()
    with _failing():
        if account.ca_file is not None:
            context.load_verify_locations(account.ca_file)
        client = IMAPClient(
            account.host,
            account.port,
            ssl=account.security == "tls",
            ssl_context=context if account.security == "tls" else None,
            timeout=account.timeout,
        )
    try:
        with _failing():
            if account.security == "starttls":
                client.starttls(context)
            try:
                client.login(account.user, account.password)
            except LoginError:
                raise MailboxFailed("login") from None
            mailbox = OpenMailbox(client, account.folder)
        yield mailbox
    finally:
        with suppress(IMAPClientError, OSError):
            client.logout()


@contextmanager
def _failing() -> Iterator[None]:
    """Turn the errors of the library and of the network into one word."""
    try:
        yield
    except MailboxFailed:
        raise
    except ssl.SSLCertVerificationError:
        raise MailboxFailed("certificate") from None
    except (CapabilityError, IMAPClientError):
        raise MailboxFailed("server") from None
    except (OSError, UnicodeError):  # a time limit and what TLS says are OSErrors too
        raise MailboxFailed("connection") from None
