"""Messages that a member of the team sends by hand, with a phone."""

# Read by the team alone.

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.current import organisation, settings
from lms.domain import failed_messages, manual_messages, outbox
from lms.extensions import db, write
from lms.forms.people import ConfirmForm
from lms.i18n import languages
from lms.models import Booking, OutboxItem, Role
from lms.notifications import sms as notifications_sms
from lms.notifications.manual_messages import list_manual_messages
from lms.web.pages import page
from lms.web.paging import pager_links

bp = Blueprint("messages", __name__)

KINDS: dict[str, LazyString] = {
    "feedback_returned": _l("Devoir corrigé"),
    "password_link": _l("Lien pour le mot de passe"),
    "booking_made": _l("Nouveau rendez-vous"),
    "booking_moved": _l("Rendez-vous déplacé"),
    "booking_cancelled": _l("Rendez-vous annulé"),
    "booking_reminder": _l("Rappel la veille"),
    "booking_soon": _l("Rappel deux heures avant"),
    "booking_offer": _l("Place proposée"),
    "booking_retimed": _l("Rendez-vous à une autre heure"),
    "calendar_failing": _l("Agenda relié en panne"),
    "homework_received": _l("Reçu d’un devoir"),
    "mail_unreadable": _l("E-mail sans devoir"),
    "teacher_digest": _l("E-mail du lundi"),
}


@dataclass(frozen=True)
class Message:
    """The text of a message, and the links that open the apps of a phone with it."""

    item: OutboxItem
    booking: Booking
    text: str
    number: str | None  # None: somebody has to say it in person
    language: languages.Language

    @property
    def whatsapp(self) -> str:
        return f"https://wa.me/{(self.number or '').removeprefix('+')}?text={quote(self.text, safe='')}"

    @property
    def sms(self) -> str:
        # "?&": iOS expects `&body`, Android `?body`; both accept this.
        return f"sms:{self.number}?&body={quote(self.text, safe='')}"


@bp.get("/messages")
@allow(Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def index() -> BaseResponse:
    return page(
        "messages/index.html",
        messages=_messages(),
        press=ConfirmForm(formdata=None),
        done=request.args.get("done"),
    )


@bp.get("/messages/failed")
@allow(Role.COORDINATOR)
def failed() -> BaseResponse:
    """List the messages that did not arrive, each with its person, whose address may be wrong."""
    cut, found, total = failed_messages.failed_page(db.session(), request.args.get("after"), now=now())
    return page(
        "messages/failed.html",
        messages=found,
        kinds=KINDS,
        begin=cut.begin,
        total=total,
        section="today",
        **pager_links(cut, "messages.failed"),
    )


@bp.post("/messages/<id>/sending")
@allow(Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def send(id: str) -> BaseResponse:
    """Record that the person has sent the message."""

    def in_transaction(session: Session) -> None:
        outbox.mark_sent_by_hand(session, me(), manual_messages.message_for(session, me(), id), now=now())

    write(in_transaction)
    return redirect(url_for("messages.index", done=id), 303)


@bp.post("/messages/<id>/sending/withdrawal")
@allow(Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def withdraw(id: str) -> BaseResponse:
    write(
        lambda session: outbox.undo_sent_by_hand(
            session, me(), manual_messages.message_for(session, me(), id), now=now()
        )
    )
    flash(_("Le message attend de nouveau."), "success")
    return redirect(url_for("messages.index"), 303)


def _messages() -> list[Message]:
    return [
        Message(
            message.item,
            message.booking,
            notifications_sms.text(message.item, message.facts, organisation()),
            message.number,
            languages.shown_in(message.item.person.language),
        )
        for message in list_manual_messages(db.session(), me(), settings(), now())
    ]
