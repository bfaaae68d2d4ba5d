"""Homework by e-mail: the mailbox that is read, its mails with their files, addresses tied to learners."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lms.extensions import Base, Identified
from lms.models.homework import FileKind
from lms.models.partial_index import partial_index
from lms.models.people import Person, one_of, word_type
from lms.refusal_codes import RefusalCode


class MailState(StrEnum):
    """State of a mail: stored, in the tray, filed as an attempt, no homework, refused, or of a program."""

    NEW = "new"
    WAITING = "waiting"
    FILED = "filed"
    ASIDE = "aside"
    JUNK = "junk"
    REFUSED = "refused"
    BOUNCE = "bounce"
    AUTOMATIC = "automatic"


class Mailbox(Base):
    """The mailbox that is read. A worker holds it until `claimed_until`; `due_at`: not before.

    `failing_since`: since when it cannot be read, `error` why; `failures` in a row, for the pauses.
    """

    __tablename__ = "mailbox"
    __table_args__ = (CheckConstraint("(failing_since IS NULL) = (error = '')", name="failing"),)

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    claimed_until: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(String(40), default="")


class InboundMail(Identified, Base):
    """A mail as it came; its bytes stay in the store until a month after it was dealt with (ADR 40).

    `why`: the reason why it was not filed; None where nobody was recognised. `is_verified`: it came to the
    personal address of the learner or answers a mail of ours; otherwise only its sender speaks for it.
    """

    __tablename__ = "inbound_mail"
    __table_args__ = (
        UniqueConstraint("mailbox", "uid_validity", "uid"),
        UniqueConstraint("sha256"),
        UniqueConstraint("store_key"),
        CheckConstraint(one_of("state", MailState), name="state"),
        CheckConstraint("(state = 'filed') = (attempt_id IS NOT NULL)", name="filed"),
        partial_index("ix_inbound_mail_open", "received_at", "id", where="state IN ('new', 'waiting')"),
        Index("ix_inbound_mail_handled_at", "handled_at", "id"),
        Index("ix_inbound_mail_attempt_id", "attempt_id"),
        Index("ix_inbound_mail_person_id", "person_id"),
        Index("ix_inbound_mail_assignment_id", "assignment_id"),
        Index("ix_inbound_mail_handled_by_id", "handled_by_id"),
        partial_index(
            "ix_inbound_mail_unanswered", "handled_at", where="answers_to IS NOT NULL AND answered_at IS NULL"
        ),
        Index("ix_inbound_mail_answers_to", "answers_to", "answered_at"),
    )

    mailbox: Mapped[str] = mapped_column(String(200))
    uid_validity: Mapped[str] = mapped_column(String(20))
    uid: Mapped[str] = mapped_column(String(20))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    store_key: Mapped[str | None] = mapped_column(String(80))  # None: too large to be kept, or deleted
    message_id: Mapped[str] = mapped_column(String(300), default="")
    from_address: Mapped[str] = mapped_column(String(254), default="")
    from_name: Mapped[str] = mapped_column(String(120), default="")
    subject: Mapped[str] = mapped_column(String(300), default="")
    sent_at: Mapped[datetime | None]  # as the mail says it
    received_at: Mapped[datetime]
    text: Mapped[str] = mapped_column(Text, default="")
    whole_text: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[MailState] = mapped_column(word_type(MailState, 9))
    why: Mapped[RefusalCode | None] = mapped_column(word_type(RefusalCode, 32))
    is_verified: Mapped[bool] = mapped_column(default=False)
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    assignment_id: Mapped[str | None] = mapped_column(ForeignKey("assignment.id", ondelete="RESTRICT"))
    attempt_id: Mapped[str | None] = mapped_column(ForeignKey("attempt.id", ondelete="RESTRICT"))
    handled_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    handled_at: Mapped[datetime | None]
    # The address that gets a receipt, and when the receipt was put into the outbox.
    answers_to: Mapped[str | None] = mapped_column(String(254))
    answered_at: Mapped[datetime | None]

    person: Mapped[Person | None] = relationship(foreign_keys=[person_id], lazy="raise_on_sql")
    parts: Mapped[list[InboundPart]] = relationship(
        lazy="raise_on_sql", order_by="InboundPart.position", viewonly=True
    )

    @property
    def may_be_filed(self) -> bool:
        """Return whether its bytes are still there and it is not filed."""
        return self.store_key is not None and self.state not in (MailState.NEW, MailState.FILED)

    @property
    def is_waiting(self) -> bool:
        return self.state == MailState.WAITING

    @property
    def is_filed(self) -> bool:
        return self.state == MailState.FILED

    @property
    def is_automatic(self) -> bool:
        return self.state in (MailState.AUTOMATIC, MailState.BOUNCE)


class InboundPart(Identified, Base):
    """A file of a mail, in the store of received files until it becomes an attachment or is deleted.

    `preview_key`: a picture of its first page that we made, for the tray; `refusal`: why there is none.
    """

    __tablename__ = "inbound_part"
    __table_args__ = (
        UniqueConstraint("mail_id", "position"),
        UniqueConstraint("received_key"),
        UniqueConstraint("preview_key"),
        CheckConstraint("size > 0", name="size"),
        CheckConstraint("(preview_key IS NULL) = (preview_size IS NULL)", name="preview"),
    )

    mail_id: Mapped[str] = mapped_column(ForeignKey("inbound_mail.id", ondelete="CASCADE"))
    position: Mapped[int]
    kind: Mapped[FileKind] = mapped_column(word_type(FileKind, 8))
    shown_name: Mapped[str] = mapped_column(String(120))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    received_key: Mapped[str | None] = mapped_column(String(80))
    looked_at: Mapped[datetime | None]  # when its preview was made or refused
    refusal: Mapped[RefusalCode | None] = mapped_column(word_type(RefusalCode, 32))
    preview_key: Mapped[str | None] = mapped_column(String(80))
    preview_size: Mapped[int | None]
    preview_sha256: Mapped[str | None] = mapped_column(String(64))
    width: Mapped[int | None]
    height: Mapped[int | None]


class KnownAddress(Identified, Base):
    """An address from which a learner writes, tied to the learner by a member of the team."""

    __tablename__ = "known_address"
    __table_args__ = (
        UniqueConstraint("address"),
        Index("ix_known_address_person_id", "person_id"),
        Index("ix_known_address_created_by_id", "created_by_id"),
    )

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    address: Mapped[str] = mapped_column(String(254))
    created_by_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime]
