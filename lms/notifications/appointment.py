"""An appointment as a calendar shows it: the same in an invitation and in a feed."""

from __future__ import annotations

from flask_babel import force_locale
from flask_babel import gettext as _

from config import Settings
from lms.adapters.ical.event import CalendarEvent
from lms.links import absolute_url
from lms.models import Booking, Organisation


def calendar_event(
    booking: Booking, organisation: Organisation, settings: Settings, *, teaches: bool
) -> CalendarEvent:
    """Return the event of an appointment for the teacher (`teaches`) or the learner.

    In French, as on the signs of the organisation, and with only the first name of the other person.
    """
    other = (booking.learner if teaches else booking.teacher).short_name
    link = absolute_url(settings, "bookings.door", id=booking.id)
    onsite = booking.is_onsite
    with force_locale("fr"):
        summary = _("Rendez-vous de français avec %(name)s", name=other)
        mode = _("Sur place") if onsite else _("Par vidéo")
    description = f"{mode}\n{link}"
    if onsite and organisation.directions:
        description += f"\n{organisation.directions}"
    room = booking.room.name if booking.room else ""
    place = ", ".join(part for part in (organisation.name, room, organisation.address) if part)
    return CalendarEvent(
        uid=booking.uid,
        sequence=booking.sequence,
        changed_at=booking.changed_at,
        starts=booking.starts,
        ends=booking.ends,
        cancelled=booking.is_cancelled,
        summary=summary,
        description=description,
        location=place if onsite else link,
        url=link,
    )
