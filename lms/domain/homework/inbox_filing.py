"""File a mail as the attempt of a learner, put it aside, tie its address: by itself, or by the team."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.errors import Absent, Refused
from lms.domain.homework import attempts, files
from lms.domain.homework.files import MAX_FILES, ReceivedFile
from lms.models import AuditAction, FileKind, InboundMail, InboundPart, KnownAddress, MailState, Person
from lms.models.homework import TakesKinds
from lms.normal_forms import email_key
from lms.refusal_codes import RefusalCode

# Bytes and texts of a mail stay so long after it was dealt with.
KEPT = timedelta(days=30)


def mail_for(session: Session, mail_id: str) -> InboundMail:
    """Return a mail of the tray. Raises `Absent` when there is none, or nobody has looked at it yet."""
    mail = session.get(InboundMail, mail_id)
    if mail is None or mail.state == MailState.NEW:
        raise Absent
    return mail


def file_mail(
    session: Session,
    actor: Person | None,
    mail: InboundMail,
    learner: Person,
    assignment_id: str,
    *,
    quota: int,
    now: datetime,
) -> None:
    """Send what a mail brings as an attempt of the learner, as the form does. `actor` None: nobody chose.

    What the learner has begun on the page is sent with it. Left out are files of a kind that the homework
    does not take, and the text where it takes none and there are files: the mail keeps both. Does nothing for
    a mail that is filed already.
    Raises `Absent` when the learner may not see the assignment.
    Refusals: `already_sent`, `draft_changed`, `kind_document`, `kind_photo`, `kind_text`, `kind_voice`,
    `mail_no_homework`, `no_redo`, `nothing_to_send`, `quota_full`.
    """
    session.refresh(mail, with_for_update=True)
    if mail.is_filed:
        return
    if not mail.may_be_filed:
        raise Refused(RefusalCode.MAIL_NO_HOMEWORK)
    draft, assignment = attempts.open_work(session, learner, assignment_id, now=now)
    parts = [part for part in _parts(session, mail) if part.received_key is not None]
    sent = [part for part in parts if _fits(part, assignment)][:MAX_FILES]
    if parts and not sent and (not mail.text or "text" not in assignment.kinds):
        raise Refused(RefusalCode(f"kind_{parts[0].kind}"), asked=parts[0].kind)
    if mail.text and ("text" in assignment.kinds or not sent):
        attempts.join_text(session, draft, mail.text, draft.version)
    room = quota - files.used_bytes(session, learner)
    for part in sent:
        new = ReceivedFile(part.kind, part.shown_name, part.received_key or "", part.size, part.sha256)
        try:
            files.receive_file(session, draft, new, room=room, now=now)
        except Refused as refusal:
            if refusal.code in (RefusalCode.FILE_TWICE, RefusalCode.TOO_MANY_FILES):
                continue  # the mail keeps it
            raise
        room -= part.size
        part.received_key = None  # it is the attachment's now
    attempts.send_attempt(session, draft, assignment, now=now)
    mail.state, mail.attempt_id, mail.handled_at, mail.why = MailState.FILED, draft.id, now, None
    mail.person_id, mail.assignment_id = learner.id, assignment_id
    mail.answers_to = mail.from_address or None
    if actor is not None:
        mail.handled_by_id, mail.is_verified = actor.id, True
        audit_log.record(
            session, actor, AuditAction.MAIL_FILED, "attempt", draft.id, detail=learner.id, now=now
        )
    session.flush()


def set_aside(session: Session, actor: Person, mail: InboundMail, *, junk: bool, now: datetime) -> None:
    """Put a mail aside that is no homework. Does nothing for one that is filed."""
    session.refresh(mail, with_for_update=True)
    if mail.is_filed:
        return
    mail.state = MailState.JUNK if junk else MailState.ASIDE
    mail.handled_by_id, mail.handled_at, mail.answers_to = actor.id, now, None
    audit_log.record(session, actor, AuditAction.MAIL_SET_ASIDE, "inbound_mail", mail.id, now=now)
    session.flush()


def put_back_into_tray(session: Session, mail: InboundMail) -> None:
    """Put a mail back into the tray that was put aside, while its bytes are there."""
    session.refresh(mail, with_for_update=True)
    if mail.may_be_filed:
        mail.state, mail.handled_by_id, mail.handled_at = MailState.WAITING, None, None
        session.flush()


def tie_address(
    session: Session, actor: Person, learner: Person, address: str, *, now: datetime
) -> KnownAddress:
    """Tie an address to a learner: mails from it are of this one from now on, and of nobody else."""
    key = email_key(address)
    known = session.scalar(select(KnownAddress).where(KnownAddress.address == key))
    if known is None:
        known = KnownAddress(person_id=learner.id, address=key, created_by_id=actor.id, created_at=now)
        session.add(known)
    elif known.person_id == learner.id:
        return known
    else:
        known.person_id, known.created_by_id, known.created_at = learner.id, actor.id, now
    session.flush()
    audit_log.record(session, actor, AuditAction.ADDRESS_TIED, "person", learner.id, now=now)
    return known


def is_tied(session: Session, mail: InboundMail) -> bool:
    """Return whether the address of a filed mail was tied to the learner for whom it was filed."""
    address = email_key(mail.from_address)
    found = select(KnownAddress.id).where(
        KnownAddress.address == address, KnownAddress.person_id == mail.person_id
    )
    return session.scalar(found) is not None


def known_addresses(session: Session, learner: Person) -> list[KnownAddress]:
    """Return the addresses that were tied to a learner."""
    query = select(KnownAddress).where(KnownAddress.person_id == learner.id).order_by(KnownAddress.address)
    return list(session.scalars(query))


def forget_address(
    session: Session, actor: Person, learner: Person, address_id: str, *, now: datetime
) -> None:
    """Untie an address from a learner; do nothing when it is gone already."""
    known = session.scalar(
        select(KnownAddress).where(KnownAddress.id == address_id, KnownAddress.person_id == learner.id)
    )
    if known is not None:
        session.delete(known)
        session.flush()
        audit_log.record(session, actor, AuditAction.ADDRESS_FORGOTTEN, "person", learner.id, now=now)


def is_unverified(session: Session, attempt_id: str) -> bool:
    """Return whether an attempt came by e-mail, and nothing but its sender's address says from whom."""
    found = select(InboundMail.is_verified).where(InboundMail.attempt_id == attempt_id)
    return session.scalar(found) is False


