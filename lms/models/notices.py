"""Notices: what a person finds on the start page until the person has seen it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lms.extensions import Base, Identified
from lms.models.partial_index import partial_index
from lms.models.people import word_type


class NoticeKind(StrEnum):
    """Kind of a notice. Each kind of message has one of the same name; the others send no message."""

    FEEDBACK_RETURNED = "feedback_returned"
    PASSWORD_LINK = "password_link"  # noqa: S105 the name of a kind
    BOOKING_MADE = "booking_made"
    BOOKING_MOVED = "booking_moved"
    BOOKING_CANCELLED = "booking_cancelled"
    BOOKING_REMINDER = "booking_reminder"
    BOOKING_SOON = "booking_soon"
    BOOKING_OFFER = "booking_offer"
    BOOKING_RETIMED = "booking_retimed"
    CALENDAR_FAILING = "calendar_failing"
    HOMEWORK_RECEIVED = "homework_received"
    MAIL_UNREADABLE = "mail_unreadable"
    TEACHER_DIGEST = "teacher_digest"
    # About an attempt: one of its files could not be used.
    FILE_REFUSED = "file_refused"
    # About a level.
    LEVEL_CHANGED = "level_changed"
    LEVEL_OPENED = "level_opened"
    # About an offer that was taken back, and about an entry of the waitlist that the learner did not end.
    OFFER_WITHDRAWN = "offer_withdrawn"
    WAITLIST_ENDED = "waitlist_ended"
    # To a social worker, about a learner.
    LEARNER_ASSIGNED = "learner_assigned"


class Notice(Identified, Base):
    """One notice to one person, shown from `due_at` until `seen_at` or `expires_at`."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("dedupe"),
        Index("ix_notice_person_id", "person_id", "due_at"),
        # Every start page asks for these; the seen ones of many months cost it nothing.
        partial_index("ix_notice_unseen", "person_id", "due_at", where="seen_at IS NULL"),
        Index("ix_notice_about_id", "about_id"),
    )

    dedupe: Mapped[str] = mapped_column(String(160))  # that of its message, when there is one
    kind: Mapped[NoticeKind] = mapped_column(word_type(NoticeKind, 24))
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    about_id: Mapped[str] = mapped_column(String(14))  # as in the outbox: the booking, feedback, attempt ...
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]  # None: until it is seen
    seen_at: Mapped[datetime | None]
