"""What is open for a learner beside her appointments: an offer, a wish, an hour that was called off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, String, and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from lms.domain.booking.queries import with_people
from lms.extensions import UTCDateTime
from lms.models import Booking, BookingState, Person, WaitlistEntry, WaitlistOutcome

# How long she is asked whether she still waits after an offer ran out.
ASK_AGAIN = timedelta(days=7)
# How long a called-off hour stays in sight, and how long after the hour itself.
CANCELLED_SHOWN = timedelta(days=14)
CANCELLED_SHOWN_PAST = timedelta(days=3)


@dataclass(frozen=True)
class LearnerStatus:
    offers: Sequence[Booking]  # she can still say yes to them, the next one first
    wish: WaitlistEntry | None  # she waits
    lapsed: WaitlistEntry | None  # she waited, and did not answer in time
    cancelled_by_teacher: Booking | None  # her teacher could not come, and she has no new hour yet


def status_of(session: Session, learner: Person, *, now: datetime) -> LearnerStatus:
    """Two statements, whatever there is."""
    wish = last_entry(session, learner.id)
    living = wish if wish is not None and wish.ended_at is None else None
    offers, cancelled_by_teacher = open_offers_and_cancelled(session, learner, now=now)
    return LearnerStatus(
        offers=offers,
        wish=living,
        lapsed=wish if wish is not None and _has_lapsed(wish, now=now) else None,
        cancelled_by_teacher=cancelled_by_teacher,
    )


def open_offers_and_cancelled(
    session: Session, learner: Person, *, now: datetime
) -> tuple[Sequence[Booking], Booking | None]:
    """The hours that are offered to her, and the first one that was called off: one statement."""
    terms = {
        "learner": learner.id,
        "now": now,
        "cancelled_since": now - CANCELLED_SHOWN,
        "starts_since": now - CANCELLED_SHOWN_PAST,
    }
    found = session.scalars(_OPEN, terms).all()
    lost = [booking for booking in found if booking.is_cancelled]
    return [booking for booking in found if booking.is_offer], lost[0] if lost else None


def last_entry(session: Session, learner_id: str) -> WaitlistEntry | None:
    """The wish that lives, or else the one that ended last."""
    return session.scalars(_LAST_ENTRY, {"learner": learner_id}).first()


def _has_lapsed(wish: WaitlistEntry, *, now: datetime) -> bool:
    return (
        wish.outcome == WaitlistOutcome.LAPSED
        and wish.ended_at is not None
        and wish.ended_at > now - ASK_AGAIN
    )


# Asked on every page of a learner's day: built once.
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
    lost = and_(
        Booking.cancelled_by_teacher,
        Booking.cancelled_at > bindparam("cancelled_since", type_=UTCDateTime),
        ~booked_again,
    )
    # By its start too, which the index knows: an offer lies ahead.
    lately = Booking.starts > bindparam("starts_since", type_=UTCDateTime)
    return (
        with_people()
        .where(Booking.learner_id == learner, lately, or_(offered, lost))
        .order_by(Booking.starts, Booking.id)
    )


_OPEN = _open()