def delete_old_mails(session: Session, *, now: datetime) -> tuple[list[str], list[str]]:
    """Forget the mails that were dealt with a month ago; return the keys to delete after the commit.

    First those of the store, then those of the store of received files. The row stays without words, so that
    the same mail is not filed again.
    """
    old = session.scalars(
        select(InboundMail)
        .where(
            InboundMail.handled_at < now - KEPT,
            InboundMail.state.not_in((MailState.NEW, MailState.WAITING)),
            InboundMail.from_address != "",
        )
        .order_by(InboundMail.handled_at, InboundMail.id)
        .limit(500)
    ).all()
    stored = [mail.store_key for mail in old if mail.store_key]
    parts = session.scalars(
        select(InboundPart).where(InboundPart.mail_id.in_([mail.id for mail in old]))
    ).all()
    stored += [part.preview_key for part in parts if part.preview_key]
    received = [part.received_key for part in parts if part.received_key]
    session.execute(delete(InboundPart).where(InboundPart.id.in_([part.id for part in parts])))
    for mail in old:
        mail.store_key = mail.answers_to = None
        mail.text = mail.whole_text = mail.subject = mail.from_name = mail.from_address = mail.message_id = ""
    session.flush()
    return stored, received


def _fits(part: InboundPart, assignment: TakesKinds) -> bool:
    """Return whether the homework takes such a file, as far as that is known before a worker has looked."""
    is_unknown = part.kind == FileKind.DOCUMENT and part.looked_at is None
    return part.refusal is None and (is_unknown or part.kind in assignment.kinds)


def _parts(session: Session, mail: InboundMail) -> list[InboundPart]:
    query = select(InboundPart).where(InboundPart.mail_id == mail.id).order_by(InboundPart.position)
    return list(session.scalars(query))
