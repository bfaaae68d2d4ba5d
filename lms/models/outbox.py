"""Outgoing messages, stored before they are sent, and receipts of forms, for idempotency."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lms.extensions import Base, Identified
from lms.models.partial_index import partial_index
from lms.models.people import Channel, Person, word_type


class Outcome(StrEnum):
    """How the row of a message ended."""

    SENT = "sent"
    VOID = "void"
    NO_ADDRESS = "no_address"
    FAILED = "failed"
    EXPIRED = "expired"
    IN_FEED = "in_feed"
    BOUNCED = "bounced"  # sent, and came back
    SEEN = "seen"  # nobody had to send it by hand: the person has seen its notice


# Kinds of messages.
MAIL_KINDS = (
    "feedback_returned",
    "password_link",
    "booking_made",
    "booking_moved",
    "booking_cancelled",
    "booking_reminder",
    "booking_soon",
    "booking_offer",
    "booking_retimed",
    "calendar_failing",
    "homework_received",
    "mail_unreadable",
    "teacher_digest",
)


class OutboxItem(Identified, Base):
    """One message to one person. Open until `closed_at`; a worker holds it until `claimed_until`."""

    __tablename__ = "outbox_item"
    __table_args__ = (
        UniqueConstraint("dedupe"),
        CheckConstraint("(outcome IS NULL) = (closed_at IS NULL)", name="closed"),
        partial_index("ix_outbox_item_due_open", "due_at", where="closed_at IS NULL"),
        partial_index(
            "ix_outbox_item_by_hand", "expires_at", where="closed_at IS NULL AND handed_at IS NOT NULL"
        ),
        Index("ix_outbox_item_outcome", "outcome", "closed_at"),
        Index("ix_outbox_item_about_id", "about_id"),
        Index("ix_outbox_item_person_id", "person_id"),
        Index("ix_outbox_item_sent_by_id", "sent_by_id"),
    )

    dedupe: Mapped[str] = mapped_column(String(160))
    kind: Mapped[str] = mapped_column(String(24))
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    about_id: Mapped[str] = mapped_column(String(14))  # the feedback, booking or link that it is about
    sequence: Mapped[int] = mapped_column(default=0)  # of the booking when it was written
    secret: Mapped[str | None] = mapped_column(String(80))  # a link's token; deleted when the row closes
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    # The channel, set when it is sent. By hand: open since `handed_at` until the team has sent it.
    channel: Mapped[Channel | None] = mapped_column(word_type(Channel, 8))
    handed_at: Mapped[datetime | None]
    sent_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="SET NULL"))
    invited: Mapped[bool] = mapped_column(default=False)  # it contained a calendar invitation
    attempts: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[Outcome | None] = mapped_column(word_type(Outcome, 12))
    closed_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(String(200), default="")

    person: Mapped[Person] = relationship(foreign_keys=[person_id], lazy="raise_on_sql")


class FormReceipt(Base):
    """The page to which a form led when it was first sent; sent again, it leads to the same page."""

    __tablename__ = "form_receipt"
    __table_args__ = (Index("ix_form_receipt_created_at", "created_at"),)

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    request_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    location: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime]
