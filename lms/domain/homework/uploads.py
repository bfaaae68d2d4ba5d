"""Uploads: files of a draft that arrive piece by piece (ADR 37).

The database is written when an upload begins and when it ends, never for a piece in between. The bytes are
the business of the entry points; here are the rows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from lms.domain.errors import Absent, Refused
from lms.domain.homework import attempts, files
from lms.domain.homework.files import MAX_FILES, ReceivedFile
from lms.domain.people import locks
from lms.models import Attachment, Attempt, FileKind, FileState, Person, Upload
from lms.refusal_codes import RefusalCode

# For a phone that comes back after a week, and for one that never does.
LASTS = timedelta(days=7)
# As receipts of forms: a phone whose last answer was lost asks what became of its upload.
END_KNOWN = timedelta(days=31)
MOST_OPEN = 6
MOST_KEY = 64


@dataclass(frozen=True)
class NewUpload:
    """A file as its client announces it. `length` in bytes; `key`: the client's own."""

    assignment_id: str
    key: str
    kind: str
    shown_name: str
    length: int


@dataclass(frozen=True)
class Allowance:
    """Limits of a learner in bytes: of one file, and of all files together."""

    of_file: int
    of_learner: int


@dataclass(frozen=True)
class UploadFacts:
    """The columns of an upload, for a request that holds no connection while bytes come."""

    id: str
    assignment_id: str
    key: str
    kind: FileKind
    shown_name: str
    length: int
    expires_at: datetime
    attachment_id: str | None
    refused: RefusalCode | None

    @property
    def is_open(self) -> bool:
        return self.attachment_id is None and self.refused is None


_FACTS = tuple(getattr(Upload, name) for name in UploadFacts.__dataclass_fields__)


def begin(
    session: Session,
    learner: Person,
    new: NewUpload,
    upload_id: str,
    *,
    allowance: Allowance,
    idle: Collection[str] = (),
    now: datetime,
) -> UploadFacts:
    """Begin an upload under this id; return the one of the same key when there is one already.

    `idle`: ids of uploads of which nothing has come for long. They make room when too many are open: a phone
    that has lost its queue must not keep its learner waiting for a week.
    Refusals: `already_sent`, `file_empty`, `file_kind`, `file_too_big`, `kind_document`, `kind_photo`,
    `kind_voice`, `no_redo`, `quota_full`, `too_many_files`, `upload_unknown` (it is no homework of the
    learner), `uploads_busy`; and of a known key the one with which its upload ended.
    """
    locks.lock_people(session, learner.id)
    known = session.scalar(select(Upload).where(Upload.person_id == learner.id, Upload.key == new.key))
    if known is not None and known.expires_at > now:
        code = known.refused
        if code is not None and known.attachment_id is None:
            raise Refused(code)
        return _facts(known)
    if known is not None:
        session.delete(known)
        session.flush()
    kind = _check_file(new, allowance)
    try:
        draft, assignment = attempts.open_work(session, learner, new.assignment_id, now=now)
    except Absent:
        raise Refused(RefusalCode.UPLOAD_UNKNOWN) from None
    if kind not in assignment.kinds:
        raise Refused(RefusalCode(f"kind_{kind}"), asked=kind)
    _check_room(session, learner, draft, new, allowance, idle, now=now)
    upload = Upload(
        id=upload_id,
        person_id=learner.id,
        assignment_id=new.assignment_id,
        key=new.key,
        kind=kind,
        shown_name=new.shown_name,
        length=new.length,
        created_at=now,
        expires_at=now + LASTS,
    )
    session.add(upload)
    session.flush()
    return _facts(upload)


def upload_for(session: Session, learner: Person, upload_id: str, *, now: datetime) -> UploadFacts:
    """Return an upload of the learner. Refusals: `upload_expired`, `upload_unknown`."""
    row = session.execute(
        select(*_FACTS).where(Upload.id == upload_id, Upload.person_id == learner.id)
    ).one_or_none()
    if row is None:
        raise Refused(RefusalCode.UPLOAD_UNKNOWN)
    if row.expires_at <= now:
        raise Refused(RefusalCode.UPLOAD_EXPIRED)
    return UploadFacts(*row)


def open_ids(session: Session, learner: Person) -> list[str]:
    """Return the ids of the learner's uploads that have not ended."""
    return list(session.scalars(select(Upload.id).where(Upload.person_id == learner.id, _is_open())))


