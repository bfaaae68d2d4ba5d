"""The rows of files: what an attempt holds, who may have it delivered, how much room a learner uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from lms.domain.errors import Absent, Refused
from lms.models import Assignment, Attachment, Attempt, Person, Rendition, Submission

MAX_FILES = 10


@dataclass(frozen=True)
class NewPicture:
    """A picture made of a file, already in the store."""

    purpose: str
    page: int
    store_key: str
    mime: str
    width: int
    height: int
    size: int


@dataclass(frozen=True)
class NewFile:
    """A file that is already in the store and was read back, and has no row yet."""

    kind: str
    shown_name: str
    store_key: str
    mime: str
    size: int
    sha256: str
    seconds: int | None = None
    excerpt: str = ""
    pictures: tuple[NewPicture, ...] = field(default=())

    @property
    def keys(self) -> list[str]:
        return [self.store_key, *(picture.store_key for picture in self.pictures)]

    @property
    def room(self) -> int:
        return self.size + sum(picture.size for picture in self.pictures)


@dataclass(frozen=True)
class Delivery:
    """File that is sent for an address under /files/."""

    store_key: str
    mime: str
    name: str
    ours: bool  # made by us from pixels, so that it cannot carry anything else


def used_bytes(session: Session, learner: Person) -> int:
    """How much room her files take, with the pictures made of them."""
    hers = (
        select(Attachment.id)
        .join(Attempt, Attempt.id == Attachment.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(Submission.learner_id == learner.id)
    )
    sent = select(func.coalesce(func.sum(Attachment.size), 0)).where(Attachment.id.in_(hers))
    made = select(func.coalesce(func.sum(Rendition.size), 0)).where(Rendition.attachment_id.in_(hers))
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
    session: Session, draft: Attempt, assignment: Assignment, new: NewFile, *, room: int, now: datetime
) -> Attachment:
    """Put a file at the end of a draft. `room` is what the learner has left, in bytes.

    Refusals: `file_twice`, `quota_full`, `too_many_files`.
    """
    there = files_of_attempt(session, draft.id)
    for other in there:
        # The same file once more is a second press or a resent form, never meant.
        if (other.kind, other.sha256) == (new.kind, new.sha256):
            raise Refused("file_twice")
    if new.kind not in assignment.kinds:
        raise Refused(f"kind_{new.kind}")
    if len(there) >= MAX_FILES:
        raise Refused("too_many_files", number=MAX_FILES)
    if new.room > room:
        raise Refused("quota_full")
    made = Attachment(
        attempt_id=draft.id,
        position=max((other.position for other in there), default=0) + 1,
        kind=new.kind,
        shown_name=new.shown_name,
        store_key=new.store_key,
        mime=new.mime,
        size=new.size,
        sha256=new.sha256,
        seconds=new.seconds,
        excerpt=new.excerpt,
        made_at=now,
    )
    session.add(made)
    session.flush()
    for picture in new.pictures:
        session.add(
            Rendition(
                attachment_id=made.id,
                purpose=picture.purpose,
                page=picture.page,
                store_key=picture.store_key,
                mime=picture.mime,
                width=picture.width,
                height=picture.height,
                size=picture.size,
            )
        )
    session.flush()
    return made


def remove_file(session: Session, draft: Attempt, attachment_id: str) -> list[str]:
    """Take a file out of a draft; answers with the keys to delete once this is committed.

    A file that is gone already is no mistake: somebody pressed twice.
    """
    for attachment in files_of_attempt(session, draft.id):
        if attachment.id == attachment_id:
            keys = [attachment.store_key, *(made.store_key for made in attachment.renditions)]
            for made in attachment.renditions:
                session.delete(made)
            session.flush()
            session.delete(attachment)
            session.flush()
            return keys
    return []


def move_file(session: Session, draft: Attempt, attachment_id: str, steps: int) -> None:
    """Move a file up (-1) or down (+1) among the files of a draft."""
    there = files_of_attempt(session, draft.id)
    at = next((place for place, each in enumerate(there) if each.id == attachment_id), None)
    if at is None or not 0 <= at + steps < len(there):
        return
    there.insert(at + steps, there.pop(at))
    _number(there)


def delivery_for(session: Session, actor: Person, file_id: str) -> Delivery:
    """A learner gets her own files, a teacher those that were sent; for everybody else there is none."""
    made = session.scalar(select(Rendition).where(Rendition.id == file_id))
    attachment = session.scalar(
        select(Attachment)
        .where(Attachment.id == (made.attachment_id if made else file_id))
        .options(joinedload(Attachment.attempt).joinedload(Attempt.submission))
    )
    if attachment is None or not _may_read(actor, attachment.attempt):
        raise Absent
    if made is not None:
        return Delivery(made.store_key, made.mime, attachment.shown_name, ours=True)
    ours = attachment.kind == "photo"  # what is kept of a photo is our clean copy
    return Delivery(attachment.store_key, attachment.mime, attachment.shown_name, ours=ours)


def _may_read(person: Person, attempt: Attempt) -> bool:
    if person.is_learner and attempt.submission.learner_id == person.id:
        return True
    return "teacher" in person.roles and attempt.sent_at is not None


def _number(attachments: Iterable[Attachment]) -> None:
    for position, attachment in enumerate(attachments, start=1):
        attachment.position = position


WITH_FILES = selectinload(Attempt.attachments).joinedload(Attachment.renditions)
