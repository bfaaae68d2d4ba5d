"""Where appointments by video take place: at an address of the teacher's own, or at that of the organisation.

Without any, hours by video are not offered; appointments that exist are not touched (ADR 36).
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.booking import waitlist
from lms.domain.errors import Refused
from lms.domain.people import locks
from lms.models import (
    HOLDING,
    AuditAction,
    Booking,
    Mode,
    Organisation,
    Person,
    PersonRole,
    Role,
)
from lms.refusal_codes import RefusalCode


def video_url(organisation: Organisation, booking: Booking) -> str | None:
    """Return the address of the video room as it is now; None when there is none any more.

    The teacher's own address is the same for all appointments. At that of the organisation each has its own.
    """
    if booking.teacher.video_address:
        return booking.teacher.video_address
    if organisation.video_base:
        return f"{organisation.video_base.rstrip('/')}/{booking.video_key}"
    return None


def set_video_address(
    session: Session, teacher: Person, address: str, *, now: datetime, zone: ZoneInfo
) -> None:
    """Set or, with "", remove the teacher's own address; hours that this makes possible go to the waitlist.

    Refusals: `video_in_use`.
    """
    locks.lock_people(session, teacher.id)
    session.refresh(teacher, ["video_address"])
    if (teacher.video_address or "") == address:
        return
    base = session.scalars(select(Organisation.video_base)).one()
    if not address and not base and _is_awaited(session, Booking.teacher_id == teacher.id, now=now):
        raise Refused(RefusalCode.VIDEO_IN_USE)
    teacher.video_address = address or None
    session.flush()
    audit_log.record(session, teacher, AuditAction.VIDEO_ADDRESS_CHANGED, "person", teacher.id, now=now)
    waitlist.offer_new_hours(session, teacher_id=teacher.id, now=now, zone=zone)


def check_removal_of_base(session: Session, *, now: datetime) -> None:
    """Refuse to leave the organisation without an address, while appointments by video need it.

    Refusals: `video_in_use`.
    """
    without = select(Person.id).where(Person.video_address.is_(None))
    teachers = session.scalars(
        select(PersonRole.person_id).where(PersonRole.role == Role.TEACHER, PersonRole.person_id.in_(without))
    )
    locks.lock_people(session, *teachers)
    if _is_awaited(session, Booking.teacher_id.in_(without), now=now):
        raise Refused(RefusalCode.VIDEO_IN_USE)


def _is_awaited(session: Session, whose: ColumnElement[bool], *, now: datetime) -> bool:
    """Return whether an appointment or offer by video is running or ahead."""
    ahead = exists().where(whose, Booking.ends > now, Booking.state.in_(HOLDING), Booking.mode == Mode.VIDEO)
    return bool(session.scalar(select(ahead)))
