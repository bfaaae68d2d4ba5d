"""How often each code was marked in each return of feedback (ADR 42)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from lms.extensions import Base
from lms.models.corrections import MarkCode
from lms.models.people import word_type


class ErrorCount(Base):
    """The number of marks with a code in a return; what is good is counted too."""

    __tablename__ = "error_count"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number"),
        Index("ix_error_count_learner_id", "learner_id", "level_id"),
    )

    returned_feedback_id: Mapped[str] = mapped_column(
        ForeignKey("returned_feedback.id", ondelete="CASCADE"), primary_key=True
    )
    code: Mapped[MarkCode] = mapped_column(word_type(MarkCode, 11), primary_key=True)
    learner_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    level_id: Mapped[str] = mapped_column(ForeignKey("level.id", ondelete="RESTRICT"))
    number: Mapped[int]
