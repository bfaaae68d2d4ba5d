"""Who did what to whom, and when: written once and never changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from lms.extensions import Base, Identified


class AuditEvent(Identified, Base):
    """One event of the audit log."""

    __tablename__ = "audit_event"
    __table_args__ = (
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
