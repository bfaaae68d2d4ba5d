"""The access card of a learner: issue, print, unlock, renew the PIN."""

# Read by the team alone.

from __future__ import annotations

from flask import Blueprint, flash, redirect, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.adapters import passwords, qr
from lms.blueprints.people.card_texts import words
from lms.clock import now
from lms.current import settings
from lms.domain.people import cards, directory
from lms.extensions import db, write
from lms.forms.people import ConfirmForm
from lms.i18n import languages
from lms.links import absolute_url
from lms.models import Role
from lms.web.idempotency import run_once_with_result
from lms.web.pages import page

bp = Blueprint("people_cards", __name__)


@bp.post("/people/<id>/card")
@allow(Role.TEACHER, Role.COORDINATOR)
def make(id: str) -> BaseResponse:
    """Issue a card and answer the page to print: its link and PIN exist nowhere else."""
    form, back = ConfirmForm(), url_for("people.show", id=id)
    directory.learner_for(db.session(), me(), id)
    secrets = cards.new_secrets()
    pin_hash = passwords.hash_secret(secrets.pin)
    code, _back = run_once_with_result(
        form,
        lambda s: (
            cards.issue_card(
                s, me(), directory.learner_for(s, me(), id), secrets.token, pin_hash, now=now()
            ).code
        ),
        lambda _code: back,
    )
    if code is None:
        flash(
            _("La carte est déjà faite. Elle n’est pas imprimée ? Refaites une carte."),
            "error",
        )
        return redirect(back, 303)
    person = directory.learner_for(db.session(), me(), id)
    own = languages.shown_in(person.language)
    return page(
        "people/card.html",
        person=person,
        pin=secrets.pin,
        code=f"{code[:4]}\N{NO-BREAK SPACE}{code[4:]}",
        drawing=qr.svg(absolute_url(settings(), "auth.link", token=secrets.token)),
        texts=[words(language, _address()) for language in dict.fromkeys(("fr", own.code))],
        back=back,
    )


@bp.post("/people/<id>/card/pin")
@allow(Role.TEACHER, Role.COORDINATOR)
def renew_pin(id: str) -> BaseResponse:
    form, back = ConfirmForm(), url_for("people.show", id=id)
    directory.learner_for(db.session(), me(), id)
    pin = cards.new_pin()
    pin_hash = passwords.hash_secret(pin)

    def renew(s: Session) -> bool:
        cards.renew_pin(s, me(), directory.learner_for(s, me(), id), pin_hash, now=now())
        return True

    if run_once_with_result(form, renew, lambda _done: back)[0] is None:
        flash(_("Le code secret est déjà modifié. Il n’est plus montré."), "error")
        return redirect(back, 303)
    return page("people/pin.html", person=directory.learner_for(db.session(), me(), id), pin=pin, back=back)


@bp.post("/people/<id>/card/unlocking")
@allow(Role.TEACHER, Role.COORDINATOR)
def unlock(id: str) -> BaseResponse:
    write(lambda s: cards.unlock_card(s, me(), directory.learner_for(s, me(), id), now=now()))
    flash(_("La carte est débloquée."), "success")
    return redirect(url_for("people.show", id=id), 303)


def _address() -> str:
    return f"\u2066{absolute_url(settings(), 'auth.card').partition('://')[2]}\u2069"
