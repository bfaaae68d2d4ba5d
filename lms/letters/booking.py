"""What is said of an appointment: made, moved, cancelled, tomorrow."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from config import Settings
from lms.adapters import invitation
from lms.domain import booking as bookings
from lms.domain.errors import Absent
from lms.letters import Content, Writer, address_of
from lms.models import Booking, OutboxItem, Service


def _writer(state: str, method: Literal["REQUEST", "CANCEL"] | None) -> Writer:
    def write(session: Session, item: OutboxItem, settings: Settings, now: datetime) -> Content | None:
        try:
            booking = bookings.session_for(session, item.person, item.about_id)
        except Absent:
            return None
        # Looked at again: what was cancelled, moved or begun meanwhile is not told any more.
        if booking.state != state or booking.sequence != item.sequence:
            return None
        if state == "booked" and booking.starts <= now:
            return None
        service = session.get_one(Service, 1)
        teaches = booking.teacher_id == item.person_id
        link = f"{settings.base_url}/s/{booking.id}"
        values: dict[str, object] = {
            "booking": booking,
            "teaches": teaches,
            # The teacher's mailbox learns the first name of the learner and nothing more.
            "other": (booking.learner if teaches else booking.teacher).first_name,
            "link": link,
            "page": f"{settings.base_url}/bookings/{booking.id}",
            "again": f"{settings.base_url}/bookings/new",
            "by_herself": booking.cancelled_by_id == booking.learner_id,
            "tomorrow": _wall_day(booking.starts, settings) == _wall_day(now, settings) + timedelta(days=1),
        }
        if method is None:
            return Content(values)
        calendar = _invitation(method, item, booking, service, settings, teaches=teaches, link=link)
        return Content(values, calendar, method)

    return write


def _invitation(
    method: Literal["REQUEST", "CANCEL"],
    item: OutboxItem,
    booking: Booking,
    service: Service,
    settings: Settings,
    *,
    teaches: bool,
    link: str,
) -> bytes:
    other = (booking.learner if teaches else booking.teacher).first_name
    onsite = booking.mode == "onsite"
    room = booking.room.name if booking.room else ""
    with force_locale("fr"):
        summary = _("Rendez-vous de français avec %(name)s", name=other)
        way = _("Sur place") if onsite else _("Par vidéo")
        description = f"{way}\n{link}"
        if onsite and service.directions:
            description += f"\n{service.directions}"
    return invitation.build(
        method,
        uid=booking.uid,
        sequence=booking.sequence,
        made_at=item.made_at,
        starts=booking.starts,
        ends=booking.ends,
        summary=summary,
        description=description,
        location=", ".join(part for part in (service.name, room, service.address) if part)
        if onsite
        else link,
        organizer_name=service.name,
        organizer_email=settings.mail_from,
        attendee_name=item.person.name,
        attendee_email=address_of(item.person) or "",
        url=link,
    )


def _wall_day(moment: datetime, settings: Settings) -> datetime:
    return moment.astimezone(settings.time_zone).replace(hour=0, minute=0, second=0, tzinfo=None)


WRITERS: dict[str, Writer] = {
    "booking_made": _writer("booked", "REQUEST"),
    "booking_moved": _writer("booked", "REQUEST"),
    "booking_cancelled": _writer("cancelled", "CANCEL"),
    "booking_reminder": _writer("booked", None),
}
