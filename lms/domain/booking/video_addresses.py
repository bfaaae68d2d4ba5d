"""Set and remove the addresses at which appointments by video take place."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from lms.domain import audit_log
from lms.domain.booking import occupancy, offers, stored_conflicts, waitlist
from lms.domain.errors import Refused
from lms.models import AuditAction, Booking, Mode, Organisation, Person
from lms.refusal_codes import RefusalCode


def set_video_address(
    session: Session, teacher: Person, address: str, *, now: datetime, zone: ZoneInfo
) -> None:
    """Set or, with "", remove the teacher's own address; hours that this makes possible go to the waitlist.

    Refusals: `video_in_use`.
    """
    offers.lock_people_and_waitlist(session, teacher.id)
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
    # All: a teacher with an own address may be removing it at this moment.
    offers.lock_people_and_waitlist(session, *stored_conflicts.all_teachers(session, now=now))
    without = select(Person.id).where(Person.video_address.is_(None))
    if _is_awaited(session, Booking.teacher_id.in_(without), now=now):
        raise Refused(RefusalCode.VIDEO_IN_USE)


def _is_awaited(session: Session, whose: ColumnElement[bool], *, now: datetime) -> bool:
    """Return whether an appointment or offer by video is running or ahead, or may still be taken back."""
    ahead = exists().where(whose, Booking.ends > now, occupancy.has_claims(), Booking.mode == Mode.VIDEO)
    return bool(session.scalar(select(ahead)))
