"""What is open for a learner: the next appointment, offers, the waitlist entry, a cancelled appointment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, ColumnElement, String, and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from lms.domain.booking.queries import IS_UPCOMING, with_people
from lms.domain.booking.slots import HOUR
from lms.extensions import UTCDateTime, read_rows
from lms.models import Booking, BookingState, Mode, Person, Room, WaitlistEntry, WaitlistOutcome

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
class AppointmentFacts:
    """Columns of an appointment or an offer that a card of the start page shows."""

    id: str
    starts: datetime
    teacher: str  # the short name
    room: str | None
    is_video: bool


@dataclass(frozen=True)
class OpenMatters:
    """The next appointment, offers to answer, a slot to take back, the first that the teacher cancelled."""

    appointment: AppointmentFacts | None
    offers: Sequence[AppointmentFacts]
    cancelled_by_teacher: AppointmentFacts | None
    kept: AppointmentFacts | None


def status_of(session: Session, learner: Person, *, now: datetime) -> LearnerStatus:
    """Return what is open for the learner, in two statements."""
    last = last_entry(session, learner.id)
    active = last if last is not None and last.ended_at is None else None
    found = session.scalars(_OPEN, _terms(learner, now=now)).all()
    return LearnerStatus(
        offers=[booking for booking in found if booking.is_offer],
        entry=active,
        lapsed=last if last is not None and _has_lapsed(last, now=now) else None,
        cancelled_by_teacher=next((booking for booking in found if booking.cancelled_by_teacher), None),
        kept=next((booking for booking in found if booking.is_kept), None),
    )


_WAITING = select(WaitlistEntry.id).where(
    WaitlistEntry.learner_id == bindparam("learner", type_=String), WaitlistEntry.ended_at.is_(None)
)


def is_waiting(session: Session, learner_id: str) -> bool:
    """Return whether the learner has an active waitlist entry."""
    return bool(read_rows(session, _WAITING, {"learner": learner_id}))


def open_matters(session: Session, learner: Person, *, now: datetime) -> OpenMatters:
    """Return the next appointment and what else is open, for the start page, in one statement."""
    appointment = cancelled = kept = None
    offers = []
    for state, by_teacher, kept_until, mode, booking_id, starts, teacher, room in read_rows(
        session, _AHEAD, _terms(learner, now=now)
    ):
        found = AppointmentFacts(booking_id, starts, teacher, room, is_video=mode == Mode.VIDEO)
        if state == BookingState.BOOKED:
            appointment = appointment or found
        elif state == BookingState.OFFERED:
            offers.append(found)
        else:
            cancelled = cancelled or (found if by_teacher else None)
            kept = kept or (found if kept_until is not None else None)
    return OpenMatters(appointment, offers, cancelled, kept)


def _terms(learner: Person, *, now: datetime) -> dict[str, object]:
    return {
        "learner": learner.id,
        "now": now,
        "since": now - HOUR,
        "cancelled_since": now - CANCELLED_SHOWN,
        "starts_since": now - CANCELLED_SHOWN_PAST,
    }


def last_entry(session: Session, learner_id: str) -> WaitlistEntry | None:
    """Return the active entry, or else the one that ended last; None when there was none."""
    return session.scalars(_LAST_ENTRY, {"learner": learner_id}).first()


def _has_lapsed(entry: WaitlistEntry, *, now: datetime) -> bool:
    return (
        entry.outcome == WaitlistOutcome.LAPSED
        and entry.ended_at is not None
        and entry.ended_at > now - ASK_AGAIN
    )


# Built once, because every start page of a learner and every list of appointments runs them.
_LAST_ENTRY = (
    select(WaitlistEntry)
    .where(WaitlistEntry.learner_id == bindparam("learner", type_=String))
    .options(joinedload(WaitlistEntry.teacher).lazyload(Person.role_rows))
    .order_by(WaitlistEntry.ended_at.is_not(None), WaitlistEntry.ended_at.desc(), WaitlistEntry.id)
    .limit(1)
)


_LEARNER: BindParameter[str] = bindparam("learner", type_=String)
# Limited by `starts` too, which is indexed: what is open starts in the future or has started lately.
_OWN_RECENT = and_(
    Booking.learner_id == _LEARNER, Booking.starts > bindparam("starts_since", type_=UTCDateTime)
)


def _is_open() -> ColumnElement[bool]:
    later = aliased(Booking)
    booked_again = exists().where(
        later.learner_id == _LEARNER,
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
    return or_(offered, lost, kept)


_OPEN = with_people().where(_OWN_RECENT, _is_open()).order_by(Booking.starts, Booking.id)
_AHEAD = (
    select(
        Booking.state,
        Booking.cancelled_by_teacher,
        Booking.kept_until,
        Booking.mode,
        Booking.id,
        Booking.starts,
        Person.short_name,
        Room.name,
    )
    .join(Person, Person.id == Booking.teacher_id)
    .outerjoin(Room, Room.id == Booking.room_id)
    .where(_OWN_RECENT, or_(IS_UPCOMING, _is_open()))
    .order_by(Booking.starts, Booking.id)
)
