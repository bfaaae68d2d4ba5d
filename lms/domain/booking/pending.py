"""What is open for a learner beside her appointments: an offer, a wish, an hour that was called off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from lms.domain.booking.finders import with_people
from lms.models import Booking, Person, WaitlistEntry

# How long she is asked whether she still waits after an offer ran out.
ASK_AGAIN = timedelta(days=7)
# How long a called-off hour stays in sight, and how long after the hour itself.
CALLED_OFF = timedelta(days=14)
CALLED_OFF_PAST = timedelta(days=3)


@dataclass(frozen=True)
class Pending:
    offers: Sequence[Booking]  # she can still say yes to them, the next one first
    wish: WaitlistEntry | None  # she waits
    lapsed: WaitlistEntry | None  # she waited, and did not answer in time
    called_off: Booking | None  # her teacher could not come, and she has no new hour yet


def of(session: Session, learner: Person, now: datetime) -> Pending:
    """Two statements, whatever there is."""
    wish = last_wish(session, learner.id)
    living = wish if wish is not None and wish.ended_at is None else None
    found = session.scalars(_open_for(learner, now)).all()
    lost = [booking for booking in found if booking.state == "cancelled"]
    return Pending(
        offers=[booking for booking in found if booking.state == "offered"],
        wish=living,
        lapsed=wish if wish is not None and _ran_out(wish, now) else None,
        called_off=lost[0] if lost else None,
    )


def last_wish(session: Session, learner_id: str) -> WaitlistEntry | None:
    """The wish that lives, or else the one that ended last."""
    return session.scalars(
        select(WaitlistEntry)
        .where(WaitlistEntry.learner_id == learner_id)
        .options(joinedload(WaitlistEntry.teacher).lazyload(Person.role_rows))
        .order_by(WaitlistEntry.ended_at.is_not(None), WaitlistEntry.ended_at.desc(), WaitlistEntry.id)
        .limit(1)
    ).first()


def _ran_out(wish: WaitlistEntry, now: datetime) -> bool:
    return wish.outcome == "lapsed" and wish.ended_at is not None and wish.ended_at > now - ASK_AGAIN


def _open_for(learner: Person, now: datetime) -> Select[Booking]:
    later = aliased(Booking)
    booked_again = exists().where(
        later.learner_id == learner.id, later.state == "booked", later.booked_at >= Booking.cancelled_at
    )
    offered = and_(Booking.state == "offered", Booking.expires_at > now)
    lost = and_(
        Booking.called_off,
        Booking.cancelled_at > now - CALLED_OFF,
        ~booked_again,
    )
    return (
        with_people()
        # By its start too, which the index knows: an offer lies ahead.
        .where(Booking.learner_id == learner.id, Booking.starts > now - CALLED_OFF_PAST, or_(offered, lost))
        .order_by(Booking.starts, Booking.id)
    )
