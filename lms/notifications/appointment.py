"""How an appointment is called in somebody's calendar: the same words in an invitation and in a feed."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import force_locale
from flask_babel import gettext as _

from lms.models import Booking, Organisation


@dataclass(frozen=True)
class Words:
    summary: str
    description: str
    location: str
    url: str


def words(booking: Booking, service: Organisation, base_url: str, *, teaches: bool) -> Words:
    """In French, as on the door; of the other side the first name and nothing more."""
    other = (booking.learner if teaches else booking.teacher).first_name
    link = f"{base_url}/s/{booking.id}"
    onsite = booking.mode == "onsite"
    with force_locale("fr"):
        summary = _("Rendez-vous de français avec %(name)s", name=other)
        way = _("Sur place") if onsite else _("Par vidéo")
    description = f"{way}\n{link}"
    if onsite and service.directions:
        description += f"\n{service.directions}"
    room = booking.room.name if booking.room else ""
    place = ", ".join(part for part in (service.name, room, service.address) if part)
    return Words(summary, description, place if onsite else link, link)
