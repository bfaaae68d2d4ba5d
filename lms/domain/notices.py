"""Notices: what others changed for a person stays on the start page until the person has seen it (ADR 29).

`outbox` posts and withdraws them, in the transaction of the event.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, String, and_, bindparam, delete, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, joinedload, lazyload

from lms.domain import outbox
from lms.domain.errors import Absent
from lms.extensions import UTCDateTime, read_rows
from lms.models import (
    Assignment,
    Attempt,
    Booking,
    Feedback,
    Lesson,
    Level,
    Notice,
    NoticeKind,
    Person,
    ReturnedFeedback,
    Submission,
)

# More unseen notices than these are counted, and shown once the newer ones are seen.
MOST_LISTED = 30
# How long notices are kept: the seen ones and those that make no sense any more; all of them.
SEEN_KEPT = timedelta(days=90)
KEPT = timedelta(days=365)

_REMINDERS = (NoticeKind.BOOKING_REMINDER, NoticeKind.BOOKING_SOON)
_ABOUT_APPOINTMENTS = {
    *_REMINDERS,
    NoticeKind.BOOKING_MADE,
    NoticeKind.BOOKING_MOVED,
    NoticeKind.BOOKING_CANCELLED,
    NoticeKind.BOOKING_OFFER,
    NoticeKind.BOOKING_RETIMED,
    NoticeKind.OFFER_WITHDRAWN,
}


@dataclass(frozen=True)
class NoticeDetails:
    """A notice with what it is about; None where it is about something else."""

    notice: Notice
    booking: Booking | None
    feedback: ReturnedFeedback | None = None
    submission: Submission | None = None
    lesson_title: str | None = None
    level: Level | None = None
    person: Person | None = None

    @property
    def kind(self) -> NoticeKind:
        return self.notice.kind

    def is_over(self, *, now: datetime) -> bool:
        """Return whether the notice is no longer true or useful."""
        return self.notice.expires_at is not None and self.notice.expires_at <= now


def unseen_notices(session: Session, person: Person, *, now: datetime) -> list[NoticeDetails]:
    """Return what the person has not seen yet: one statement when there is nothing, else two.

    What changed about coming appointments is first, the nearest at the top; then the rest, the newest first.
    A reminder is left out while something else about the same appointment is unseen: that says the hour too.
    """
    values = {"me": person.id, "now": now}
    kinds = {kind for (kind,) in read_rows(session, _UNSEEN_KINDS, values)}
    if not kinds:
        return []
    # What notices may be about is a wide question; most are about appointments.
    if kinds <= _ABOUT_APPOINTMENTS:
        rows = session.execute(_UNSEEN_ABOUT_APPOINTMENTS, values)
        found = [NoticeDetails(notice, booking) for notice, booking in rows]
    else:
        found = _load(session, _UNSEEN, values)
    changed = {each.notice.about_id for each in found if each.kind not in _REMINDERS}
    shown = [each for each in found if each.kind not in _REMINDERS or each.notice.about_id not in changed]
    coming = [(each.booking.starts, each) for each in shown if each.booking and each.booking.starts > now]
    coming.sort(key=lambda pair: pair[0])
    first = [each for _, each in coming]
    return first + [each for each in shown if each not in first]


def seen_notices(session: Session, person: Person, limit: int = MOST_LISTED) -> list[NoticeDetails]:
    """Return what the person has seen, the latest first, in one statement."""
    query = _with_details().where(Notice.person_id == person.id, Notice.seen_at.is_not(None))
    return _load(session, query.order_by(Notice.seen_at.desc(), Notice.due_at.desc(), Notice.id).limit(limit))


def notice_for(session: Session, actor: Person, notice_id: str) -> NoticeDetails:
    """Return a notice of the actor. Raises `Absent` when it is not one of the actor."""
    query = _with_details().where(Notice.id == notice_id, Notice.person_id == actor.id)
    found = _load(session, query)
    if not found:
        raise Absent
    return found[0]


def mark_seen(session: Session, actor: Person, notice_ids: Collection[str], *, now: datetime) -> None:
    """Record that the actor has seen these notices, and the reminders of the same appointments.

    Only what the page has shown: a newer notice about the same appointment stays. Ids of other people's
    notices have no effect.
    """
    shown, other = aliased(Notice), Notice
    of_the_same = exists().where(
        shown.id.in_(notice_ids), shown.person_id == actor.id, shown.about_id == other.about_id
    )
    which = and_(
        other.person_id == actor.id,
        or_(other.id.in_(notice_ids), and_(other.kind.in_(_REMINDERS), of_the_same)),
    )
    outbox.mark_notices_seen(session, which, now=now)


def delete_old_notices(session: Session, *, now: datetime) -> None:
    """Delete notices that were seen or made no sense any more long ago, and all after a year."""
    session.execute(
        delete(Notice).where(
            or_(
                Notice.seen_at < now - SEEN_KEPT,
                Notice.expires_at < now - SEEN_KEPT,
                Notice.due_at < now - KEPT,
            )
        )
    )


def count_unseen(session: Session, person: Person, *, now: datetime) -> int:
    """Return how many notices the start page shows, at most `MOST_LISTED`."""
    return len(unseen_notices(session, person, now=now))


def _load(
    session: Session,
    query: Select[Notice, Booking, ReturnedFeedback, Submission, str, Level, Person],
    values: Mapping[str, Any] | None = None,
) -> list[NoticeDetails]:
    return [NoticeDetails(*row) for row in session.execute(query, values or {})]


def _with_details() -> Select[Notice, Booking, ReturnedFeedback, Submission, str, Level, Person]:
    """Select notices with what they may be about: each is found by its primary key, or is none."""
    return (
        select(Notice, Booking, ReturnedFeedback, Submission, Lesson.title, Level, Person)
        .outerjoin(Booking, Booking.id == Notice.about_id)
        .outerjoin(ReturnedFeedback, ReturnedFeedback.id == Notice.about_id)
        .outerjoin(Feedback, Feedback.id == ReturnedFeedback.feedback_id)
        .outerjoin(Attempt, Attempt.id == func.coalesce(Feedback.attempt_id, Notice.about_id))
        .outerjoin(Submission, Submission.id == Attempt.submission_id)
        .outerjoin(Assignment, Assignment.id == Submission.assignment_id)
        .outerjoin(Lesson, Lesson.id == Assignment.lesson_id)
        .outerjoin(Level, Level.id == Notice.about_id)
        .outerjoin(Person, Person.id == Notice.about_id)
        .options(
            *_APPOINTMENT_DETAILS,
            joinedload(ReturnedFeedback.teacher).lazyload(Person.role_rows),
            lazyload(Person.role_rows),
        )
    )


_APPOINTMENT_DETAILS = (
    joinedload(Booking.teacher).lazyload(Person.role_rows),
    joinedload(Booking.learner).lazyload(Person.role_rows),
    joinedload(Booking.room),
)


# Built once, because every visit of a start page runs them.
_UNSEEN_NOW = (
    Notice.person_id == bindparam("me", type_=String),
    Notice.seen_at.is_(None),
    Notice.due_at <= bindparam("now", type_=UTCDateTime),
    or_(Notice.expires_at.is_(None), Notice.expires_at > bindparam("now", type_=UTCDateTime)),
)
_UNSEEN_KINDS = select(Notice.kind).where(*_UNSEEN_NOW).distinct()
_NEWEST = (Notice.due_at.desc(), Notice.id)
_UNSEEN = _with_details().where(*_UNSEEN_NOW).order_by(*_NEWEST).limit(MOST_LISTED)
_UNSEEN_ABOUT_APPOINTMENTS = (
    select(Notice, Booking)
    .outerjoin(Booking, Booking.id == Notice.about_id)
    .options(*_APPOINTMENT_DETAILS)
    .where(*_UNSEEN_NOW)
    .order_by(*_NEWEST)
    .limit(MOST_LISTED)
)
