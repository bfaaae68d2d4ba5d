"""Homework that comes by e-mail: store a mail, and decide what becomes of it (ADR 40).

Each step ends with its transaction, and what was begun is begun again after a kill: a unique key of the mail
in its mailbox, and one of its bytes, make that harmless.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.errors import Absent, Refused
from lms.domain.homework import bounces, inbox_filing, inbox_matching
from lms.models import FileKind, InboundMail, InboundPart, MailState
from lms.refusal_codes import RefusalCode

MOST_BYTES = 40_000_000


@dataclass(frozen=True)
class MailPart:
    """A file of a mail, in the store of received files."""

    kind: FileKind
    shown_name: str
    received_key: str
    size: int
    sha256: str


@dataclass(frozen=True)
class ParsedMail:
    """The content of a mail. `answers`: ids of the mails that it answers; `tokens`: those of its recipients.

    `is_automatic`: a program has sent it. `failed_addresses`: those that a notice of failure names.
    """

    is_readable: bool = True
    message_id: str = ""
    answers: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    from_address: str = ""
    from_name: str = ""
    subject: str = ""
    sent_at: datetime | None = None
    text: str = ""
    whole_text: str = ""
    is_automatic: bool = False
    failed_addresses: tuple[str, ...] = ()
    returned_ids: tuple[str, ...] = ()
    parts: tuple[MailPart, ...] = ()

    @property
    def received_keys(self) -> list[str]:
        return [part.received_key for part in self.parts]


@dataclass(frozen=True)
class Instance:
    """Secret, names and limits of the instance for decisions about mails.

    `message_id_of`: returns the Message-ID of a mail of ours from the `dedupe` of its row; `quota`: bytes of
    a learner's files.
    """

    secret: str
    message_id_of: Callable[[str], str]
    quota: int


@dataclass(frozen=True)
class StoredMail:
    """A mail as it came: where it stands in its mailbox, and its bytes in the store."""

    mailbox: str
    uid_validity: str
    uid: str
    sha256: str
    size: int
    store_key: str | None


def find_mail(session: Session, mailbox: str, uid_validity: str, uid: str) -> InboundMail | None:
    """Return the mail that stands there in the mailbox; None when it was not stored yet."""
    return session.scalar(
        select(InboundMail).where(
            InboundMail.mailbox == mailbox, InboundMail.uid_validity == uid_validity, InboundMail.uid == uid
        )
    )


def is_known(session: Session, sha256: str) -> bool:
    """Return whether the same bytes were stored before, from another place of the mailbox."""
    return session.scalar(select(InboundMail.id).where(InboundMail.sha256 == sha256)) is not None


def receive_mail(session: Session, new: StoredMail, *, now: datetime) -> InboundMail:
    """Store the row of a mail that nobody has looked at yet."""
    mail = InboundMail(
        mailbox=new.mailbox,
        uid_validity=new.uid_validity,
        uid=new.uid,
        sha256=new.sha256,
        size=new.size,
        store_key=new.store_key,
        received_at=now,
        state=MailState.NEW,
    )
    session.add(mail)
    session.flush()
    return mail


def new_mails(session: Session) -> list[tuple[str, str]]:
    """Return the id and the store key of the mails that are stored and not decided, the oldest first."""
    rows = session.execute(
        select(InboundMail.id, InboundMail.store_key)
        .where(InboundMail.state == MailState.NEW, InboundMail.store_key.is_not(None))
        .order_by(InboundMail.received_at, InboundMail.id)
    )
    return [(row.id, row.store_key) for row in rows]


def settle_mail(
    session: Session, mail_id: str, parsed: ParsedMail, instance: Instance, *, now: datetime
) -> bool:
    """Decide what becomes of a new mail: file it, refuse it, or leave it in the tray. All in one transaction.

    Returns False when it is decided already: then its files are in use, or deleted, by the first decision.
    """
    mail = session.scalars(
        select(InboundMail)
        .where(InboundMail.id == mail_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if mail is None or mail.state != MailState.NEW:
        return False
    _fill(session, mail, parsed)
    if parsed.is_automatic and parsed.is_readable:
        _settle_automatic(session, mail, parsed, instance, now=now)
    else:
        _settle_letter(session, mail, parsed, instance, now=now)
    session.flush()
    return True


def refuse_large_mail(
    session: Session, new: StoredMail, parsed: ParsedMail, instance: Instance, *, now: datetime
) -> None:
    """Record a mail that is too large to be read, from its headers."""
    mail = receive_mail(session, new, now=now)
    _fill(session, mail, parsed)
    match = inbox_matching.match_mail(session, parsed, instance.secret, instance.message_id_of, now=now)
    mail.person_id = match.learner.id if match and match.learner.is_active else None
    _refuse(mail, RefusalCode.MAIL_TOO_BIG, answers=not parsed.is_automatic, now=now)
    session.flush()


def _fill(session: Session, mail: InboundMail, parsed: ParsedMail) -> None:
    for name in ("message_id", "from_address", "from_name", "subject", "sent_at", "text", "whole_text"):
        setattr(mail, name, getattr(parsed, name))
    for position, part in enumerate(parsed.parts, start=1):
        session.add(
            InboundPart(
                mail_id=mail.id,
                position=position,
                kind=part.kind,
                shown_name=part.shown_name,
                size=part.size,
                sha256=part.sha256,
                received_key=part.received_key,
            )
        )
    session.flush()


def _settle_automatic(
    session: Session, mail: InboundMail, parsed: ParsedMail, instance: Instance, *, now: datetime
) -> None:
    """Put aside what a program has sent; a notice of failure stops the mails to that address."""
    person = None
    if parsed.failed_addresses:
        person = bounces.record_bounce(
            session,
            parsed.tokens,
            parsed.failed_addresses,
            parsed.returned_ids,
            secret=instance.secret,
            message_id_of=instance.message_id_of,
            now=now,
        )
    mail.state = MailState.AUTOMATIC if person is None else MailState.BOUNCE
    mail.person_id = None if person is None else person.id
    mail.handled_at = now


def _settle_letter(
    session: Session, mail: InboundMail, parsed: ParsedMail, instance: Instance, *, now: datetime
) -> None:
    match = inbox_matching.match_mail(session, parsed, instance.secret, instance.message_id_of, now=now)
    mail.state = MailState.WAITING
    if match is None:
        mail.why = None if parsed.is_readable else RefusalCode.MAIL_UNREADABLE
        return
    mail.person_id, mail.assignment_id = match.learner.id, match.assignment_id
    mail.is_verified, mail.why = match.is_verified, match.why
    if match.why == RefusalCode.PERSON_DEACTIVATED:
        _refuse(mail, match.why, answers=False, now=now)
    elif not parsed.is_readable:
        mail.why = RefusalCode.MAIL_UNREADABLE
    elif not parsed.text and not parsed.parts:
        _refuse(mail, RefusalCode.MAIL_NO_HOMEWORK, answers=True, now=now)
    elif match.assignment_id is not None:
        _file(session, mail, match, instance, now=now)


def _file(
    session: Session,
    mail: InboundMail,
    match: inbox_matching.Match,
    instance: Instance,
    *,
    now: datetime,
) -> None:
    """File the mail; when that is refused, it waits in the tray with the reason."""
    try:
        with session.begin_nested():
            inbox_filing.file_mail(
                session, None, mail, match.learner, match.assignment_id or "", quota=instance.quota, now=now
            )
    except Refused as refusal:
        mail.why = refusal.code
    except Absent:  # the assignment was withdrawn, or the level has changed
        mail.why = RefusalCode.MAIL_OLD_ADDRESS


def _refuse(mail: InboundMail, code: RefusalCode, *, answers: bool, now: datetime) -> None:
    mail.state, mail.why, mail.handled_at = MailState.REFUSED, code, now
    mail.answers_to = mail.from_address or None if answers and mail.person_id else None
