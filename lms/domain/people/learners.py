"""Add and change learners: details, level, opened levels, social worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from lms.domain import audit_log, outbox
from lms.domain.errors import Refused
from lms.domain.people import locks
from lms.domain.people.directory import opened_level_ids, social_workers
from lms.models import AuditAction, Level, NoticeKind, OpenedLevel, Person, PersonRole, Role
from lms.refusal_codes import RefusalCode


@dataclass(frozen=True)
class LearnerDetails:
    """Everything that the organisation records about a learner. `opened`: ids of the additional levels."""

    name: str
    level_id: str
    language: str = "fr"
    email: str | None = None
    phone: str | None = None
    social_worker_id: str | None = None
    opened: frozenset[str] = field(default_factory=frozenset)


def add_learner(session: Session, actor: Person, facts: LearnerDetails, *, now: datetime) -> Person:
    """Add a learner; opened levels and social worker are set by `update_learner`.

    Refusals: `level_unknown`.
    """
    level = _level(session, facts.level_id)
    learner = Person(
        name=facts.name,
        level_id=level.id,
        language=facts.language,
        email=facts.email,
        phone=facts.phone,
        created_at=now,
        role_rows=[PersonRole(role=Role.LEARNER)],
    )
    session.add(learner)
    session.flush()
    audit_log.record(
        session, actor, AuditAction.PERSON_MADE, "person", learner.id, detail=level.code, now=now
    )
    return learner


def update_learner(
    session: Session, actor: Person, learner: Person, facts: LearnerDetails, *, now: datetime
) -> None:
    """Change the details of a learner. The audit log names the changed fields, never their values.

    Refusals: `level_unknown`, `social_worker_unknown`.
    """
    _lock_worker(session, facts.social_worker_id)
    changed = [
        name
        for name in ("name", "language", "email", "phone")
        if getattr(learner, name) != getattr(facts, name)
    ]
    for name in changed:
        setattr(learner, name, getattr(facts, name))
    if changed:
        audit_log.record(
            session,
            actor,
            AuditAction.PERSON_CHANGED,
            "person",
            learner.id,
            detail=",".join(changed),
            now=now,
        )
    _move(session, actor, learner, facts.level_id, now=now)
    _assign(session, actor, learner, facts.social_worker_id, now=now)
    _open(session, actor, learner, facts.opened - {facts.level_id}, now=now)


def _move(session: Session, actor: Person, learner: Person, level_id: str, *, now: datetime) -> None:
    if learner.level_id == level_id:
        return
    level = _level(session, level_id)
    before = session.get(Level, learner.level_id) if learner.level_id else None
    learner.level_id = level.id
    outbox.withdraw_notices(session, None, kind=NoticeKind.LEVEL_CHANGED, person_id=learner.id, now=now)
    _tell(session, NoticeKind.LEVEL_CHANGED, learner, level.id, now=now)
    detail = f"{before.code if before else ''}>{level.code}"
    audit_log.record(session, actor, AuditAction.LEVEL_CHANGED, "person", learner.id, detail=detail, now=now)


def _assign(
    session: Session, actor: Person, learner: Person, worker_id: str | None, *, now: datetime
) -> None:
    if learner.social_worker_id == worker_id:
        return
    if worker_id is not None and worker_id not in {worker.id for worker in social_workers(session)}:
        raise Refused(RefusalCode.SOCIAL_WORKER_UNKNOWN)
    learner.social_worker_id = worker_id
    outbox.withdraw_notices(session, learner.id, kind=NoticeKind.LEARNER_ASSIGNED, now=now)
    if worker_id is not None and worker_id != actor.id:
        worker = session.get_one(Person, worker_id)
        _tell(session, NoticeKind.LEARNER_ASSIGNED, worker, learner.id, now=now)
    _record_worker(session, actor, learner.id, worker_id, now=now)


def end_assignments(session: Session, actor: Person, worker: Person, *, now: datetime) -> None:
    """Leave the learners of a person who is no social worker any more without one; nothing for who still is.

    The coordinator finds them in the list of learners.
    """
    if worker.takes_learners:
        return
    session.flush()
    _lock_worker(session, worker.id)
    left = session.scalars(
        update(Person)
        .where(Person.social_worker_id == worker.id)
        .values(social_worker_id=None)
        .returning(Person.id)
    ).all()
    outbox.withdraw_notices(session, None, kind=NoticeKind.LEARNER_ASSIGNED, person_id=worker.id, now=now)
    for learner_id in sorted(left):
        _record_worker(session, actor, learner_id, None, now=now)


def _lock_worker(session: Session, worker_id: str | None) -> None:
    """Lock a social worker: nobody is assigned to a person who is losing the role at this moment.

    Before any row of a learner is changed: assigning and ending take the rows in one order.
    """
    if worker_id is not None:
        locks.lock_people(session, worker_id)


def _record_worker(
    session: Session, actor: Person, learner_id: str, worker_id: str | None, *, now: datetime
) -> None:
    action, detail = AuditAction.SOCIAL_WORKER_CHANGED, worker_id or ""
    audit_log.record(session, actor, action, "person", learner_id, detail=detail, now=now)


def _open(session: Session, actor: Person, learner: Person, wanted: frozenset[str], *, now: datetime) -> None:
    has = opened_level_ids(session, learner)
    for level_id in sorted(wanted - has):
        level = _level(session, level_id)
        session.add(
            OpenedLevel(person_id=learner.id, level_id=level.id, opened_by_id=actor.id, opened_at=now)
        )
        _tell(session, NoticeKind.LEVEL_OPENED, learner, level.id, now=now)
        audit_log.record(
            session, actor, AuditAction.LEVEL_OPENED, "person", learner.id, detail=level.code, now=now
        )
    for level_id in sorted(has - wanted):
        level = _level(session, level_id)
        session.execute(
            delete(OpenedLevel).where(OpenedLevel.person_id == learner.id, OpenedLevel.level_id == level_id)
        )
        outbox.withdraw_notices(
            session, level_id, kind=NoticeKind.LEVEL_OPENED, person_id=learner.id, now=now
        )
        audit_log.record(
            session, actor, AuditAction.LEVEL_CLOSED, "person", learner.id, detail=level.code, now=now
        )


def _tell(session: Session, kind: NoticeKind, person: Person, about_id: str, *, now: datetime) -> None:
    # The same change may happen again later: its second makes it another notice.
    outbox.post_notice(session, kind, person, about_id, sequence=int(now.timestamp()), now=now)


def _level(session: Session, level_id: str) -> Level:
    level = session.scalars(select(Level).where(Level.id == level_id)).one_or_none()
    if level is None:
        raise Refused(RefusalCode.LEVEL_UNKNOWN)
    return level
