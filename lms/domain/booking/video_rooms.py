"""Where appointments by video take place: at an address of the teacher's own, or at that of the organisation.

Without any, hours by video are not offered; appointments that exist are not touched (ADR 36).
"""

from __future__ import annotations

from sqlalchemy import or_, select

from lms.models import Booking, Organisation, Person

# The address of the organisation, and whether the teacher of the row has any.
BASE = select(Organisation.video_base).where(Organisation.id == 1).scalar_subquery()
HAS_ADDRESS = or_(Person.video_address.is_not(None), BASE != "")


def has_address(organisation: Organisation, teacher: Person) -> bool:
    """Return what `HAS_ADDRESS` says of a teacher."""
    return bool(teacher.video_address or organisation.video_base)


def video_url(organisation: Organisation, booking: Booking) -> str | None:
    """Return the address of the video room as it is now; None when there is none any more.

    The teacher's own address is the same for all appointments. At that of the organisation each has its own.
    """
    if booking.teacher.video_address:
        return booking.teacher.video_address
    if organisation.video_base:
        return f"{organisation.video_base.rstrip('/')}/{booking.video_key}"
    return None
