"""The comment bank: sentences that teachers use again (ADR 42)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lms.extensions import Base, Identified
from lms.models.corrections import MarkCode
from lms.models.partial_index import partial_index
from lms.models.people import Level, word_type

PHRASE_LENGTH = 200


class Phrase(Identified, Base):
    """A sentence of returned feedback of a level. It is a phrase once it was used twice.

    `assignment_id`, `code`: where all its uses have the same. `last_feedback_id`: the feedback that used it
    last, which does not count twice. `text_key`: the form in which sentences are compared.
    """

    __tablename__ = "phrase"
    __table_args__ = (
        UniqueConstraint("level_id", "text_key"),
        CheckConstraint("uses >= 1", name="uses"),
        CheckConstraint("merged_into_id IS NULL OR merged_into_id <> id", name="merged"),
        partial_index(
            "ix_phrase_offered",
            "level_id",
            "last_used_at",
            where="uses > 1 AND hidden_at IS NULL AND merged_into_id IS NULL",
        ),
        partial_index("ix_phrase_unused", "last_used_at", where="uses = 1"),
    )

    level_id: Mapped[str] = mapped_column(ForeignKey("level.id", ondelete="CASCADE"))
    assignment_id: Mapped[str | None] = mapped_column(ForeignKey("assignment.id", ondelete="RESTRICT"))
    code: Mapped[MarkCode | None] = mapped_column(word_type(MarkCode, 11))
    text: Mapped[str] = mapped_column(String(PHRASE_LENGTH))
    text_key: Mapped[str] = mapped_column(String(2 * PHRASE_LENGTH))
    created_by_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    uses: Mapped[int] = mapped_column(default=1)
    last_used_at: Mapped[datetime]
    last_feedback_id: Mapped[str | None] = mapped_column(ForeignKey("feedback.id", ondelete="RESTRICT"))
    merged_into_id: Mapped[str | None] = mapped_column(ForeignKey("phrase.id", ondelete="RESTRICT"))
    hidden_at: Mapped[datetime | None]

    level: Mapped[Level] = relationship(lazy="raise_on_sql")
