"""Received files: a worker checks and cleans each; then it is ready or refused (ADR 26).

The row of the work is written in the transaction that adds the file. A worker claims it with a lease, works
with no transaction open, and ends it; the first one to end it wins. A periodic job finds what a killed
process left behind. An attempt that was sent goes to the team in the transaction that ends its last file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, CompoundSelect, exists, func, or_, select, union_all, update
from sqlalchemy.orm import Session

from lms.domain import outbox
from lms.domain.errors import Refused
from lms.domain.homework import queue
from lms.domain.homework.files import (
    StoredFile,
    check_stored,
    files_of_attempt,
    lock_attempt,
    set_ready,
)
from lms.domain.people import locks
from lms.models import (
    Assignment,
    Attachment,
    Attempt,
    Deposit,
    FileJob,
    FileKind,
    FileState,
    InboundPart,
    Notice,
    NoticeKind,
    Person,
    Submission,
)
from lms.refusal_codes import RefusalCode

# Longer than a file may take; short, because a worker that comes late finds no row any more.
LEASE = timedelta(minutes=1)
# The work on the file ended the process so often: there is something wrong with the file.
MOST_CLAIMS = 5
_PAUSE = timedelta(minutes=1)
# The worker looks every minute: a file that has waited for so long means that no worker runs.
LATE = timedelta(minutes=15)


@dataclass(frozen=True)
class ClaimedFile:
    """A received file for a worker. `claims`: how often a worker has begun, this time included."""

    attachment_id: str
    received_key: str
    sha256: str
    shown_name: str
    claims: int


def due_files(session: Session, limit: int = 20, *, now: datetime) -> list[str]:
    """Return the ids of the received files that no worker has claimed, the oldest first."""
    return list(
        session.scalars(
            select(FileJob.attachment_id)
            .join(Attachment, Attachment.id == FileJob.attachment_id)
            .where(_is_free(now=now))
            .order_by(FileJob.created_at, Attachment.position, Attachment.id)
            .limit(limit)
        )
    )


def claim_file(session: Session, attachment_id: str, *, now: datetime) -> ClaimedFile | None:
    """Claim a received file for the length of a lease; None when it is claimed or ended already."""
    claimed = session.execute(
        update(FileJob)
        .where(FileJob.attachment_id == attachment_id, _is_free(now=now))
        .values(claimed_until=now + LEASE, claims=FileJob.claims + 1)
        .returning(FileJob.received_key, FileJob.claims)
    ).one_or_none()
    if claimed is None:
        return None
    attachment = session.get_one(Attachment, attachment_id)
    return ClaimedFile(
        attachment_id, claimed.received_key, attachment.sha256, attachment.shown_name, claimed.claims
    )


def finish_file(session: Session, claimed: ClaimedFile, new: StoredFile, *, now: datetime) -> bool:
    """End the work on a file: it is ready, or refused as a file of another kind or a second time the same.

    Returns whether the stored file is in use now: not when it is refused, or when the received file was
    removed or ended meanwhile.
    """
    attempt = _take_job(session, claimed)
    if attempt is None:
        return False
    existing = files_of_attempt(session, attempt.id)
    (attachment,) = (each for each in existing if each.id == claimed.attachment_id)
    try:
        check_stored(existing, _assignment_of(session, attempt), new)
    except Refused as refusal:
        _refuse(session, attempt, attachment, refusal.code, new.kind, now=now)
    else:
        set_ready(session, attachment, new)
    _end_attempt(session, attempt, now=now)
    return attachment.is_ready


def refuse_file(
    session: Session, claimed: ClaimedFile, code: RefusalCode, kind: str | None, *, now: datetime
) -> None:
    """End the work on a file that cannot be accepted. `kind`: what it is, None where that does not show.

    Does nothing when the file was removed or ended meanwhile.
    """
    attempt = _take_job(session, claimed)
    if attempt is None:
        return
    attachment = session.get_one(Attachment, claimed.attachment_id, populate_existing=True)
    _refuse(session, attempt, attachment, code, kind, now=now)
    _end_attempt(session, attempt, now=now)


def postpone_file(session: Session, claimed: ClaimedFile, *, now: datetime) -> None:
    """Try again in a minute, however often: the file is not to blame."""
    session.execute(
        update(FileJob)
        .where(FileJob.received_key == claimed.received_key)
        .values(claimed_until=now + _PAUSE, claims=0)
    )


def list_waiting(session: Session) -> dict[str, tuple[int, str]]:
    """Return by key the size and the SHA-256 of the received files that wait for a worker, or in a mail."""
    rows: CompoundSelect[str | None, int, str] = union_all(
        select(FileJob.received_key, Attachment.size, Attachment.sha256).join(
            Attachment, Attachment.id == FileJob.attachment_id
        ),
        select(InboundPart.received_key, InboundPart.size, InboundPart.sha256).where(
            InboundPart.received_key.is_not(None)
        ),
    )
    return {key: (size, sha256) for key, size, sha256 in session.execute(rows) if key is not None}


def oldest_waiting(session: Session, *, now: datetime) -> timedelta | None:
    """Return how long the oldest received file has waited; None when none waits."""
    first = session.scalar(select(func.min(FileJob.created_at)))
    return None if first is None else now - first


def queue_attempt(session: Session, attempt: Attempt, *, now: datetime) -> None:
    """Show a sent attempt to the team, unless one of its files is still to be prepared."""
    if attempt.queued_at is None and not _waits(session, attempt):
        queue.add_attempt(session, attempt, now=now)
    session.flush()


def _waits(session: Session, attempt: Attempt) -> bool:
    waiting = exists().where(Attachment.attempt_id == attempt.id, Attachment.state == FileState.RECEIVED)
    return bool(session.scalar(select(waiting)))


def _end_attempt(session: Session, attempt: Attempt, *, now: datetime) -> None:
    """Go on with a sent attempt once the last of its files has ended; an empty one returns to the draft."""
    if attempt.sent_at is None or attempt.queued_at is not None or _waits(session, attempt):
        return
    if attempt.text or any(each.is_ready for each in files_of_attempt(session, attempt.id)):
        # As in `open_work`: of two attempts that end together the second sees the first.
        locks.lock_people(session, session.get_one(Submission, attempt.submission_id).learner_id)
        queue.add_attempt(session, attempt, now=now)
    elif session.get(Deposit, attempt.id) is not None:
        queue.add_attempt(session, attempt, now=now)  # it has no draft to go back to: the team sees why
    else:
        attempt.sent_at = None
    session.flush()


def _refuse(
    session: Session,
    attempt: Attempt,
    attachment: Attachment,
    code: RefusalCode,
    kind: str | None,
    *,
    now: datetime,
) -> None:
    """Refuse a file; the learner who has sent it already gets a notice."""
    attachment.state, attachment.refusal = FileState.REFUSED, code
    attachment.kind = FileKind(kind) if kind else attachment.kind
    session.flush()
    if attempt.sent_at is not None:
        notify_refused_file(session, attempt, now=now)


def notify_refused_file(session: Session, attempt: Attempt, *, now: datetime) -> None:
    """Show the learner on the start page that a file of this attempt could not be used.

    Several files of one attempt are one notice, until it is seen.
    """
    posted = session.scalars(
        select(Notice).where(Notice.about_id == attempt.id, Notice.kind == NoticeKind.FILE_REFUSED)
    ).all()
    if any(notice.seen_at is None and notice.expires_at is None for notice in posted):
        return
    learner_id = session.scalars(
        select(Submission.learner_id).where(Submission.id == attempt.submission_id)
    ).one()
    outbox.post_notice(
        session,
        NoticeKind.FILE_REFUSED,
        session.get_one(Person, learner_id),
        attempt.id,
        sequence=len(posted),
        now=now,
    )


def _take_job(session: Session, claimed: ClaimedFile) -> Attempt | None:
    """Delete the row of the work and return the locked attempt; None when the row has gone.

    Compared by the key: meanwhile the learner may have put another file in the place of a refused one.
    """
    attempt_id = session.scalar(select(Attachment.attempt_id).where(Attachment.id == claimed.attachment_id))
    if attempt_id is None:
        return None
    attempt = lock_attempt(session, attempt_id)
    job = session.scalar(select(FileJob).where(FileJob.received_key == claimed.received_key))
    if job is None:
        return None
    session.delete(job)
    session.flush()
    return attempt


def _assignment_of(session: Session, attempt: Attempt) -> Assignment:
    return session.scalars(
        select(Assignment)
        .join(Submission, Submission.assignment_id == Assignment.id)
        .where(Submission.id == attempt.submission_id)
    ).one()


def _is_free(*, now: datetime) -> ColumnElement[bool]:
    return or_(FileJob.claimed_until.is_(None), FileJob.claimed_until <= now)
