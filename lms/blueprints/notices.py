"""À savoir: the notices of the current person. Only a POST marks them as seen."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.current import settings
from lms.domain import notices
from lms.extensions import db, write
from lms.forms.people import ConfirmForm
from lms.notifications.in_app import notice_cards
from lms.web.pages import page

bp = Blueprint("notices", __name__)


@bp.get("/me/notices")
@allow("someone")
def index() -> BaseResponse:
    session, person, zone = db.session(), me(), settings().time_zone
    return page(
        "notices/index.html",
        unseen=notice_cards(notices.unseen_notices(session, person, now=now()), zone=zone),
        seen=notice_cards(notices.seen_notices(session, person), zone=zone),
        press=ConfirmForm(formdata=None),
    )


@bp.post("/me/notices/reading")
@allow("someone")
def read_all() -> BaseResponse:
    """Record that the person has seen the notices that the page listed."""
    shown = request.form.getlist("notice")[: notices.MOST_LISTED]
    write(lambda session: notices.mark_seen(session, me(), shown, now=now()))
    return redirect(url_for("home.today"), 303)


@bp.post("/me/notices/<id>/reading")
@allow("someone")
def read(id: str) -> BaseResponse:
    """Record that the person has seen the notice."""
    write(lambda session: _see(session, id))
    return redirect(url_for("home.today"), 303)


@bp.post("/me/notices/<id>/next-step")
@allow("someone")
def take_next_step(id: str) -> BaseResponse:
    """Record that the person has seen the notice, and lead to its next step."""
    return redirect(write(lambda session: _see(session, id)), 303)


def _see(session: Session, notice_id: str) -> str:
    """Mark the notice as seen; return the address of its next step.

    That of a notice which something newer has replaced is the start page: it says what is true now.
    """
    details = notices.notice_for(session, me(), notice_id)
    cards = [] if details.is_over(now=now()) else notice_cards([details], zone=settings().time_zone)
    notices.mark_seen(session, me(), [notice_id], now=now())
    return cards[0].href if cards else url_for("home.today")
