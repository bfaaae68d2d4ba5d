"""Calendar feeds of appointments, and external calendars of teachers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lms.extensions import Base, Identified
from lms.models.partial_index import partial_index
from lms.models.people import Person


class CalendarFeed(Identified, Base):
    """The private address under which a calendar reads a person's appointments. Only its digest is stored."""

    __tablename__ = "calendar_feed"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index("ix_calendar_feed_person_id", "person_id"),
        # A person has one active address: a new one revokes the old one.
        partial_index("uq_calendar_feed_active", "person_id", where="revoked_at IS NULL", unique=True),
    )

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    seen_at: Mapped[
        datetime | None
    ]  # when a calendar last read it: recently read, it replaces invitations by mail
    revoked_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="raise_on_sql")


class ExternalCalendar(Identified, Base):
    """An external calendar of a teacher. Its busy times hide slots; it never changes a booking."""

    __tablename__ = "external_calendar"
    __table_args__ = (
        UniqueConstraint("teacher_id", "address"),
        CheckConstraint("(failing_since IS NULL) = (error = '')", name="failing"),
    )

    teacher_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    address: Mapped[str] = mapped_column(String(1000))  # often secret: shown by its host only
    created_at: Mapped[datetime]
    # The ETag of the remote server, which then answers that nothing has changed.
    etag: Mapped[str] = mapped_column(String(200), default="")
    tried_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]  # when it was last read without an error
    failing_since: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(String(40), default="")  # the code of a refusal
    # Events that were not understood whole when it was last read well, and the first days of them.
    misread: Mapped[int] = mapped_column(default=0)
    misread_days: Mapped[str] = mapped_column(String(200), default="")  # ISO dates, a space between them


class ExternalBusyTime(Base):
    """Busy time of a teacher in an external calendar: two instants and nothing more."""

    __tablename__ = "external_busy_time"
    __table_args__ = (
        CheckConstraint("ends > starts", name="ends_after_start"),
        Index("ix_external_busy_time_calendar_id", "calendar_id"),
        Index("ix_external_busy_time_ends", "ends"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    calendar_id: Mapped[str] = mapped_column(ForeignKey("external_calendar.id", ondelete="CASCADE"))
    starts: Mapped[datetime]
    ends: Mapped[datetime]
