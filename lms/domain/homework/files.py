"""Rows of files: contents of an attempt, permission to download, quota of a learner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from lms.domain import outbox
from lms.domain.errors import Absent, Refused
from lms.domain.homework import played_copies
from lms.models import (
    Assignment,
    Attachment,
    Attempt,
    Feedback,
    FileJob,
    FileKind,
    FileState,
    NoticeKind,
    Person,
    Rendition,
    Role,
    Submission,
)
from lms.refusal_codes import RefusalCode

MAX_FILES = 10
# What the bytes of a received file are is not known before a worker has looked at them.
UNKNOWN_MIME = "application/octet-stream"


@dataclass(frozen=True)
class ReceivedFile:
    """A file as it was sent, in the store of received files. `kind`: what the form asked for."""

    kind: FileKind
    shown_name: str
    received_key: str
    size: int
    sha256: str


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
    sha256: str


@dataclass(frozen=True)
class StoredFile:
    """A checked and cleaned file in the store, read back. `size` in bytes.

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
    """Return the bytes that the learner's files take, with what is made of them; received ones as sent."""
    attachment_ids = (
        select(Attachment.id)
        .join(Attempt, Attempt.id == Attachment.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(Submission.learner_id == learner.id, Attachment.state != FileState.REFUSED)
    )
    size = Attachment.size + func.coalesce(Attachment.played_size, 0)
    sent = select(func.coalesce(func.sum(size), 0)).where(Attachment.id.in_(attachment_ids))
    made = select(func.coalesce(func.sum(Rendition.size), 0)).where(
        Rendition.attachment_id.in_(attachment_ids)
    )
    return int(session.scalar(select(sent.scalar_subquery() + made.scalar_subquery())) or 0)


def lock_attempt(session: Session, attempt_id: str) -> Attempt:
    """Lock and return the attempt: its files, its sending and the end of its last file follow one another."""
    return session.scalars(
        select(Attempt)
        .where(Attempt.id == attempt_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def files_of_attempt(session: Session, attempt_id: str) -> list[Attachment]:
    """Return the files of the attempt in their order."""
    return list(
        session.scalars(
            select(Attachment)
            .where(Attachment.attempt_id == attempt_id)
            .order_by(Attachment.position, Attachment.id)
            .options(joinedload(Attachment.renditions))
            .execution_options(populate_existing=True)
        ).unique()
    )


def receive_file(
    session: Session, draft: Attempt, new: ReceivedFile, *, room: int, now: datetime
) -> Attachment:
    """Add a file as it was sent at the end of a draft, for a worker to prepare.

    `room`: the bytes that the learner has left.
    Refusals: `file_twice`, `quota_full`, `too_many_files`.
    """
    lock_attempt(session, draft.id)
    existing = files_of_attempt(session, draft.id)
    check_received(existing, new, room=room)
    if len(existing) >= MAX_FILES:
        raise Refused(RefusalCode.TOO_MANY_FILES, number=MAX_FILES)
    attachment = Attachment(attempt_id=draft.id, position=next_position(existing), created_at=now)
    _set_received(session, attachment, new, now=now)
    return attachment


def replace_file(
    session: Session,
    actor: Person,
    submission_id: str,
    attachment_id: str,
    new: ReceivedFile,
    *,
    room: int,
    now: datetime,
) -> None:
    """Put a file in the place of one that was refused after the attempt was sent.

    Raises `Absent` when it is no refused file of a sent attempt of the actor, or feedback was returned.
    Refusals: `file_twice`, `quota_full`.
    """
    attachment = refused_file_for(session, actor, submission_id, attachment_id)
    lock_attempt(session, attachment.attempt_id)
    attachment = refused_file_for(session, actor, submission_id, attachment_id)  # what was locked may differ
    existing = files_of_attempt(session, attachment.attempt_id)
    check_received([each for each in existing if each.id != attachment.id], new, room=room)
    attachment.created_at = now
    _set_received(session, attachment, new, now=now)
    if not any(each.is_refused for each in existing):
        outbox.withdraw_notices(session, attachment.attempt_id, kind=NoticeKind.FILE_REFUSED, now=now)


def refused_file_for(session: Session, actor: Person, submission_id: str, attachment_id: str) -> Attachment:
    """Return a refused file of an attempt that the actor has sent and that is not answered yet.

    Raises `Absent` for any other.
    """
    returned = exists().where(Feedback.attempt_id == Attempt.id, Feedback.returns > 0)
    found = session.scalar(
        select(Attachment)
        .join(Attempt, Attempt.id == Attachment.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(
            Attachment.id == attachment_id,
            Attachment.state == FileState.REFUSED,
            Attempt.submission_id == submission_id,
            Attempt.sent_at.is_not(None),
            Submission.learner_id == actor.id,
            ~returned,
        )
        .execution_options(populate_existing=True)
    )
    if found is None or not actor.is_learner:
        raise Absent
    return found


def check_received(existing: Iterable[Attachment], new: ReceivedFile, *, room: int) -> None:
    """Check a received file against the others. Refusals: `file_twice`, `quota_full`."""
    # The same file again is a second press or a form that was sent twice, never an intention.
    if any(other.sent_sha256 == new.sha256 and not other.is_refused for other in existing):
        raise Refused(RefusalCode.FILE_TWICE)
    if new.size > room:
        raise Refused(RefusalCode.QUOTA_FULL)


def add_file(
    session: Session, draft: Attempt, assignment: Assignment, new: StoredFile, *, now: datetime
) -> Attachment:
    """Add a file that is ready already at the end of a draft.

    Refusals: `file_twice`, `kind_document`, `kind_photo`, `kind_voice`, `too_many_files`.
    """
    existing = files_of_attempt(session, draft.id)
    check_stored(existing, assignment, new)
    if len(existing) >= MAX_FILES:
        raise Refused(RefusalCode.TOO_MANY_FILES, number=MAX_FILES)
    attachment = Attachment(attempt_id=draft.id, position=next_position(existing), created_at=now)
    set_ready(session, attachment, new)
    return attachment


def check_stored(existing: Iterable[Attachment], assignment: Assignment, new: StoredFile) -> None:
    """Check a cleaned file against the assignment and the other files that are ready.

    Refusals: `file_twice`, `kind_document`, `kind_photo`, `kind_voice`.
    """
    if any(other.is_ready and (other.kind, other.sha256) == (new.kind, new.sha256) for other in existing):
        raise Refused(RefusalCode.FILE_TWICE)
    if new.kind not in assignment.kinds:
        raise Refused(RefusalCode(f"kind_{new.kind}"))


def set_ready(session: Session, attachment: Attachment, new: StoredFile) -> None:
    """Fill the row of a file from its cleaned bytes, and add its renditions."""
    values = asdict(new)
    del values["renditions"]  # rows of their own
    for name, value in values.items():
        setattr(attachment, name, value)
    attachment.state = FileState.READY
    attachment.copy_due_at = attachment.created_at if attachment.is_voice else None
    session.add(attachment)
    session.flush()
    session.add_all(Rendition(attachment_id=attachment.id, **asdict(each)) for each in new.renditions)
    session.flush()


def _set_received(session: Session, attachment: Attachment, new: ReceivedFile, *, now: datetime) -> None:
    attachment.kind, attachment.shown_name, attachment.mime = new.kind, new.shown_name, UNKNOWN_MIME
    attachment.size, attachment.sha256, attachment.sent_sha256 = new.size, new.sha256, new.sha256
    attachment.state, attachment.refusal = FileState.RECEIVED, None
    session.add(attachment)
    session.flush()
    session.add(FileJob(attachment_id=attachment.id, received_key=new.received_key, created_at=now))
    session.flush()
    session.info.setdefault("files", []).append(attachment.id)


def next_position(existing: Iterable[Attachment]) -> int:
    """Return the position at the end of these files."""
    return max((other.position for other in existing), default=0) + 1


@dataclass(frozen=True)
class RemovedFile:
    """Keys to delete after the commit: of the store, and of the store of received files."""

    stored: tuple[str, ...] = ()
    received: tuple[str, ...] = ()


def remove_file(session: Session, draft: Attempt, attachment_id: str) -> RemovedFile:
    """Remove a file from a draft. Returns the keys to delete after the commit.

    None when the file is gone already: the button was pressed twice.
    """
    lock_attempt(session, draft.id)
    for attachment in files_of_attempt(session, draft.id):
        if attachment.id == attachment_id:
            stored = [rendition.store_key for rendition in attachment.renditions]
            stored += [key for key in (attachment.store_key, attachment.played_key) if key]
            job = session.get(FileJob, attachment.id)
            for row in (*attachment.renditions, *([job] if job else [])):
                session.delete(row)
            session.flush()
            session.delete(attachment)
            session.flush()
            return RemovedFile(tuple(stored), (job.received_key,) if job else ())
    return RemovedFile()


def move_file(session: Session, draft: Attempt, attachment_id: str, steps: int) -> None:
    """Move a file up (-1) or down (+1) among the files of a draft; do nothing at either end."""
    ordered = files_of_attempt(session, draft.id)
    at = next((index for index, each in enumerate(ordered) if each.id == attachment_id), None)
    if at is None or not 0 <= at + steps < len(ordered):
        return
    ordered.insert(at + steps, ordered.pop(at))
    _number(ordered)


def delivery_for(session: Session, actor: Person, file_id: str, *, played: bool = False) -> Delivery:
    """Return the file or rendition with this id; `played`: of a voice the copy that plays everywhere, if any.

    Raises `Absent` while it is not ready, and when the actor may not read it: a learner reads the learner's
    own files, a teacher those of attempts in the queue or corrected.
    """
    rendition = session.scalar(select(Rendition).where(Rendition.id == file_id))
    attachment = session.scalar(
        select(Attachment)
        .where(Attachment.id == (rendition.attachment_id if rendition else file_id))
        .options(joinedload(Attachment.attempt).joinedload(Attempt.submission))
    )
    if attachment is None or attachment.store_key is None or not _may_read(actor, attachment.attempt):
        raise Absent
    if rendition is not None:
        return Delivery(rendition.store_key, rendition.mime, attachment.shown_name, ours=True)
    if played and attachment.played_key is not None:
        return Delivery(attachment.played_key, played_copies.MIME, attachment.shown_name, ours=True)
    ours = attachment.is_photo  # of a photo the store holds our clean copy
    return Delivery(attachment.store_key, attachment.mime, attachment.shown_name, ours=ours)


def _may_read(person: Person, attempt: Attempt) -> bool:
    if person.is_learner and attempt.submission.learner_id == person.id:
        return True
    return Role.TEACHER in person.roles and attempt.queued_at is not None


def _number(attachments: Iterable[Attachment]) -> None:
    for position, attachment in enumerate(attachments, start=1):
        attachment.position = position


WITH_FILES = selectinload(Attempt.attachments).joinedload(Attachment.renditions)
