"""Assignments, and what learners send: submissions, attempts, their files."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lms.extensions import Base, Identified
from lms.models.corrections import Feedback, ReturnedFeedback
from lms.models.lessons import Lesson
from lms.models.partial_index import partial_index
from lms.models.people import Person, one_of, word_type
from lms.models.voices import ALL_OR_NOTHING, NOT_PLAYED_BY_BROWSERS, PlayedCopy
from lms.refusal_codes import RefusalCode

KINDS = ("photo", "voice", "text", "document")


class FileKind(StrEnum):
    PHOTO = "photo"
    VOICE = "voice"
    DOCUMENT = "document"


class FileState(StrEnum):
    """State of a sent file: its bytes are received; it is checked and cleaned; it was refused."""

    RECEIVED = "received"
    READY = "ready"
    REFUSED = "refused"


class HomeworkState(StrEnum):
    """State of an assignment for a learner, in the order in which the learner should look at them."""

    REDO = "redo"
    RETURNED = "returned"
    TODO = "todo"
    SENT = "sent"
    DONE = "done"


class TakesKinds:
    """Something with the columns `takes_photo`, `takes_voice`, `takes_text` and `takes_document`."""

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(kind for kind in KINDS if getattr(self, f"takes_{kind}"))

    @property
    def takes_files(self) -> bool:
        return any(kind != "text" for kind in self.kinds)


class Assignment(TakesKinds, Identified, Base):
    """The homework of a lesson. The due day is soft: late is never red and never refused."""

    __tablename__ = "assignment"
    __table_args__ = (
        CheckConstraint("takes_photo OR takes_voice OR takes_text OR takes_document", name="takes_something"),
        Index("ix_assignment_lesson_id", "lesson_id"),
    )

    lesson_id: Mapped[str] = mapped_column(ForeignKey("lesson.id", ondelete="RESTRICT"))
    instruction: Mapped[str] = mapped_column(Text)
    takes_photo: Mapped[bool] = mapped_column(default=True)
    takes_voice: Mapped[bool] = mapped_column(default=False)
    takes_text: Mapped[bool] = mapped_column(default=True)
    takes_document: Mapped[bool] = mapped_column(default=False)
    due_on: Mapped[date | None]
    may_redo: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    created_by_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    withdrawn_at: Mapped[datetime | None]

    lesson: Mapped[Lesson] = relationship(lazy="raise_on_sql")


class Submission(Identified, Base):
    """One learner's work on one assignment, over all attempts."""

    __tablename__ = "submission"
    __table_args__ = (
        UniqueConstraint("assignment_id", "learner_id"),
        Index("ix_submission_learner_id", "learner_id"),
        partial_index("ix_submission_redo_open", "redo_since", "learner_id", where="redo_since IS NOT NULL"),
        partial_index("ix_submission_learner_redo_open", "learner_id", where="redo_since IS NOT NULL"),
    )

    assignment_id: Mapped[str] = mapped_column(ForeignKey("assignment.id", ondelete="RESTRICT"))
    learner_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    created_at: Mapped[datetime]
    # When feedback was returned that asks for another attempt, until that one is in the queue (ADR 32).
    redo_since: Mapped[datetime | None]

    assignment: Mapped[Assignment] = relationship(lazy="raise_on_sql")
    learner: Mapped[Person] = relationship(lazy="raise_on_sql")
    attempts: Mapped[list[Attempt]] = relationship(
        lazy="raise_on_sql", order_by="Attempt.number", viewonly=True
    )


class Attempt(Identified, Base):
    """Text and files sent once. Not yet sent, it is the learner's draft.

    Once sent it never changes, but for a refused file, in whose place the learner may put another one.
    `version` rises each time the text changes, so that an older page does not overwrite newer text.
    The team sees it from `queued_at` on, also once it is answered: since the last of its files is ready or
    refused.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("submission_id", "number"),
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("queued_at IS NULL OR sent_at IS NOT NULL", name="queued"),
        partial_index("uq_attempt_draft", "submission_id", where="sent_at IS NULL", unique=True),
        Index("ix_attempt_sent_at", "sent_at"),
        partial_index("ix_attempt_queued_at_open", "submission_id", where="queued_at IS NULL"),
    )

    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id", ondelete="RESTRICT"))
    number: Mapped[int]
    text: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    queued_at: Mapped[datetime | None]

    submission: Mapped[Submission] = relationship(lazy="raise_on_sql")
    attachments: Mapped[list[Attachment]] = relationship(
        lazy="raise_on_sql", order_by="Attachment.position", viewonly=True
    )
    feedback: Mapped[Feedback | None] = relationship(lazy="raise_on_sql", viewonly=True)
    deposit: Mapped[Deposit | None] = relationship(lazy="raise_on_sql", viewonly=True)

    @property
    def last_returned(self) -> ReturnedFeedback | None:
        """Return the feedback that the learner reads, as it was returned last; None before that."""
        return self.feedback.returned[-1] if self.feedback and self.feedback.returned else None


class DepositWay(StrEnum):
    """How a learner's work came to the member of the team who deposited it."""

    DESK = "at_desk"
    MAIL = "by_mail"
    PAPER = "on_paper"


class Deposit(Base):
    """Record of who has sent an attempt for the learner. `sent_on`: the day of the work itself."""

    __tablename__ = "deposit"

    attempt_id: Mapped[str] = mapped_column(ForeignKey("attempt.id", ondelete="RESTRICT"), primary_key=True)
    actor_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    reason: Mapped[str] = mapped_column(String(200))
    sent_on: Mapped[date]
    way: Mapped[DepositWay] = mapped_column(word_type(DepositWay, 8))

    actor: Mapped[Person] = relationship(lazy="raise_on_sql")


