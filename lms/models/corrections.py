"""Feedback of teachers to an attempt: criteria, the draft, marks, and each return."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, NotRequired, TypedDict

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lms.extensions import Base, Identified
from lms.models.people import Level, Person, word_type
from lms.models.voices import FeedbackVoice


class Criterion(Identified, Base):
    """A line of the rubric of a level: at most five, three at Niveau 1."""

    __tablename__ = "criterion"
    __table_args__ = (UniqueConstraint("level_id", "position"),)

    level_id: Mapped[str] = mapped_column(ForeignKey("level.id", ondelete="CASCADE"))
    position: Mapped[int]
    label: Mapped[str] = mapped_column(String(60))
    # DELF: the points of each of the four bands; NULL where the level gives none.
    points: Mapped[list[float] | None] = mapped_column(JSON(none_as_null=True))

    level: Mapped[Level] = relationship(lazy="raise_on_sql")


class Feedback(Identified, Base):
    """Feedback of the team to an attempt. It stays a draft: each return is a row of its own (ADR 38).

    `teacher_id`: who changed it last. `returns`: how often it was returned. `reopened_at`: since when
    returned feedback is being completed.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        UniqueConstraint("attempt_id"),
        CheckConstraint("returns >= 0", name="returns"),
        CheckConstraint("reopened_at IS NULL OR returns > 0", name="reopened"),
        Index("ix_feedback_teacher_id", "teacher_id"),
    )

    attempt_id: Mapped[str] = mapped_column(ForeignKey("attempt.id", ondelete="RESTRICT"))
    teacher_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    comment: Mapped[str] = mapped_column(Text, default="")
    next_step: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    saved_at: Mapped[datetime]
    returns: Mapped[int] = mapped_column(default=0)
    reopened_at: Mapped[datetime | None]

    teacher: Mapped[Person] = relationship(lazy="raise_on_sql")
    scores: Mapped[list[Score]] = relationship(lazy="raise_on_sql", cascade="all, delete-orphan")
    returned: Mapped[list[ReturnedFeedback]] = relationship(
        lazy="raise_on_sql", order_by="ReturnedFeedback.number", viewonly=True
    )
    voice: Mapped[FeedbackVoice | None] = relationship(
        lazy="raise_on_sql",
        primaryjoin="and_(FeedbackVoice.feedback_id == Feedback.id, FeedbackVoice.removed_at.is_(None))",
        viewonly=True,
    )

    @property
    def is_draft(self) -> bool:
        """Return whether the team still writes: it was never returned, or is being completed."""
        return self.returns == 0 or self.reopened_at is not None


class Score(Base):
    """The band of one criterion: 0 pas encore, 1 presque, 2 acquis, 3 très bien."""

    __tablename__ = "score"
    __table_args__ = (CheckConstraint("band BETWEEN 0 AND 3", name="band"),)

    feedback_id: Mapped[str] = mapped_column(ForeignKey("feedback.id", ondelete="CASCADE"), primary_key=True)
    criterion_id: Mapped[str] = mapped_column(
        ForeignKey("criterion.id", ondelete="RESTRICT"), primary_key=True
    )
    band: Mapped[int]

    criterion: Mapped[Criterion] = relationship(lazy="raise_on_sql")


class ReturnedBand(NamedTuple):
    """The band of a criterion as it was returned, with the name that the criterion had then."""

    label: str
    band: int


class ReturnedMark(TypedDict):
    """A mark as it was returned: the columns of `Mark` that the learner sees."""

    kind: str
    code: str | None
    attachment_id: str | None
    page: int | None
    x: int | None
    y: int | None
    w: int | None
    h: int | None
    points: list[list[int]] | None
    starts: int | None
    ends: int | None
    quote: str
    model: str
    note: str


class CheckedMark(TypedDict):
    """A mark of the attempt before, and whether the teacher finds it mended."""

    code: str | None
    quote: str
    model: str
    is_mended: bool


class ReturnedBody(TypedDict):
    """Bands and marks of a return; the oldest ones have no marks. `shows_answers`: whatever the level.

    `checked`: what was confirmed of the marks of the attempt before. `points`: DELF points and the most of
    them, for the team.
    """

    bands: list[tuple[str, int]]
    marks: NotRequired[list[ReturnedMark]]
    shows_answers: NotRequired[bool]
    checked: NotRequired[list[CheckedMark]]
    points: NotRequired[tuple[float, float]]


