"""Who did what to whom, and when: written once, sealed in a chain."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lms.extensions import Base, Identified


class AuditEvent(Identified, Base):
    """A line of the journal. One job gives it number and hash after the commit: a chain made inside
    the transactions would queue all writers behind each other."""

    __tablename__ = "audit_event"
    __table_args__ = (
        UniqueConstraint("number"),
        CheckConstraint("(number IS NULL) = (hash IS NULL)", name="sealed"),
        Index("ix_audit_event_at", "at"),
        Index("ix_audit_event_object_id", "object_id"),
    )

    at: Mapped[datetime]
    # RESTRICT: who wrote in the journal cannot vanish from it.
    actor_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    action: Mapped[str] = mapped_column(String(40))
    object_kind: Mapped[str] = mapped_column(String(20))
    object_id: Mapped[str] = mapped_column(String(14))
    detail: Mapped[str] = mapped_column(String(300), default="")  # never a name, a text or a secret
    number: Mapped[int | None] = mapped_column(Integer)
    hash: Mapped[str | None] = mapped_column(String(64))
