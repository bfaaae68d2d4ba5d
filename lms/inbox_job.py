"""Background job: read the mailbox that takes homework, one worker at a time (ADR 40).

A mail is stored, then decided, then moved, and each step is committed before the next one begins. A step that
a kill has cut off is done again: what is in the inbox and decided is only moved, what is stored and new is
only decided. No transaction is open while the network or a child process is waited for.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from functools import partial
from io import BytesIO
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy.exc import DataError

from config import Settings
from lms.adapters.inbox.mailbox import Account, ListedMail, MailboxFailed, OpenMailbox, open_mailbox
from lms.adapters.inbox.reading import Address, read_mail
from lms.adapters.mail.headers import message_id
from lms.adapters.media.types import RejectedFile
from lms.adapters.store import StoreFull, UnknownKey
from lms.adapters.uploads import delete_keys, fetch_received, prepare_file
from lms.adapters.work_folder import work_folder
from lms.clock import now
from lms.current import received_store_of, settings_of, store_of
from lms.domain.homework import inbox, inbox_answers, inbox_filing, inbox_tray, mailbox
from lms.domain.homework.files import StoredFile
from lms.domain.homework.inbox import MOST_BYTES, Instance, ParsedMail, StoredMail
from lms.domain.homework.inbox_tray import UnseenPart
from lms.extensions import db, write
from lms.refusal_codes import RefusalCode
from lms.web.body_limits import MEGABYTE

log = logging.getLogger("lms.jobs")

# Mails of one round; the rest waits for the next minute, so that the claim stays short.
MOST_A_ROUND = 40


class InboxJob:
    """The reading of the mailbox of an instance."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._reading = threading.Lock()

    @property
    def settings(self) -> Settings:
        return settings_of(self.app)

    def read(self) -> None:
        """Read the mailbox, decide about its mails and answer them; record why it cannot be read."""
        if not self.settings.has_inbox or not self._reading.acquire(blocking=False):
            return
        try:
            with self.app.app_context():
                account = _account(self.settings)
                if write(partial(mailbox.claim_mailbox, name=account.name, now=now())):
                    self._read_claimed(account)
                self.make_previews()
                write(partial(inbox_answers.post_answers, now=now()))
        finally:
            self._reading.release()

    def _read_claimed(self, account: Account) -> None:
        try:
            self.settle_new()  # what a killed worker has left
            with open_mailbox(account) as opened:
                for listed in opened.list_mails()[:MOST_A_ROUND]:
                    self.take(account, opened, listed)
                    write(partial(mailbox.extend_claim, name=account.name, now=now()))
        except MailboxFailed as failure:
            write(partial(mailbox.record_failure, name=account.name, code=failure.code, now=now()))
        except (StoreFull, OSError):
            log.exception("the mailbox waits: the disk")
            write(partial(mailbox.record_failure, name=account.name, code="disk", now=now()))
        else:
            write(partial(mailbox.record_success, name=account.name, now=now()))

    def take(self, account: Account, opened: OpenMailbox, listed: ListedMail) -> None:
        """Store a mail, decide about it, and move it out of the inbox, as far as that is not done yet."""
        known = inbox.find_mail(db.session(), account.name, opened.uid_validity, str(listed.uid))
        db.session().rollback()
        if known is None and not self.store(account, opened, listed):
            return  # it has gone meanwhile
        self.settle_new()
        opened.move(listed.uid)

    def store(self, account: Account, opened: OpenMailbox, listed: ListedMail) -> bool:
        """Store the bytes of a mail and its row; of one that is too large its headers alone.

        Returns False when the mail is not there any more. Raises `StoreFull`.
        """
        is_large = listed.size > MOST_BYTES
        content = opened.fetch(listed.uid, header_only=is_large)
        if content is None:
            return False
        place = (account.name, opened.uid_validity, str(listed.uid))
        if is_large:
            return self._refuse_large(
                StoredMail(*place, _digest(repr(place).encode()), listed.size, None), content
            )
        digest = _digest(content)
        known = inbox.is_known(db.session(), digest)
        db.session().rollback()
        if known:
            return True  # the same bytes once more: a mail that a person has put back, or a new mailbox
        store = store_of(self.app)
        if store.free_bytes() - len(content) < self.settings.free_space_mb * MEGABYTE:
            raise StoreFull
        key = store.put(BytesIO(content), suffix=".eml")
        if store.digest(key) != digest:
            raise OSError(f"the store does not give back what was stored: {key}")
        new = StoredMail(*place, digest, len(content), key)
        write(partial(inbox.receive_mail, new=new, now=now()))
        return True

    def _refuse_large(self, new: StoredMail, headers: bytes) -> bool:
        parsed = self._parse(headers)
        instance = self._instance()
        write(partial(inbox.refuse_large_mail, new=new, parsed=parsed, instance=instance, now=now()))
        return True

    def settle_new(self) -> None:
        """Read and decide every mail that is stored and new."""
        waiting = inbox.new_mails(db.session())
        db.session().rollback()
        for mail_id, key in waiting:
            try:
                with store_of(self.app).open(key) as file:
                    parsed = self._parse(file.read())
            except UnknownKey:
                parsed = ParsedMail(is_readable=False, is_automatic=True)  # `flask doctor` names it
            try:
                self.settle(mail_id, parsed)
            except DataError:
                # One mail must not stop the others: a person looks at it.
                log.exception("the mail %s could not be decided", mail_id)
                delete_keys(received_store_of(self.app), parsed.received_keys)
                self.settle(mail_id, ParsedMail(is_readable=False))

    def settle(self, mail_id: str, parsed: ParsedMail) -> None:
        """Decide about one mail, in one transaction."""
        instance = self._instance()
        used = write(partial(inbox.settle_mail, mail_id=mail_id, parsed=parsed, instance=instance, now=now()))
        if not used:
            delete_keys(received_store_of(self.app), parsed.received_keys)

    def make_previews(self) -> None:
        """Make a picture of each file of the mails in the tray, by the checks of every file."""
        unseen = inbox_tray.unseen_parts(db.session())
        db.session().rollback()
        for part in unseen:
            try:
                self._preview(part)
            except (StoreFull, OSError):
                log.exception("a file of a mail waits: the disk")
                return

    def _preview(self, part: UnseenPart) -> None:
        with work_folder(self.settings.temp) as folder:
            made: StoredFile | RejectedFile
            store = store_of(self.app)
            source = folder / "sent"
            try:
                if fetch_received(received_store_of(self.app), part.received_key, part.sha256, source):
                    made = prepare_file(store, source, part.shown_name, folder)
                else:
                    made = RejectedFile(RefusalCode.FILE_LOST)
            except RejectedFile as refusal:
                made = refusal
        if isinstance(made, RejectedFile):
            if made.code != RefusalCode.FILE_BUSY:
                write(partial(inbox_tray.refuse_preview, part_id=part.id, code=made.code, now=now()))
            return
        kept = write(partial(inbox_tray.keep_preview, part_id=part.id, made=made, now=now()))
        delete_keys(store, [key for key in made.keys if key != kept])

    def delete_old(self) -> None:
        """Delete what is left of mails that were dealt with a month ago."""
        with self.app.app_context():
            stored, received = write(partial(inbox_filing.delete_old_mails, now=now()))
        delete_keys(store_of(self.app), stored)
        delete_keys(received_store_of(self.app), received)

    def _parse(self, content: bytes) -> ParsedMail:
        own = Address(self.settings.inbox_address, self.settings.inbox_separator)
        with work_folder(self.settings.temp) as folder:
            source = folder / "mail"
            source.write_bytes(content)
            return read_mail(source, folder, received_store_of(self.app), own, now=now())

    def _instance(self) -> Instance:
        settings = self.settings
        host = urlsplit(settings.base_url).hostname or "localhost"
        return Instance(
            settings.secret_key,
            lambda dedupe: message_id(dedupe, host),
            settings.learner_quota_mb * MEGABYTE,
        )


def _account(settings: Settings) -> Account:
    return Account(
        host=settings.inbox_host or "",
        port=settings.inbox_port,
        security=settings.inbox_security,
        user=settings.inbox_user or "",
        password=settings.inbox_password or "",
        timeout=settings.inbox_timeout,
        ca_file=settings.inbox_ca_file,
        folder=settings.inbox_folder,
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