class ReturnedFeedback(Identified, Base):
    """Feedback as it was returned to the learner: it never changes, and triggers of the database see to it.

    Until `final_at` it can be taken back, and the learner sees nothing of it (ADR 41). `reopened_at`: that of
    the feedback before this return. `voice_id`: what the teacher says; its row stays as long as this one.
    Only what the learner does with it is added: `seen_at`, when it was opened; `understood`, None until the
    learner says so.
    """

    __tablename__ = "returned_feedback"
    __table_args__ = (
        UniqueConstraint("feedback_id", "number"),
        CheckConstraint("number >= 1", name="number"),
        Index("ix_returned_feedback_returned_at", "returned_at"),
        Index("ix_returned_feedback_teacher_id", "teacher_id"),
        Index(
            "ix_returned_feedback_not_understood",
            "understood_at",
            sqlite_where=text("understood = 0"),
            postgresql_where=text("NOT understood"),
        ),
        Index("ix_returned_feedback_voice_id", "voice_id"),
    )

    feedback_id: Mapped[str] = mapped_column(ForeignKey("feedback.id", ondelete="RESTRICT"))
    number: Mapped[int]
    returned_at: Mapped[datetime]
    teacher_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    comment: Mapped[str] = mapped_column(Text)
    next_step: Mapped[str] = mapped_column(Text)
    redo: Mapped[bool]
    body: Mapped[ReturnedBody] = mapped_column(JSON)
    voice_id: Mapped[str | None] = mapped_column(ForeignKey("feedback_voice.id", ondelete="RESTRICT"))
    seen_at: Mapped[datetime | None]
    final_at: Mapped[datetime] = mapped_column(server_default="0")
    reopened_at: Mapped[datetime | None]
    understood: Mapped[bool | None]
    understood_at: Mapped[datetime | None]

    feedback: Mapped[Feedback] = relationship(lazy="raise_on_sql")
    teacher: Mapped[Person] = relationship(lazy="raise_on_sql")
    voice: Mapped[FeedbackVoice | None] = relationship(lazy="raise_on_sql")

    @property
    def bands(self) -> list[ReturnedBand]:
        """Return the bands in the order of the criteria."""
        return [ReturnedBand(label, band) for label, band in self.body["bands"]]

    @property
    def marks(self) -> list[ReturnedMark]:
        return self.body.get("marks", [])

    @property
    def checked(self) -> list[CheckedMark]:
        return self.body.get("checked", [])

    @property
    def points(self) -> tuple[float, float] | None:
        """Return the DELF points and the most of them; None without a scale. Learners never see them."""
        found = self.body.get("points")
        return None if found is None else (found[0], found[1])

    @property
    def shows_answers(self) -> bool:
        """Return whether the teacher shows the answers at once, whatever the level."""
        return self.body.get("shows_answers", False)


class SignedView(Identified, Base):
    """The address under which one return is read without a login, until it expires or is revoked (ADR 41).

    The token itself stands in the mail alone.
    """

    __tablename__ = "signed_view"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index("ix_signed_view_returned_feedback_id", "returned_feedback_id"),
        Index("ix_signed_view_expires_at", "expires_at"),
    )

    token_hash: Mapped[str] = mapped_column(String(64))
    returned_feedback_id: Mapped[str] = mapped_column(ForeignKey("returned_feedback.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]


class MarkKind(StrEnum):
    """Kind of a mark: on a page, on words of a text (`range`), or at a moment of a recording."""

    PIN = "pin"
    PEN = "pen"
    ARROW = "arrow"
    TEXT = "text"
    HIGHLIGHT = "highlight"
    RANGE = "range"
    MOMENT = "moment"


class MarkCode(StrEnum):
    """Code of a mark: ten kinds of faults, and what is good."""

    SPELLING = "spelling"
    AGREEMENT = "agreement"
    CONJUGATION = "conjugation"
    DETERMINER = "determiner"
    PREPOSITION = "preposition"
    MISSING = "missing"
    WORD = "word"
    ORDER = "order"
    PUNCTUATION = "punctuation"
    UNCLEAR = "unclear"
    GOOD = "good"


class Mark(Identified, Base):
    """A mark of a teacher on a page, on some words or at a moment of what was sent (ADR 38).

    `client_key`: the page's own name for it, so that the same request twice makes one mark. `x`, `y`, `w`,
    `h`, `points`: ten-thousandths of the page as it was sent, before it is turned. `starts`, `ends`:
    characters of the text, or seconds of a recording. Words that are only quoted have no place. A removed
    mark stays, so that it can be restored.
    `version` rises at each change.
    """

    __tablename__ = "mark"
    __table_args__ = (
        UniqueConstraint("feedback_id", "client_key"),
        CheckConstraint(
            "x BETWEEN 0 AND 10000 AND y BETWEEN 0 AND 10000"
            " AND x + w BETWEEN 0 AND 10000 AND y + h BETWEEN 0 AND 10000",
            name="on_page",
        ),
        CheckConstraint(
            "(page IS NULL) = (x IS NULL) AND (page IS NULL) = (y IS NULL)"
            " AND (starts IS NULL) = (ends IS NULL) AND (page IS NULL OR starts IS NULL)"
            " AND (page IS NULL OR attachment_id IS NOT NULL)",
            name="place",
        ),
        CheckConstraint("0 <= starts AND starts <= ends", name="span"),
        CheckConstraint("version >= 1", name="version"),
    )

    feedback_id: Mapped[str] = mapped_column(ForeignKey("feedback.id", ondelete="CASCADE"))
    client_key: Mapped[str] = mapped_column(String(40))
    kind: Mapped[MarkKind] = mapped_column(word_type(MarkKind, 9))
    code: Mapped[MarkCode | None] = mapped_column(word_type(MarkCode, 11))
    attachment_id: Mapped[str | None] = mapped_column(ForeignKey("attachment.id", ondelete="RESTRICT"))
    page: Mapped[int | None]
    x: Mapped[int | None]
    y: Mapped[int | None]
    w: Mapped[int | None]
    h: Mapped[int | None]
    points: Mapped[list[list[int]] | None] = mapped_column(JSON(none_as_null=True))
    starts: Mapped[int | None]
    ends: Mapped[int | None]
    quote: Mapped[str] = mapped_column(Text, default="")
    model: Mapped[str] = mapped_column(Text, default="")
    note: Mapped[str] = mapped_column(Text, default="")
    created_by_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)
    removed_at: Mapped[datetime | None]

    created_by: Mapped[Person] = relationship(lazy="raise_on_sql")


class MarkCheck(Base):
    """Answer, in a draft, to the question whether a mark of the attempt before is mended.

    `position`: of the mark in the return.
    """

    __tablename__ = "mark_check"
    __table_args__ = (Index("ix_mark_check_returned_feedback_id", "returned_feedback_id"),)

    feedback_id: Mapped[str] = mapped_column(ForeignKey("feedback.id", ondelete="CASCADE"), primary_key=True)
    returned_feedback_id: Mapped[str] = mapped_column(
        ForeignKey("returned_feedback.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    is_mended: Mapped[bool]
