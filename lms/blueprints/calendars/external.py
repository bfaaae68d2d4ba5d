"""External calendars of a teacher: add, remove, their state, and the appointments that they clash with."""

# Read by the team alone.

from __future__ import annotations

from flask import Blueprint, flash, redirect, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.current import settings
from lms.domain.booking import external_clashes
from lms.domain.calendars import external
from lms.domain.errors import Refused
from lms.extensions import db, write
from lms.forms.external_calendars import CalendarForm
from lms.i18n.refusals import sentence
from lms.models import ExternalCalendar, Role
from lms.refusal_codes import RefusalCode
from lms.web.idempotency import run_once
from lms.web.pages import page

bp = Blueprint("external_calendars", __name__)


@bp.get("/agenda/calendars")
@allow(Role.TEACHER)
def index() -> BaseResponse:
    return _index(CalendarForm())


@bp.post("/agenda/calendars")
@allow(Role.TEACHER)
def add() -> BaseResponse:
    form = CalendarForm()
    if not form.validate():
        return _index(form, 422)

    def in_transaction(session: Session) -> str:
        external.add_calendar(session, me(), form.address.data, now=now())
        return url_for("external_calendars.index")

    try:
        answer = run_once(form, in_transaction)
    except Refused as refusal:
        form.refuse(refusal, form.address)
        return _index(form, 422)
    flash(_("L’agenda est ajouté. Nous le lisons dans une minute."), "success")
    return answer


@bp.post("/agenda/calendars/<id>/reading")
@allow(Role.TEACHER)
def read(id: str) -> BaseResponse:
    """Request a refresh: the worker reads the calendar, so that no page waits for the remote server."""
    write(lambda s: external.request_refresh(s, me(), id))
    flash(_("Nous lisons l’agenda dans une minute."), "success")
    return redirect(url_for("external_calendars.index"), 303)


@bp.post("/agenda/calendars/<id>/deletion")
@allow(Role.TEACHER)
def remove(id: str) -> BaseResponse:
    write(lambda s: external.remove_calendar(s, me(), id, now=now(), zone=settings().time_zone))
    flash(_("L’agenda est supprimé. Ses heures sont de nouveau libres."), "success")
    return redirect(url_for("external_calendars.index"), 303)


def _index(form: CalendarForm, answer: int = 200) -> BaseResponse:
    session, person = db.session(), me()
    return page(
        "external_calendars/index.html",
        answer,
        form=form,
        calendars=[
            (
                calendar,
                external.calendar_host(calendar),
                _error_sentence(calendar),
                _misread(calendar),
                external.misread_days(calendar),
            )
            for calendar in external.calendars_of(session, person)
        ],
        most=external.MOST,
        clashes=[
            {"booking": booking} for booking in external_clashes.upcoming_clashes(session, person, now=now())
        ],
    )


def _error_sentence(calendar: ExternalCalendar) -> str:
    """Return the sentence that says why the calendar could not be read; "" when it could."""
    return sentence(Refused(RefusalCode(calendar.error))) if calendar.error else ""


def _misread(calendar: ExternalCalendar) -> str:
    """Return how many of its events were not understood whole; empty for none."""
    if calendar.misread == 1:
        return str(_("1 événement mal lu"))
    return str(_("%(number)s événements mal lus", number=calendar.misread)) if calendar.misread else ""
