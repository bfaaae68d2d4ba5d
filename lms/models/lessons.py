"""Lessons of a level, their clips and vocabulary, and what learners have watched."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lms.extensions import Base, Identified
from lms.models.people import Level


class Lesson(Identified, Base):
    __tablename__ = "lesson"
    __table_args__ = (Index("ix_lesson_level_id_position", "level_id", "position"),)

    level_id: Mapped[str] = mapped_column(ForeignKey("level.id", ondelete="RESTRICT"))
    title: Mapped[str] = mapped_column(String(120))
    goal: Mapped[str] = mapped_column(String(200), default="")
    instructions: Mapped[str] = mapped_column(Text, default="")  # Markdown
    # Order within the level; ties fall back to created_at, so gaps and equal positions are harmless.
    position: Mapped[int]
    created_at: Mapped[datetime]
    created_by_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    published_at: Mapped[datetime | None]
    published_by_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))

    level: Mapped[Level] = relationship(lazy="raise_on_sql")
    clips: Mapped[list[Clip]] = relationship(
        lazy="raise_on_sql", order_by="Clip.position", cascade="all, delete-orphan", passive_deletes=True
    )
    words: Mapped[list[VocabItem]] = relationship(
        lazy="raise_on_sql", order_by="VocabItem.position", cascade="all, delete-orphan", passive_deletes=True
    )


class Clip(Identified, Base):
    """A YouTube clip of a lesson. `starts` and `ends` are seconds within the video."""

    __tablename__ = "clip"
    __table_args__ = (
        CheckConstraint("starts >= 0", name="starts"),
        CheckConstraint("ends IS NULL OR ends > starts", name="ends_after_start"),
        CheckConstraint("seconds IS NULL OR seconds > 0", name="seconds"),
        Index("ix_clip_lesson_id_position", "lesson_id", "position"),
    )

    lesson_id: Mapped[str] = mapped_column(ForeignKey("lesson.id", ondelete="CASCADE"))
    position: Mapped[int]
    title: Mapped[str] = mapped_column(String(120), default="")
    youtube_id: Mapped[str] = mapped_column(String(11))
    starts: Mapped[int] = mapped_column(default=0)
    ends: Mapped[int | None]
    seconds: Mapped[int | None]  # its length, entered by the teacher or computed from start and end
    transcript: Mapped[str] = mapped_column(Text, default="")


class VocabItem(Identified, Base):
    __tablename__ = "vocab_item"
    __table_args__ = (Index("ix_vocab_item_lesson_id_position", "lesson_id", "position"),)

    lesson_id: Mapped[str] = mapped_column(ForeignKey("lesson.id", ondelete="CASCADE"))
    position: Mapped[int]
    text: Mapped[str] = mapped_column(String(120))


class ClipProgress(Base):
    """How far a learner is in a clip. The button or the end of the clip sets `watched_at`, once."""

    __tablename__ = "clip_progress"
    __table_args__ = (
        CheckConstraint("seconds >= 0", name="seconds"),
        # With all columns that count who watched a lesson.
        Index("ix_clip_progress_clip_id_watched_at", "clip_id", "watched_at", "person_id"),
    )

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    clip_id: Mapped[str] = mapped_column(ForeignKey("clip.id", ondelete="CASCADE"), primary_key=True)
    seconds: Mapped[int] = mapped_column(default=0)
    watched_at: Mapped[datetime | None]
    seen_at: Mapped[datetime]


class LessonVisit(Base):
    """The step at which a learner left a lesson, to go on from there."""

    __tablename__ = "lesson_visit"
    __table_args__ = (Index("ix_lesson_visit_lesson_id_step", "lesson_id", "step", "person_id"),)

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    lesson_id: Mapped[str] = mapped_column(ForeignKey("lesson.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[str] = mapped_column(String(8))
    seen_at: Mapped[datetime]
