"""Texts of an appointment in a calendar: the same in an invitation and in a feed."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import force_locale
from flask_babel import gettext as _

from lms.models import Booking, Organisation


@dataclass(frozen=True)
class Words:
    """Texts of a calendar event."""

    summary: str
    description: str
    location: str
    url: str


def words(booking: Booking, organisation: Organisation, base_url: str, *, teaches: bool) -> Words:
    """Return the texts of an appointment for the teacher (`teaches`) or the learner.

    In French, as on the signs of the organisation, and with no more than the first name of the other person.
    """
    other = (booking.learner if teaches else booking.teacher).first_name
    link = f"{base_url}/s/{booking.id}"
    onsite = booking.mode == "onsite"
    with force_locale("fr"):
        summary = _("Rendez-vous de français avec %(name)s", name=other)
        mode = _("Sur place") if onsite else _("Par vidéo")
    description = f"{mode}\n{link}"
    if onsite and organisation.directions:
        description += f"\n{organisation.directions}"
    room = booking.room.name if booking.room else ""
    place = ", ".join(part for part in (organisation.name, room, organisation.address) if part)
    return Words(summary, description, place if onsite else link, link)
