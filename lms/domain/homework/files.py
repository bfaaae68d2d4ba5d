"""Rows of files: contents of an attempt, permission to download, quota of a learner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from lms.domain import outbox
from lms.domain.errors import Absent, Refused
from lms.models import (
    Assignment,
    Attachment,
    Attempt,
    NoticeKind,
    Person,
    Rendition,
    Role,
    Submission,
)
from lms.refusal_codes import RefusalCode

MAX_FILES = 10


@dataclass(frozen=True)
class StoredRendition:
    """A rendition in the store, as `StoredFile` carries it."""

    purpose: str
    page: int
    store_key: str
    mime: str
    width: int
    height: int
    size: int


@dataclass(frozen=True)
class StoredFile:
    """A file in the store, read back, for which `add_file` makes the rows. `size` in bytes.

    The upload adapter fills it once; nothing between the store and the rows has another shape.
    """

    kind: str
    shown_name: str
    store_key: str
    mime: str
    size: int
    sha256: str
    seconds: int | None = None
    excerpt: str = ""
    renditions: tuple[StoredRendition, ...] = ()

    @property
    def keys(self) -> list[str]:
        """Return the store keys of the file and its renditions."""
        return [self.store_key, *(rendition.store_key for rendition in self.renditions)]

    @property
    def room(self) -> int:
        """Return the bytes that the file and its renditions take."""
        return self.size + sum(rendition.size for rendition in self.renditions)


@dataclass(frozen=True)
class Delivery:
    """A file that is sent for an address under /files/."""

    store_key: str
    mime: str
    name: str
    ours: bool  # made by us from pixels, so that it cannot carry anything else


def used_bytes(session: Session, learner: Person) -> int:
    """Return the bytes that the learner's files take, renditions included."""
    attachment_ids = (
        select(Attachment.id)
        .join(Attempt, Attempt.id == Attachment.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(Submission.learner_id == learner.id)
    )
    sent = select(func.coalesce(func.sum(Attachment.size), 0)).where(Attachment.id.in_(attachment_ids))
    made = select(func.coalesce(func.sum(Rendition.size), 0)).where(
        Rendition.attachment_id.in_(attachment_ids)
    )
    return int(session.scalar(select(sent.scalar_subquery() + made.scalar_subquery())) or 0)


def files_of_attempt(session: Session, attempt_id: str) -> list[Attachment]:
    """Return the files of the attempt in their order."""
    return list(
        session.scalars(
            select(Attachment)
            .where(Attachment.attempt_id == attempt_id)
            .order_by(Attachment.position, Attachment.id)
            .options(joinedload(Attachment.renditions))
        ).unique()
    )


def add_file(
    session: Session, draft: Attempt, assignment: Assignment, new: StoredFile, *, room: int, now: datetime
) -> Attachment:
    """Add a file at the end of a draft. `room`: the bytes that the learner has left.

    Refusals: `file_twice`, `kind_document`, `kind_photo`, `kind_voice`, `quota_full`, `too_many_files`.
    """
    existing = files_of_attempt(session, draft.id)
    for other in existing:
        # The same file again is a second press or a form that was sent twice, never an intention.
        if (other.kind, other.sha256) == (new.kind, new.sha256):
            raise Refused(RefusalCode.FILE_TWICE)
    if new.kind not in assignment.kinds:
        raise Refused(RefusalCode(f"kind_{new.kind}"))
    if len(existing) >= MAX_FILES:
        raise Refused(RefusalCode.TOO_MANY_FILES, number=MAX_FILES)
    if new.room > room:
        raise Refused(RefusalCode.QUOTA_FULL)
    values = asdict(new)
    del values["renditions"]  # rows of their own
    attachment = Attachment(
        attempt_id=draft.id,
        position=max((other.position for other in existing), default=0) + 1,
        created_at=now,
        **values,
    )
    session.add(attachment)
    session.flush()
    session.add_all(Rendition(attachment_id=attachment.id, **asdict(each)) for each in new.renditions)
    session.flush()
    return attachment


def remove_file(session: Session, draft: Attempt, attachment_id: str) -> list[str]:
    """Remove a file from a draft. Returns the store keys to delete after the commit.

    Empty when the file is gone already: the button was pressed twice.
    """
    for attachment in files_of_attempt(session, draft.id):
        if attachment.id == attachment_id:
            keys = [attachment.store_key, *(rendition.store_key for rendition in attachment.renditions)]
            for rendition in attachment.renditions:
                session.delete(rendition)
            session.flush()
            session.delete(attachment)
            session.flush()
            return keys
    return []


def move_file(session: Session, draft: Attempt, attachment_id: str, steps: int) -> None:
    """Move a file up (-1) or down (+1) among the files of a draft; do nothing at either end."""
    ordered = files_of_attempt(session, draft.id)
    at = next((index for index, each in enumerate(ordered) if each.id == attachment_id), None)
    if at is None or not 0 <= at + steps < len(ordered):
        return
    ordered.insert(at + steps, ordered.pop(at))
    _number(ordered)


def notify_refused_file(session: Session, attempt: Attempt, *, now: datetime) -> None:
    """Show the learner on the start page that a file of this attempt could not be used.

    Several files of one attempt are one notice, until it is seen.
    """
    learner_id = session.scalars(
        select(Submission.learner_id).where(Submission.id == attempt.submission_id)
    ).one()
    outbox.withdraw_notices(session, attempt.id, kind=NoticeKind.FILE_REFUSED, now=now)
    outbox.post_notice(
        session,
        NoticeKind.FILE_REFUSED,
        session.get_one(Person, learner_id),
        attempt.id,
        sequence=int(now.timestamp()),
        now=now,
    )


def delivery_for(session: Session, actor: Person, file_id: str) -> Delivery:
    """Return the file or rendition with this id.

    Raises `Absent` when the actor may not read it: a learner reads the learner's own files, a teacher those
    that were sent.
    """
    rendition = session.scalar(select(Rendition).where(Rendition.id == file_id))
    attachment = session.scalar(
        select(Attachment)
        .where(Attachment.id == (rendition.attachment_id if rendition else file_id))
        .options(joinedload(Attachment.attempt).joinedload(Attempt.submission))
    )
    if attachment is None or not _may_read(actor, attachment.attempt):
        raise Absent
    if rendition is not None:
        return Delivery(rendition.store_key, rendition.mime, attachment.shown_name, ours=True)
    ours = attachment.is_photo  # of a photo the store holds our clean copy
    return Delivery(attachment.store_key, attachment.mime, attachment.shown_name, ours=ours)


def _may_read(person: Person, attempt: Attempt) -> bool:
    if person.is_learner and attempt.submission.learner_id == person.id:
        return True
    return Role.TEACHER in person.roles and attempt.sent_at is not None


def _number(attachments: Iterable[Attachment]) -> None:
    for position, attachment in enumerate(attachments, start=1):
        attachment.position = position


WITH_FILES = selectinload(Attempt.attachments).joinedload(Attachment.renditions)
