"""Voices: the copy of a recording that plays on every phone, and what a teacher says to an attempt."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lms.extensions import Base, Identified
from lms.models.partial_index import partial_index
from lms.models.people import Person

# Sound that browsers do not play; a program of the phone or the computer does.
NOT_PLAYED_BY_BROWSERS = ("audio/3gpp", "audio/amr", "audio/amr-wb", "audio/vnd.wave", "audio/x-matroska")
ALL_OR_NOTHING = (
    "(played_key IS NULL) = (played_size IS NULL) AND (played_key IS NULL) = (played_sha256 IS NULL)"
)


class PlayedCopy:
    """Columns of the copy of a recording that plays on every phone (ADR 43).

    `copy_due_at`: since when a worker has yet to look whether one is needed; it stays where the library is
    missing.
    """

    played_key: Mapped[str | None] = mapped_column(String(80))
    played_size: Mapped[int | None]
    played_sha256: Mapped[str | None] = mapped_column(String(64))
    copy_due_at: Mapped[datetime | None]


class FeedbackVoice(PlayedCopy, Identified, Base):
    """Voice of a teacher, to an attempt. A row never changes but for its copy: another voice is another row.

    `removed_at`: since when it is no longer that of the draft; a return that has it keeps it.
    """

    __tablename__ = "feedback_voice"
    __table_args__ = (
        UniqueConstraint("store_key"),
        UniqueConstraint("played_key"),
        CheckConstraint("size > 0", name="size"),
        CheckConstraint(ALL_OR_NOTHING, name="played"),
        partial_index("uq_feedback_voice_draft", "feedback_id", where="removed_at IS NULL", unique=True),
        partial_index("ix_feedback_voice_copy_due_at", "copy_due_at", where="copy_due_at IS NOT NULL"),
        partial_index("ix_feedback_voice_removed_at", "removed_at", where="removed_at IS NOT NULL"),
        Index("ix_feedback_voice_feedback_id", "feedback_id"),
        Index("ix_feedback_voice_created_by_id", "created_by_id"),
    )

    feedback_id: Mapped[str] = mapped_column(ForeignKey("feedback.id", ondelete="RESTRICT"))
    store_key: Mapped[str] = mapped_column(String(80))
    mime: Mapped[str] = mapped_column(String(80))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    seconds: Mapped[int | None]
    created_by_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]

    created_by: Mapped[Person] = relationship(lazy="raise_on_sql")

    @property
    def is_playable(self) -> bool:
        """Return whether browsers play it by themselves."""
        return self.played_key is not None or self.mime not in NOT_PLAYED_BY_BROWSERS
