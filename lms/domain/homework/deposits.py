"""Work that a member of the team sends for a learner: on paper, by post, or brought to the desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.errors import Refused
from lms.domain.homework import attempts, files, preparation, worklist
from lms.domain.homework.files import ReceivedFile
from lms.domain.people import locks
from lms.models import (
    Attempt,
    AuditAction,
    Deposit,
    DepositWay,
    HomeworkState,
    Person,
)
from lms.refusal_codes import RefusalCode


@dataclass(frozen=True)
class DepositDraft:
    """A deposit as it is entered. `sent_on`: the day of the work itself; `reason`: why not by the learner."""

    assignment_id: str
    text: str
    reason: str
    sent_on: date
    way: DepositWay


def deposit_work(
    session: Session,
    actor: Person,
    learner: Person,
    draft: DepositDraft,
    received: Sequence[ReceivedFile],
    *,
    room: int,
    now: datetime,
) -> Attempt:
    """Send work for a learner, whose own draft stays a draft.

    `received`: files as they were sent; `room`: the bytes that the learner has left.
    Raises `Absent` when the learner may not see the assignment.
    Refusals: `already_sent`, `no_redo`, `kind_text`, `nothing_to_send`, `file_twice`, `quota_full`,
    `too_many_files`.
    """
    locks.lock_people(session, learner.id)
    found = worklist.learner_assignment_for(session, learner, draft.assignment_id, now=now)
    if not found.may_write:
        raise Refused(RefusalCode.ALREADY_SENT if found.state == HomeworkState.SENT else RefusalCode.NO_REDO)
    if draft.text and "text" not in found.assignment.kinds:
        raise Refused(RefusalCode.KIND_TEXT)
    if not draft.text and not received:
        raise Refused(RefusalCode.NOTHING_TO_SEND)
    submission_id = found.submission_id or attempts.add_submission(
        session, learner, draft.assignment_id, now=now
    )
    attempt = Attempt(
        submission_id=submission_id,
        number=attempts.take_number(session, submission_id),
        text=draft.text,
        created_at=now,
        sent_at=now,
    )
    session.add(attempt)
    session.flush()
    for new in received:
        files.receive_file(session, attempt, new, room=room, now=now)
        room -= new.size
    session.add(
        Deposit(
            attempt_id=attempt.id,
            actor_id=actor.id,
            reason=draft.reason,
            sent_on=draft.sent_on,
            way=draft.way,
        )
    )
    preparation.queue_attempt(session, attempt, now=now)
    audit_log.record(session, actor, AuditAction.WORK_DEPOSITED, "person", learner.id, now=now)
    return attempt
