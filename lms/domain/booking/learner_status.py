"""Open matters of a learner: offers, the waitlist entry, an appointment that the teacher cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, String, and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from lms.domain.booking.queries import with_people
from lms.extensions import UTCDateTime
from lms.models import Booking, BookingState, Person, WaitlistEntry, WaitlistOutcome

# How long after an expired offer the learner is asked to join the waitlist again.
ASK_AGAIN = timedelta(days=7)
# How long an appointment that the teacher cancelled is shown: after the cancellation, and after its start.
CANCELLED_SHOWN = timedelta(days=14)
CANCELLED_SHOWN_PAST = timedelta(days=3)


@dataclass(frozen=True)
class LearnerStatus:
    offers: Sequence[Booking]  # that can be accepted, the next one first
    entry: WaitlistEntry | None  # the active one
    lapsed: WaitlistEntry | None  # ended lately because the learner did not answer an offer in time
    cancelled_by_teacher: Booking | None  # the learner has booked nothing since
    kept: Booking | None  # cancelled just now: the learner can take it back


@dataclass(frozen=True)
class OpenMatters:
    """Offers to answer, a slot to take back, and the first appointment that the teacher cancelled."""

    offers: Sequence[Booking]
    cancelled_by_teacher: Booking | None
    kept: Booking | None


def status_of(session: Session, learner: Person, *, now: datetime) -> LearnerStatus:
    """Return what is open for the learner, in two statements."""
    last = last_entry(session, learner.id)
    active = last if last is not None and last.ended_at is None else None
    matters = open_matters(session, learner, now=now)
    return LearnerStatus(
        offers=matters.offers,
        entry=active,
        lapsed=last if last is not None and _has_lapsed(last, now=now) else None,
        cancelled_by_teacher=matters.cancelled_by_teacher,
        kept=matters.kept,
    )


def open_matters(session: Session, learner: Person, *, now: datetime) -> OpenMatters:
    """Return offers, a kept slot and the first appointment that the teacher cancelled, in one statement."""
    terms = {
        "learner": learner.id,
        "now": now,
        "cancelled_since": now - CANCELLED_SHOWN,
        "starts_since": now - CANCELLED_SHOWN_PAST,
    }
    found = session.scalars(_OPEN, terms).all()
    return OpenMatters(
        [booking for booking in found if booking.is_offer],
        next((booking for booking in found if booking.cancelled_by_teacher), None),
        next((booking for booking in found if booking.is_kept), None),
    )


def last_entry(session: Session, learner_id: str) -> WaitlistEntry | None:
    """Return the active entry, or else the one that ended last; None when there was none."""
    return session.scalars(_LAST_ENTRY, {"learner": learner_id}).first()


def _has_lapsed(entry: WaitlistEntry, *, now: datetime) -> bool:
    return (
        entry.outcome == WaitlistOutcome.LAPSED
        and entry.ended_at is not None
        and entry.ended_at > now - ASK_AGAIN
    )


# Built once, because every start page of a learner runs it.
_LAST_ENTRY = (
    select(WaitlistEntry)
    .where(WaitlistEntry.learner_id == bindparam("learner", type_=String))
    .options(joinedload(WaitlistEntry.teacher).lazyload(Person.role_rows))
    .order_by(WaitlistEntry.ended_at.is_not(None), WaitlistEntry.ended_at.desc(), WaitlistEntry.id)
    .limit(1)
)


def _open() -> Select[Booking]:
    learner, later = bindparam("learner", type_=String), aliased(Booking)
    booked_again = exists().where(
        later.learner_id == learner,
        later.state == BookingState.BOOKED,
        later.booked_at >= Booking.cancelled_at,
    )
    offered = and_(
        Booking.state == BookingState.OFFERED, Booking.expires_at > bindparam("now", type_=UTCDateTime)
    )
    kept = Booking.kept_until > bindparam("now", type_=UTCDateTime)
    lost = and_(
        Booking.cancelled_by_teacher,
        Booking.cancelled_at > bindparam("cancelled_since", type_=UTCDateTime),
        ~booked_again,
    )
    # Limited by `starts` too, which is indexed: an offer always starts in the future.
    starts_recently = Booking.starts > bindparam("starts_since", type_=UTCDateTime)
    return (
        with_people()
        .where(Booking.learner_id == learner, starts_recently, or_(offered, lost, kept))
        .order_by(Booking.starts, Booking.id)
    )


_OPEN = _open()