def finish(
    session: Session, upload_id: str, received_key: str, sha256: str, *, allowance: Allowance, now: datetime
) -> bool:
    """End an upload: all its bytes are in the store of received files. It becomes a file of the draft.

    Returns whether the received file is in use now: not when the upload has ended before or is gone, when the
    draft has the same file already, or when the draft cannot take it. The reason of that is kept in
    `Upload.refused`; if there is a draft, it stands there at a row of the file too.
    """
    found = session.get(Upload, upload_id)
    if found is None:
        return False
    learner = session.get_one(Person, found.person_id)
    locks.lock_people(session, learner.id)
    upload = session.get(Upload, upload_id, populate_existing=True)
    if upload is None or not _facts(upload).is_open:
        return False
    new = ReceivedFile(upload.kind, upload.shown_name, received_key, upload.length, sha256)
    upload.expires_at = now + END_KNOWN
    try:
        draft = attempts.open_draft(session, learner, upload.assignment_id, now=now)
    except (Absent, Refused) as refusal:
        upload.refused = refusal.code if isinstance(refusal, Refused) else RefusalCode.UPLOAD_UNKNOWN
        session.flush()
        return False
    room = allowance.of_learner - files.used_bytes(session, learner)
    try:
        upload.attachment_id = files.receive_file(session, draft, new, room=room, now=now).id
    except Refused as refusal:
        if refusal.code == RefusalCode.FILE_TWICE:
            upload.attachment_id = _same_file(session, draft, sha256).id  # it is there: nothing is lost
        else:
            upload.refused = refusal.code
            upload.attachment_id = _add_refused(session, draft, new, refusal.code, now=now).id
        session.flush()
        return False
    session.flush()
    return True


def abandon(session: Session, learner: Person, upload_id: str) -> None:
    """Forget an upload of the learner. A file that it has become stays in the draft."""
    locks.lock_people(session, learner.id)
    session.execute(delete(Upload).where(Upload.id == upload_id, Upload.person_id == learner.id))


def open_lengths(session: Session) -> dict[str, int]:
    """Return by id the length of each upload that has not ended."""
    rows = session.execute(select(Upload.id, Upload.length).where(_is_open()))
    return {row.id: row.length for row in rows}


def delete_expired(
    session: Session, upload_ids: Collection[str] | None = None, *, now: datetime
) -> list[str]:
    """Delete the uploads whose time is over; return their ids. `upload_ids`: only among these."""
    over = Upload.expires_at <= now
    if upload_ids is not None:
        over = over & Upload.id.in_(upload_ids)
    return list(session.scalars(delete(Upload).where(over).returning(Upload.id)))


def _check_file(new: NewUpload, allowance: Allowance) -> FileKind:
    try:
        kind = FileKind(new.kind)
    except ValueError:
        raise Refused(RefusalCode.FILE_KIND) from None
    if new.length <= 0:
        raise Refused(RefusalCode.FILE_EMPTY, asked=kind)
    if new.length > allowance.of_file:
        raise Refused(RefusalCode.FILE_TOO_BIG, asked=kind)
    return kind


def _check_room(
    session: Session,
    learner: Person,
    draft: Attempt,
    new: NewUpload,
    allowance: Allowance,
    idle: Collection[str],
    *,
    now: datetime,
) -> None:
    """Check the numbers; what is on its way counts as if it were there."""
    coming = [
        upload
        for upload in session.scalars(select(Upload).where(Upload.person_id == learner.id, _is_open()))
        if upload.expires_at > now
    ]
    if len(coming) >= MOST_OPEN:
        for upload in [each for each in coming if each.id in idle]:
            coming.remove(upload)
            session.delete(upload)
        session.flush()
    if len(coming) >= MOST_OPEN:
        raise Refused(RefusalCode.UPLOADS_BUSY)
    same = sum(upload.assignment_id == new.assignment_id for upload in coming)
    if len(files.files_of_attempt(session, draft.id)) + same >= MAX_FILES:
        raise Refused(RefusalCode.TOO_MANY_FILES, number=MAX_FILES)
    used = files.used_bytes(session, learner) + sum(upload.length for upload in coming)
    if used + new.length > allowance.of_learner:
        raise Refused(RefusalCode.QUOTA_FULL)


def _add_refused(
    session: Session, draft: Attempt, new: ReceivedFile, code: RefusalCode, *, now: datetime
) -> Attachment:
    """Add the row of a file that the draft could not take, so that the learner reads why beside its name."""
    attachment = Attachment(
        attempt_id=draft.id,
        position=files.next_position(files.files_of_attempt(session, draft.id)),
        kind=new.kind,
        state=FileState.REFUSED,
        refusal=code,
        shown_name=new.shown_name,
        mime=files.UNKNOWN_MIME,
        size=new.size,
        sha256=new.sha256,
        sent_sha256=new.sha256,
        created_at=now,
    )
    session.add(attachment)
    session.flush()
    return attachment


def _same_file(session: Session, draft: Attempt, sha256: str) -> Attachment:
    existing = files.files_of_attempt(session, draft.id)
    return next(each for each in existing if each.sent_sha256 == sha256 and not each.is_refused)


def _is_open() -> ColumnElement[bool]:
    return Upload.attachment_id.is_(None) & Upload.refused.is_(None)


def _facts(upload: Upload) -> UploadFacts:
    return UploadFacts(*(getattr(upload, name) for name in UploadFacts.__dataclass_fields__))