class QueuedAttempt(Base):
    """An attempt that waits for feedback: written with `Attempt.queued_at`, deleted with the return (ADR 32).

    `since`: when it was sent, or its returned feedback opened again. `is_first`: no other attempt of the
    learner has ever been in the queue. `viewer_id`: the teacher who had it open last, until `viewed_until`.
    """

    __tablename__ = "queued_attempt"
    __table_args__ = (
        Index("ix_queued_attempt_since", "since", "attempt_id"),
        Index("ix_queued_attempt_level_id", "level_id", "since", "attempt_id"),
        Index("ix_queued_attempt_learner_id", "learner_id"),
        Index(
            "ix_queued_attempt_first",
            "since",
            sqlite_where=text("is_first = 1"),
            postgresql_where=text("is_first"),
        ),
    )

    attempt_id: Mapped[str] = mapped_column(ForeignKey("attempt.id", ondelete="CASCADE"), primary_key=True)
    since: Mapped[datetime]
    level_id: Mapped[str] = mapped_column(ForeignKey("level.id", ondelete="RESTRICT"))
    learner_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    is_follow_up: Mapped[bool]
    is_first: Mapped[bool]
    viewer_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    viewed_until: Mapped[datetime | None]


class Attachment(PlayedCopy, Identified, Base):
    """A file of an attempt.

    `store_key`: the stored bytes, of a photo our clean upright copy; only once it is ready. Until then `kind`
    is what the form asked for, and `size` and `sha256` are those of the file as it was sent.
    """

    __tablename__ = "attachment"
    __table_args__ = (
        UniqueConstraint("store_key"),
        UniqueConstraint("played_key"),
        CheckConstraint("size > 0", name="size"),
        CheckConstraint(ALL_OR_NOTHING, name="played"),
        CheckConstraint(one_of("state", FileState), name="state"),
        CheckConstraint("(state = 'ready') = (store_key IS NOT NULL)", name="ready"),
        CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name="refused"),
        Index("ix_attachment_attempt_id_position", "attempt_id", "position"),
        partial_index("ix_attachment_copy_due_at", "copy_due_at", where="copy_due_at IS NOT NULL"),
    )

    attempt_id: Mapped[str] = mapped_column(ForeignKey("attempt.id", ondelete="RESTRICT"))
    position: Mapped[int]
    kind: Mapped[FileKind] = mapped_column(word_type(FileKind, 8))
    state: Mapped[FileState] = mapped_column(word_type(FileState, 8))
    refusal: Mapped[RefusalCode | None] = mapped_column(word_type(RefusalCode, 32))
    shown_name: Mapped[str] = mapped_column(String(120))
    store_key: Mapped[str | None] = mapped_column(String(80))
    mime: Mapped[str] = mapped_column(String(80))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    sent_sha256: Mapped[str | None] = mapped_column(
        String(64)
    )  # of the file as it was sent; old ones: unknown
    seconds: Mapped[int | None]
    excerpt: Mapped[str] = mapped_column(
        Text, default=""
    )  # the text of a DOCX, shown on the page of the correction
    created_at: Mapped[datetime]

    attempt: Mapped[Attempt] = relationship(lazy="raise_on_sql")
    renditions: Mapped[list[Rendition]] = relationship(
        lazy="raise_on_sql", order_by="Rendition.purpose, Rendition.page", viewonly=True
    )

    @property
    def is_received(self) -> bool:
        return self.state == FileState.RECEIVED

    @property
    def is_ready(self) -> bool:
        return self.state == FileState.READY

    @property
    def is_refused(self) -> bool:
        return self.state == FileState.REFUSED

    @property
    def is_photo(self) -> bool:
        return self.kind == FileKind.PHOTO

    @property
    def is_voice(self) -> bool:
        return self.kind == FileKind.VOICE

    @property
    def is_document(self) -> bool:
        return self.kind == FileKind.DOCUMENT

    @property
    def is_playable(self) -> bool:
        """Return whether browsers play the recording by themselves."""
        return self.is_voice and (self.played_key is not None or self.mime not in NOT_PLAYED_BY_BROWSERS)


class FileJob(Base):
    """The bytes of a received file as they were sent, until a worker has checked and cleaned them.

    A worker holds it until `claimed_until`. `claims`: how often one began and did not come to an end.
    """

    __tablename__ = "file_job"
    __table_args__ = (UniqueConstraint("received_key"), Index("ix_file_job_created_at", "created_at"))

    attachment_id: Mapped[str] = mapped_column(
        ForeignKey("attachment.id", ondelete="CASCADE"), primary_key=True
    )
    received_key: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    claims: Mapped[int] = mapped_column(default=0)


class Rendition(Identified, Base):
    """A picture that we made of an attachment: `web` to look at (one a page), `thumb` for lists.

    `turns`: quarter turns clockwise with which it is shown; the picture itself stays.
    """

    __tablename__ = "rendition"
    __table_args__ = (
        UniqueConstraint("store_key"),
        UniqueConstraint("attachment_id", "purpose", "page"),
    )

    attachment_id: Mapped[str] = mapped_column(ForeignKey("attachment.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(String(8))
    page: Mapped[int] = mapped_column(default=1)
    store_key: Mapped[str] = mapped_column(String(80))
    mime: Mapped[str] = mapped_column(String(80))
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    turns: Mapped[int] = mapped_column(default=0, server_default="0")
    sha256: Mapped[str | None] = mapped_column(String(64))  # of old ones unknown until a night has read them
