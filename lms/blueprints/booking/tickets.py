"""The ticket of an appointment: a page of A6 to print, for learners without e-mail among others."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, redirect, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.adapters import qr
from lms.clock import now
from lms.current import settings
from lms.domain.booking import queries
from lms.extensions import db
from lms.i18n import dates, languages
from lms.links import absolute_url
from lms.models import Booking, Role
from lms.web.pages import page

bp = Blueprint("tickets", __name__)


@bp.get("/bookings/<id>/ticket")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def show(id: str) -> BaseResponse:
    """Show the ticket until the end of the appointment; else redirect to the page of the appointment."""
    booking = queries.booking_for(db.session(), me(), id)
    if not booking.is_booked or booking.ends <= now():
        return redirect(url_for("bookings.show", id=id), 303)
    address = absolute_url(settings(), "bookings.door", id=booking.id)
    # In the language of the learner, even when the team prints it.
    own = languages.shown_in(booking.learner.language).code
    return page(
        "tickets/show.html",
        booking=booking,
        is_own=booking.learner_id == me().id,
        texts=[words(language, booking) for language in dict.fromkeys(("fr", own))],
        address=address.partition("://")[2],
        drawing=qr.svg(address),
    )


def words(language: str, booking: Booking) -> dict[str, str]:
    """Return the sentences of the ticket in one language."""
    with force_locale(language):
        return {
            "lang": language,
            "dir": languages.shown_in(language).direction,
            "title": _("Mon rendez-vous"),
            "day": dates.day(booking.starts, settings().time_zone, language),
            "zone": _("heure de Belgique"),
            "teacher": _("Avec %(name)s", name=booking.teacher.short_name),
            "way": _("Sur place") if booking.is_onsite else _("Par vidéo"),
            "open": _("Ouvrez ce lien avec votre téléphone."),
        }


@bp.app_template_filter("wall")
def wall(moment: datetime) -> datetime:
    """Return the moment in the time zone of the instance, for drawings of clocks."""
    return moment.astimezone(settings().time_zone)
