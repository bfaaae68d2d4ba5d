"""The mail of Monday morning to each teacher: what waits, and who needs attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain import outbox
from lms.domain.homework import alerts, inbox_tray, queue
from lms.domain.homework.alerts import Alert
from lms.domain.homework.queue import WaitingAttempt
from lms.domain.people.directory import has_role
from lms.models import Person, QueuedAttempt, Role

KIND = "teacher_digest"
# A copy that waits longer says so.
LONG = timedelta(days=7)
# A worker that was down at seven sends it until noon.
_FIRST_HOUR, _LAST_HOUR = 7, 12


@dataclass(frozen=True)
class Digest:
    """Copies that wait, those for longer than `LONG`, the oldest one, mails in the tray, learners."""

    waiting: int
    long_waiting: int
    oldest: WaitingAttempt | None
    mails: int
    alerts: Sequence[Alert]

    @property
    def is_empty(self) -> bool:
        return not (self.waiting or self.mails or self.alerts)


def read_digest(session: Session, *, has_inbox: bool, now: datetime) -> Digest:
    """Return what waits now; the same for all teachers, who share the queue."""
    waiting = select(func.count()).select_from(QueuedAttempt)
    oldest = queue.list_queue(session, limit=1)
    return Digest(
        waiting=session.scalar(waiting) or 0,
        long_waiting=session.scalar(waiting.where(QueuedAttempt.since < now - LONG)) or 0,
        oldest=oldest[0] if oldest else None,
        mails=inbox_tray.count_waiting(session) if has_inbox else 0,
        alerts=alerts.learner_alerts(session, now=now),
    )


def due_week(*, now: datetime, zone: ZoneInfo) -> str | None:
    """Return the week of which the digest is due, such as "2026-W48"; None at any other time."""
    local = now.astimezone(zone)
    if local.isoweekday() != 1 or not _FIRST_HOUR <= local.hour < _LAST_HOUR:
        return None
    year, week, _day = local.isocalendar()
    return f"{year}-W{week:02}"


def post_digests(session: Session, *, has_inbox: bool, now: datetime, zone: ZoneInfo) -> int:
    """Post the digest of this week to each teacher who wants it, when it is due and something waits.

    Once a week, however often it is called. Returns how many teachers get it.
    """
    week = due_week(now=now, zone=zone)
    if week is None or read_digest(session, has_inbox=has_inbox, now=now).is_empty:
        return 0
    teachers = session.scalars(
        select(Person)
        .where(has_role(Role.TEACHER), Person.deactivated_at.is_(None), Person.weekly_digest)
        .order_by(Person.id)
    ).all()
    day = now + timedelta(days=1)
    for teacher in teachers:
        outbox.post(session, KIND, teacher, week, expires_at=day, shown_until=day, now=now)
    return len(teachers)
