"""Uploads that arrive piece by piece."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from lms.extensions import Base, Identified
from lms.models.homework import FileKind
from lms.models.partial_index import partial_index
from lms.models.people import word_type
from lms.refusal_codes import RefusalCode


class Upload(Identified, Base):
    """A file that a learner sends in pieces into the draft of an assignment (ADR 37).

    How much of it has come is the size of its partial file and stands in no column. `key`: the client's own,
    so that an upload that is begun again is the same. It has ended once `attachment_id` or `refused` is set.
    `attachment_id` is no foreign key: a file that was removed from the draft must not come back.
    """

    __tablename__ = "upload"
    __table_args__ = (
        UniqueConstraint("person_id", "key"),
        CheckConstraint("length > 0", name="length"),
        partial_index("ix_upload_open", "person_id", where="attachment_id IS NULL AND refused IS NULL"),
        Index("ix_upload_expires_at", "expires_at"),
    )

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    assignment_id: Mapped[str] = mapped_column(ForeignKey("assignment.id", ondelete="RESTRICT"))
    key: Mapped[str] = mapped_column(String(64))
    kind: Mapped[FileKind] = mapped_column(word_type(FileKind, 8))
    shown_name: Mapped[str] = mapped_column(String(120))
    length: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    attachment_id: Mapped[str | None] = mapped_column(String(14))
    refused: Mapped[RefusalCode | None] = mapped_column(word_type(RefusalCode, 32))
