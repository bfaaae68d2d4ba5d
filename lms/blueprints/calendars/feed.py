"""Calendar feed of a person: its private address, its content, and one event as a file."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from flask import Blueprint, Response, flash, g, redirect, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.adapters.ical.event import CalendarEvent
from lms.adapters.ical.feed import build_event_file, build_feed
from lms.clock import now
from lms.current import organisation, settings
from lms.domain.booking import queries
from lms.domain.calendars import feeds
from lms.domain.errors import Absent
from lms.extensions import db, limiter, write
from lms.forms.people import ConfirmForm
from lms.links import absolute_url
from lms.models import Booking, BookingState, CalendarFeed, Role
from lms.notifications.appointment import calendar_event
from lms.web.idempotency import run_once_with_result
from lms.web.pages import page

bp = Blueprint("calendar_feed", __name__)

# Counts requests with unknown tokens only: a calendar provider reads the feeds of many people from one
# IP address.
UNKNOWN = "60/minute;600/hour"


def _requested_feed() -> CalendarFeed | None:
    """Return the active feed of the requested address, looked up once in each request; None when unknown."""
    if "calendar_feed" not in g:
        g.calendar_feed = feeds.feed_by_token(db.session(), (request.view_args or {})["token"])
    found: CalendarFeed | None = g.calendar_feed
    return found


@bp.get("/calendar")
@allow(Role.LEARNER, Role.TEACHER)
def show() -> BaseResponse:
    return page(
        "calendar_feed/show.html", feed=feeds.feed_of(db.session(), me()), press=ConfirmForm(formdata=None)
    )


@bp.post("/calendar/feed")
@allow(Role.LEARNER, Role.TEACHER)
def make() -> BaseResponse:
    """Create the feed with a new address; only this page shows the address."""
    back, token = url_for("calendar_feed.show"), feeds.new_token()
    made, _back = run_once_with_result(
        ConfirmForm(), lambda s: feeds.create_feed(s, me(), token, now=now()).id, lambda _id: back
    )
    if made is None:
        flash(_("L’adresse est déjà faite et n’est plus montrée. Faites une nouvelle adresse."), "error")
        return redirect(back, 303)
    address = absolute_url(settings(), "calendar_feed.feed", token=token)
    webcal = f"webcal://{address.partition('://')[2]}"
    return page("calendar_feed/address.html", address=address, webcal=webcal, back=back)


@bp.post("/calendar/feed/end")
@allow(Role.LEARNER, Role.TEACHER)
def end() -> BaseResponse:
    write(lambda session: feeds.revoke_feed(session, None, me(), now=now()))
    flash(_("C’est arrêté. L’ancienne adresse ne marche plus."), "success")
    return redirect(url_for("calendar_feed.show"), 303)


@bp.get("/cal/<token>.ics")
@allow("anyone")
@limiter.limit(UNKNOWN, exempt_when=lambda: _requested_feed() is not None)
def feed(token: str) -> BaseResponse:
    """Return the feed to a calendar. No login: the token in the address is the secret."""
    found = _requested_feed()
    if found is None:
        raise Absent
    person_id, feed_id, must_record = found.person_id, found.id, feeds.needs_read_mark(found, now=now())
    shown = feeds.feed_bookings(db.session(), person_id, now=now())
    events = [_event(booking, teaches=booking.teacher_id == person_id) for booking in shown]
    content = build_feed(events, organisation().name, settings().time_zone)
    response = _file(content)
    # A weak ETag: the same content may be compressed or not.
    response.set_etag(hashlib.sha256(content).hexdigest()[:32], weak=True)
    response.last_modified = max([found.created_at, *(event.changed_at for event in events)])
    response.headers["Cache-Control"] = "private, no-cache"
    if request.if_none_match.contains_weak(response.get_etag()[0] or ""):
        response.status_code = 304
        response.set_data(b"")
        del response.headers["Content-Type"]
    if must_record:
        try:
            write(lambda session: feeds.record_read(session, feed_id, now=now()), brief=True)
        except OperationalError:
            db.session().rollback()  # the answer matters more than the record that the feed was read
    return response


@bp.get("/bookings/<id>/calendar.ics")
@allow(Role.LEARNER, Role.TEACHER)
def event(id: str) -> BaseResponse:
    """Download one appointment as a file, with the uid of the invitations: a calendar updates its event."""
    booking = queries.own_appointment_for(db.session(), me(), id)
    if booking.state not in (BookingState.BOOKED, BookingState.CANCELLED):
        raise Absent
    response = _file(build_event_file(_event(booking, teaches=booking.teacher_id == me().id)))
    response.headers["Content-Disposition"] = "attachment; filename=rendez-vous.ics"
    return response


def _event(booking: Booking, *, teaches: bool) -> CalendarEvent:
    event = calendar_event(booking, organisation(), settings(), teaches=teaches)
    if not event.cancelled:
        return event
    # Many calendars ignore the status `CANCELLED` of an event, so the title says it. An invitation needs no
    # such title: its method cancels the event.
    with force_locale("fr"):
        return replace(event, summary=_("Annulé\N{NO-BREAK SPACE}: %(what)s", what=event.summary))


def _file(content: bytes) -> Response:
    return Response(content, content_type="text/calendar; charset=utf-8")
