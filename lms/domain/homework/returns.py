"""Returns of feedback: from when the learner sees them, the undo until then, what the learner says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Exists, String, bindparam, delete, exists, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, aliased

from lms.domain import audit_log, outbox
from lms.domain.errors import Absent, Refused
from lms.domain.homework import queue
from lms.extensions import UTCDateTime, read_rows
from lms.models import (
    Attempt,
    AuditAction,
    Feedback,
    FeedbackVoice,
    Notice,
    NoticeKind,
    OutboxItem,
    Person,
    ReturnedBody,
    ReturnedFeedback,
    Submission,
)
from lms.normal_forms import split_name
from lms.refusal_codes import RefusalCode

# How long a return can be taken back; until then it is not final and the learner sees nothing of it (ADR 41).
UNDOABLE = timedelta(seconds=30)
MAIL = "feedback_returned"

_NOW = bindparam("now", type_=UTCDateTime)
# The number of the last return of a feedback that is final; None before there is one.
LAST_FINAL = (
    select(func.max(ReturnedFeedback.number))
    .where(ReturnedFeedback.feedback_id == Feedback.id, ReturnedFeedback.final_at <= _NOW)
    .correlate(Feedback)
    .scalar_subquery()
)


@dataclass(frozen=True)
class UndoableReturn:
    """A return that its teacher can still take back, for so many `seconds`."""

    id: str
    attempt_id: str
    learner: str
    seconds: int


def only_final(returned: Iterable[ReturnedFeedback], *, now: datetime) -> list[ReturnedFeedback]:
    """Return the returns that the learner may see."""
    return [each for each in returned if each.final_at <= now]


def list_undoable(session: Session, teacher: Person, *, now: datetime) -> list[UndoableReturn]:
    """Return what the teacher can still take back, the newest first; one statement."""
    rows = read_rows(session, _UNDOABLE, {"me": teacher.id, "now": now, "since": now - UNDOABLE})
    return [
        UndoableReturn(returned_id, attempt_id, split_name(name)[0], int((final - now).total_seconds()))
        for returned_id, attempt_id, name, final in rows
    ]


# Built once, because the list of what is to be corrected runs it.
_UNDOABLE = (
    select(ReturnedFeedback.id, Feedback.attempt_id, Person.name, ReturnedFeedback.final_at)
    .join(Feedback, Feedback.id == ReturnedFeedback.feedback_id)
    .join(Attempt, Attempt.id == Feedback.attempt_id)
    .join(Submission, Submission.id == Attempt.submission_id)
    .join(Person, Person.id == Submission.learner_id)
    .where(
        ReturnedFeedback.teacher_id == bindparam("me", type_=String),
        ReturnedFeedback.final_at > _NOW,
        ReturnedFeedback.returned_at > bindparam("since", type_=UTCDateTime),  # has an index
        ReturnedFeedback.number == Feedback.returns,
    )
    .order_by(ReturnedFeedback.returned_at.desc(), ReturnedFeedback.id)
)


def write_return(
    session: Session,
    feedback: Feedback,
    teacher: Person,
    body: ReturnedBody,
    voice: FeedbackVoice | None,
    *,
    redo: bool,
    now: datetime,
) -> ReturnedFeedback:
    """Write the row of a return: the words, voice, bands and marks of this moment."""
    returned = ReturnedFeedback(
        feedback_id=feedback.id,
        number=feedback.returns,
        returned_at=now,
        final_at=now + UNDOABLE,
        reopened_at=feedback.reopened_at,
        teacher_id=teacher.id,
        comment=feedback.comment,
        next_step=feedback.next_step,
        redo=redo,
        voice_id=voice.id if voice else None,
        body=body,
    )
    session.add(returned)
    session.flush()
    return returned


def undo_return(
    session: Session, attempt: Attempt, teacher: Person, returned_id: str, *, now: datetime
) -> bool:
    """Take a return back: its row and its message go, the draft waits in the queue again as it was.

    The database lets no final row go. Returns False when it was taken back already: a second press.
    Raises `Absent` when a colleague returned it.
    Refusals: `undo_too_late`, also once it was returned again.
    """
    # As for every change of a feedback: two presses and a colleague's return go one after the other.
    session.execute(select(Attempt.id).where(Attempt.id == attempt.id).with_for_update(key_share=True))
    found = session.execute(
        select(ReturnedFeedback, Feedback)
        .join(Feedback, Feedback.id == ReturnedFeedback.feedback_id)
        .where(ReturnedFeedback.id == returned_id, Feedback.attempt_id == attempt.id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        return False
    returned, feedback = found
    if returned.teacher_id != teacher.id:
        raise Absent
    if (
        returned.final_at <= now
        or returned.number != feedback.returns
        or _is_on_its_way(session, returned_id)
    ):
        raise Refused(RefusalCode.UNDO_TOO_LATE)
    session.execute(delete(OutboxItem).where(OutboxItem.about_id == returned_id, OutboxItem.kind == MAIL))
    session.execute(
        delete(Notice).where(Notice.about_id == returned_id, Notice.kind == NoticeKind.FEEDBACK_RETURNED)
    )
    try:
        session.execute(delete(ReturnedFeedback).where(ReturnedFeedback.id == returned_id))
    except DBAPIError:  # the clock of the database has the last word
        raise Refused(RefusalCode.UNDO_TOO_LATE) from None
    feedback.returns -= 1
    # What was completed and returned at once had not been open before.
    feedback.reopened_at = (returned.reopened_at or now) if feedback.returns else None
    _restore_redo(session, attempt, feedback)
    session.flush()
    queue.remove_attempt(session, attempt)  # a colleague may have opened it again since
    queue.put_back(session, attempt)
    audit_log.record(session, teacher, AuditAction.RETURN_UNDONE, "feedback", returned_id, now=now)
    return True


def record_understanding(
    session: Session, learner: Person, returned_id: str, understood: bool, *, now: datetime
) -> None:
    """Record whether the learner has understood a return, which is seen with that; the last word counts.

    Raises `Absent` when it is no final return of feedback to the learner.
    """
    found = session.execute(
        update(ReturnedFeedback)
        .where(
            ReturnedFeedback.id == returned_id,
            ReturnedFeedback.final_at <= now,
            _is_to(learner),
        )
        .values(
            understood=understood,
            understood_at=now,
            seen_at=func.coalesce(ReturnedFeedback.seen_at, bindparam("seen", now, UTCDateTime)),
        )
        .execution_options(synchronize_session=False)
    )
    if not found.rowcount:  # type: ignore[attr-defined]
        raise Absent
    outbox.mark_notices_seen(session, Notice.about_id == returned_id, now=now)


def record_seen(session: Session, submission_id: str, *, now: datetime) -> None:
    """Record that the learner has read what was returned for a submission and is final."""
    read = session.scalars(
        update(ReturnedFeedback)
        .where(
            ReturnedFeedback.seen_at.is_(None),
            ReturnedFeedback.final_at <= now,
            exists().where(
                Feedback.id == ReturnedFeedback.feedback_id,
                Attempt.id == Feedback.attempt_id,
                Attempt.submission_id == submission_id,
            ),
        )
        .values(seen_at=now)
        .returning(ReturnedFeedback.id)
        .execution_options(synchronize_session=False)
    ).all()
    if read:
        outbox.mark_notices_seen(session, Notice.about_id.in_(read), now=now)


def _is_to(learner: Person) -> Exists:
    """Return the condition that a return is to work of the learner."""
    return exists().where(
        Feedback.id == ReturnedFeedback.feedback_id,
        Attempt.id == Feedback.attempt_id,
        Submission.id == Attempt.submission_id,
        Submission.learner_id == learner.id,
    )


def _is_on_its_way(session: Session, returned_id: str) -> bool:
    """Return whether a worker has taken its message, or the learner has seen it; locks the message."""
    item = session.scalar(
        select(OutboxItem)
        .where(OutboxItem.about_id == returned_id, OutboxItem.kind == MAIL)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return item is not None and (item.attempts > 0 or item.closed_at is not None)


def _restore_redo(session: Session, attempt: Attempt, feedback: Feedback) -> None:
    """Let the submission ask for another attempt again, or not, as its last return but this one did."""
    if has_later_attempt(session, attempt):
        return
    before = session.scalar(
        select(ReturnedFeedback).where(
            ReturnedFeedback.feedback_id == feedback.id, ReturnedFeedback.number == feedback.returns
        )
    )
    attempt.submission.redo_since = before.returned_at if before and before.redo else None


def has_later_attempt(session: Session, attempt: Attempt) -> bool:
    """Return whether the team has seen a later attempt of the same homework."""
    later = aliased(Attempt)
    asked = exists().where(
        later.submission_id == attempt.submission_id,
        later.number > attempt.number,
        later.queued_at.is_not(None),
    )
    return bool(session.scalar(select(asked)))
