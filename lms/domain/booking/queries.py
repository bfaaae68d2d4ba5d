"""Appointments, found through the person who asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Integer, Select, String, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session, joinedload, lazyload

from lms.domain.booking.slots import HOUR, cells
from lms.domain.errors import Absent, Refused
from lms.domain.people import directory
from lms.extensions import UTCDateTime
from lms.models import HOLDING, Booking, BookingState, Claim, Organisation, Person, Role
from lms.refusal_codes import RefusalCode

# When the video room opens before the hour, and how long it stays open after it.
ROOM_OPEN = timedelta(minutes=15)


def with_people() -> Select[Booking]:
    """One statement: the names are joined, nobody's roles are asked."""
    return select(Booking).options(
        joinedload(Booking.teacher).lazyload(Person.role_rows),
        joinedload(Booking.learner).options(lazyload(Person.role_rows), joinedload(Person.level)),
        joinedload(Booking.room),
    )


def _appointments() -> Select[Booking]:
    """An hour that was only offered is no appointment: `waitlist.offer_for` finds it."""
    return with_people().where(Booking.state.in_((BookingState.BOOKED, BookingState.CANCELLED)))


def booking_for(session: Session, actor: Person, booking_id: str) -> Booking:
    """Return the appointment with its people and its room. Raises Absent for others than these.

    A learner sees her own; teachers and the coordinator see all; a social worker those of her people.
    """
    booking = session.scalar(_appointments().where(Booking.id == booking_id))
    if booking is None or not (
        actor.id in (booking.learner_id, booking.teacher_id)
        or actor.roles & {Role.TEACHER, Role.COORDINATOR}
        or (Role.SOCIAL_WORKER in actor.roles and booking.learner.social_worker_id == actor.id)
    ):
        raise Absent
    return booking


def own_appointment_for(session: Session, actor: Person, booking_id: str) -> Booking:
    """The appointment whose door this person may open: its learner's and its teacher's, nobody else's."""
    booking = session.scalar(
        _appointments().where(
            Booking.id == booking_id, or_(Booking.learner_id == actor.id, Booking.teacher_id == actor.id)
        )
    )
    if booking is None:
        raise Absent
    return booking


def bookable_learner(session: Session, actor: Person, learner_id: str) -> Person:
    """The learner for whom this person may book: herself, or one whom this member of the team knows."""
    learner = actor if actor.id == learner_id else directory.learner_for(session, actor, learner_id)
    if not learner.is_learner or not learner.is_active:
        raise Absent
    return learner


# What lies before a person, as learner or as teacher, the hour that runs included. Built once.
_UPCOMING = (
    with_people()
    .where(
        Booking.state == BookingState.BOOKED,
        # By its start too, which the index knows: an hour ago.
        Booking.starts > bindparam("since", type_=UTCDateTime),
        Booking.ends > bindparam("now", type_=UTCDateTime),
        or_(
            Booking.learner_id == bindparam("me", type_=String),
            Booking.teacher_id == bindparam("me", type_=String),
        ),
    )
    .order_by(Booking.starts, Booking.id)
    .limit(bindparam("limit", type_=Integer))
)


def next_appointment(session: Session, person: Person, *, now: datetime) -> Booking | None:
    """Return the person's next appointment, the running one included; None when there is none."""
    return session.scalars(_UPCOMING, {"me": person.id, "now": now, "since": now - HOUR, "limit": 1}).first()


def upcoming_appointments(
    session: Session, person: Person, limit: int = 20, *, now: datetime
) -> Sequence[Booking]:
    """Return the person's upcoming appointments, the running one included, the next one first."""
    return session.scalars(
        _UPCOMING, {"me": person.id, "now": now, "since": now - HOUR, "limit": limit}
    ).all()


def appointments_between(
    session: Session, teacher: Person, begin: datetime, end: datetime
) -> Sequence[Booking]:
    """The teacher's appointments that start in [begin, end), those already held and open offers included."""
    return session.scalars(
        with_people()
        .where(
            Booking.teacher_id == teacher.id,
            Booking.state.in_(HOLDING),
            Booking.starts >= begin,
            Booking.starts < end,
        )
        .order_by(Booking.starts, Booking.id)
    ).all()


def past_appointments(
    session: Session, learner: Person, limit: int = 10, *, now: datetime
) -> Sequence[Booking]:
    """Her sessions that are over, the last first, with what was said to do next."""
    return session.scalars(
        with_people()
        .where(Booking.learner_id == learner.id, Booking.state == BookingState.BOOKED, Booking.ends <= now)
        .order_by(Booking.starts.desc(), Booking.id)
        .limit(limit)
    ).all()


def is_claimed_by_other(
    session: Session, learner_id: str, teacher_id: str, starts: datetime, *, but: str | None = None
) -> bool:
    """Return whether somebody else holds this slot of this teacher: one cheap query, without a lock.

    A learner's own booking does not count: her form, sent twice, must find its receipt.
    """
    span = cells(starts, starts + timedelta(hours=1))
    where = [
        Claim.person_id == teacher_id,
        Claim.cell >= span.start,
        Claim.cell < span.stop,
        Booking.learner_id != learner_id,
    ]
    if but is not None:
        where.append(Booking.id != but)
    asked = select(Claim.id).join(Booking, Booking.id == Claim.booking_id).where(and_(*where)).limit(1)
    return session.scalar(asked) is not None


def check_upcoming(booking: Booking, *, now: datetime) -> None:
    """Refuse a change of a booking that was cancelled or has begun.

    Refusals: `already_begun`, `already_cancelled`.
    """
    if not booking.is_booked:
        raise Refused(RefusalCode.ALREADY_CANCELLED)
    if booking.starts <= now:
        raise Refused(RefusalCode.ALREADY_BEGUN)


def room_opens_at(booking: Booking) -> datetime:
    """Return when the video room opens."""
    return booking.starts - ROOM_OPEN


def is_room_open(booking: Booking, *, now: datetime) -> bool:
    """Return whether the video room is open now."""
    return booking.is_booked and room_opens_at(booking) <= now <= booking.ends + ROOM_OPEN


def video_url(service: Organisation, booking: Booking) -> str:
    """Return the address of the video room."""
    return f"{service.video_base.rstrip('/')}/{booking.video_key}"


def next_appointments(session: Session, person_ids: Iterable[str], *, now: datetime) -> dict[str, Booking]:
    """Learner id -> her next appointment, in one statement; who has none is not in it."""
    ids = list(person_ids)
    if not ids:
        return {}
    first = (
        select(Booking.learner_id, func.min(Booking.starts).label("starts"))
        .where(
            Booking.state == BookingState.BOOKED,
            Booking.starts > now - HOUR,  # the index knows the start
            Booking.learner_id.in_(ids),
        )
        .group_by(Booking.learner_id)
        .subquery()
    )
    found = session.scalars(
        select(Booking)
        .join(first, (first.c.learner_id == Booking.learner_id) & (first.c.starts == Booking.starts))
        .where(Booking.state == BookingState.BOOKED)
    )
    return {booking.learner_id: booking for booking in found}
