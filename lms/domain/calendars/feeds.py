"""Calendar feeds: the private address under which a calendar reads the appointments of a person."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, contains_eager, lazyload

from lms.domain import audit_log
from lms.domain.booking.queries import with_people
from lms.domain.booking.slots import HOUR
from lms.domain.people import locks
from lms.domain.people.logins import digest
from lms.models import AuditAction, Booking, BookingState, CalendarFeed, Person

# How long past appointments stay in the feed, so that a calendar reads a cancellation before it disappears.
KEPT = timedelta(days=60)
# Calendars read every half hour to once a day; a feed not read for two days counts as unused.
LIVE = timedelta(hours=48)
_NOTE_AFTER = timedelta(minutes=10)


def new_token() -> str:
    """Return a random token of 256 bits: the address is the only protection of the appointments."""
    return secrets.token_urlsafe(32)


def feed_of(session: Session, person: Person) -> CalendarFeed | None:
    """Return the active feed of the person; None when there is none."""
    return session.scalars(
        select(CalendarFeed).where(CalendarFeed.person_id == person.id, CalendarFeed.revoked_at.is_(None))
    ).one_or_none()


def create_feed(session: Session, person: Person, token: str, *, now: datetime) -> CalendarFeed:
    """Create a feed with this token; revoke the previous one."""
    locks.lock_people(session, person.id)
    old = feed_of(session, person)
    if old is not None:
        old.revoked_at = now
        session.flush()  # one active feed for each person
    made = CalendarFeed(person_id=person.id, token_hash=digest(token), created_at=now)
    session.add(made)
    session.flush()
    audit_log.record(session, person, AuditAction.FEED_MADE, "person", person.id, now=now)
    return made


def revoke_feed(session: Session, actor: Person | None, person: Person, *, now: datetime) -> None:
    """Revoke the person's calendar feed, if there is one. `actor` None: the system."""
    locks.lock_people(session, person.id)
    found = feed_of(session, person)
    if found is None:
        return
    found.revoked_at = now
    audit_log.record(session, actor or person, AuditAction.FEED_REVOKED, "person", person.id, now=now)


def feed_by_token(session: Session, token: str) -> CalendarFeed | None:
    """Return the active feed with this token; None when it is unknown, revoked or of a deactivated person."""
    return session.scalars(
        select(CalendarFeed)
        .join(CalendarFeed.person)
        .where(
            CalendarFeed.token_hash == digest(token),
            CalendarFeed.revoked_at.is_(None),
            Person.deactivated_at.is_(None),
        )
        .options(contains_eager(CalendarFeed.person).options(lazyload(Person.role_rows)))
    ).one_or_none()


def feed_bookings(session: Session, person_id: str, *, now: datetime) -> Sequence[Booking]:
    """Return the bookings of the feed: upcoming ones and those of the last two months, cancelled ones too.

    Offers are left out: they are not appointments yet.
    """
    since = now - KEPT
    return session.scalars(
        with_people()
        .where(
            or_(Booking.learner_id == person_id, Booking.teacher_id == person_id),
            # Limited by `starts` too, which is indexed: nothing is cancelled after its start.
            Booking.starts > since - HOUR,
            or_(
                and_(Booking.state == BookingState.BOOKED, Booking.ends > since),
                and_(Booking.state == BookingState.CANCELLED, Booking.cancelled_at > since),
            ),
        )
        .order_by(Booking.starts, Booking.id)
    ).all()


def needs_read_mark(feed: CalendarFeed, *, now: datetime) -> bool:
    """Return whether the last read mark is old enough for a new write."""
    return feed.seen_at is None or now - feed.seen_at >= _NOTE_AFTER


def record_read(session: Session, feed_id: str, *, now: datetime) -> None:
    """Record that a calendar has just read the feed."""
    feed = session.get(CalendarFeed, feed_id)
    if feed is not None and feed.revoked_at is None:
        feed.seen_at = now


def has_active_feed(session: Session, person_id: str, *, now: datetime) -> bool:
    """Return whether a calendar reads this person's appointments: then no invitation is mailed."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    CalendarFeed.person_id == person_id,
                    CalendarFeed.revoked_at.is_(None),
                    CalendarFeed.seen_at > now - LIVE,
                )
            )
        )
    )
