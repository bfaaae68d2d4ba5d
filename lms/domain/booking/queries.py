"""Appointments that a person may see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Integer, Select, String, and_, bindparam, or_, select, true
from sqlalchemy.orm import Session, joinedload, lazyload

from lms.domain.booking.slots import HOUR, cells
from lms.domain.errors import Absent, Refused
from lms.domain.people import directory
from lms.extensions import UTCDateTime
from lms.models import Booking, BookingState, Claim, Person, Role
from lms.refusal_codes import RefusalCode

# How long before and after the appointment the video room is open.
ROOM_OPEN = timedelta(minutes=15)


def with_people() -> Select[Booking]:
    """Select bookings with learner, teacher and room joined, and without the roles of the people."""
    return select(Booking).options(
        joinedload(Booking.teacher).lazyload(Person.role_rows),
        joinedload(Booking.learner).options(lazyload(Person.role_rows), joinedload(Person.level)),
        joinedload(Booking.room),
    )


def _appointments() -> Select[Booking]:
    """Select booked and cancelled appointments; an offer is found by `waitlist.offer_for` instead."""
    return with_people().where(Booking.state.in_((BookingState.BOOKED, BookingState.CANCELLED)))


def booking_for(session: Session, actor: Person, booking_id: str) -> Booking:
    """Return the appointment with its people and its room. Raises `Absent` when the actor may not see it.

    A learner sees the learner's own, teachers and coordinators see all, a social worker those of the
    assigned learners.
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
    """Return an appointment of which the actor is the learner or the teacher. Raises `Absent` otherwise."""
    booking = session.scalar(
        _appointments().where(
            Booking.id == booking_id, or_(Booking.learner_id == actor.id, Booking.teacher_id == actor.id)
        )
    )
    if booking is None:
        raise Absent
    return booking


def bookable_learner(session: Session, actor: Person, learner_id: str) -> Person:
    """Return the learner for whom the actor may book: the actor, or a learner whom the actor may see.

    Raises `Absent` otherwise.
    """
    learner = actor if actor.id == learner_id else directory.learner_for(session, actor, learner_id)
    if not learner.takes_appointments:
        raise Absent
    return learner


# Of appointments that are ahead, the running one included; limited by `starts` too, which is indexed.
IS_UPCOMING = and_(
    Booking.state == BookingState.BOOKED,
    Booking.starts > bindparam("since", type_=UTCDateTime),
    Booking.ends > bindparam("now", type_=UTCDateTime),
)
# Those of a person, as learner or teacher. Built once.
_UPCOMING = (
    with_people()
    .where(
        IS_UPCOMING,
        or_(
            Booking.learner_id == bindparam("me", type_=String),
            Booking.teacher_id == bindparam("me", type_=String),
        ),
    )
    .order_by(Booking.starts, Booking.id)
    .limit(bindparam("limit", type_=Integer))
)


def upcoming_appointments(
    session: Session, person: Person, limit: int = 20, *, now: datetime
) -> Sequence[Booking]:
    """Return the person's upcoming appointments, the running one included, the next one first."""
    return session.scalars(
        _UPCOMING, {"me": person.id, "now": now, "since": now - HOUR, "limit": limit}
    ).all()


def appointments_between(
    session: Session, teacher: Person | None, begin: datetime, end: datetime, *, now: datetime
) -> Sequence[Booking]:
    """Return what takes time of the teacher and starts in [begin, end), past appointments included.

    `teacher` None stands for all teachers.

    Appointments, open offers, and cancelled ones that their learners may still take back.
    """
    return session.scalars(
        with_people()
        .where(
            Booking.teacher_id == teacher.id if teacher else true(),
            or_(
                Booking.state == BookingState.BOOKED,
                and_(Booking.state == BookingState.OFFERED, Booking.expires_at > now),
                Booking.kept_until > now,
            ),
            Booking.starts >= begin,
            Booking.starts < end,
        )
        .order_by(Booking.starts, Booking.id)
    ).all()


def past_appointments(
    session: Session, learner: Person, limit: int = 10, *, now: datetime
) -> Sequence[Booking]:
    """Return the learner's past appointments, the latest first."""
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

    The learner's own booking does not count, so that a form sent twice still reaches its receipt.
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
    taken = select(Claim.id).join(Booking, Booking.id == Claim.booking_id).where(and_(*where)).limit(1)
    return session.scalar(taken) is not None


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
