"""The access cards of learners: issue and print one or many, unlock, renew the PIN."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.adapters import passwords, qr
from lms.blueprints.people.card_texts import words
from lms.clock import now
from lms.current import settings
from lms.domain.errors import Refused
from lms.domain.people import cards, directory
from lms.domain.people.cards import NewCard, Secrets
from lms.extensions import db, release_connection, write
from lms.forms.people import MOST_LEARNERS, ConfirmForm
from lms.i18n import languages
from lms.links import absolute_url
from lms.models import Person, Role
from lms.web.idempotency import run_once_with_result
from lms.web.pages import page

bp = Blueprint("people_cards", __name__)


@dataclass(frozen=True)
class PrintedCard:
    """A new card as it is printed. `pin` and `mark` stand beside it: the end of the code, for namesakes."""

    person: Person
    code: str
    drawing: Markup
    texts: Sequence[dict[str, str]]
    pin: str
    mark: str = ""


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
    (card,) = _printed([person], {id: code}, {id: secrets})
    return page("people/card.html", card=card, back=back)


@bp.route("/people/cards", methods=["GET", "POST"])
@allow(Role.TEACHER, Role.COORDINATOR)
def make_several() -> BaseResponse:
    """Ask whether to issue cards to the chosen learners; issue them and answer the sheets to print."""
    form, people = ConfirmForm(), _chosen()
    if len(people) > MOST_LEARNERS:
        flash(_("Choisissez %(number)s personnes au plus à la fois.", number=MOST_LEARNERS), "error")
        return redirect(url_for("people.index"), 303)
    ids = [person.id for person in people]
    if ids and form.validate_on_submit():
        try:
            return _issue(form, ids, url_for("people.index"))
        except Refused as refusal:
            form.refuse(refusal)
    session = db.session()
    return page(
        "people/cards_new.html",
        422 if form.is_submitted() else 200,
        form=form,
        people=directory.learners_for(session, me(), ids),
        with_card=cards.people_with_card(session, ids),
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


def _chosen() -> Sequence[Person]:
    """Return the learners whom the address or the form names, or who were added together at one second."""
    session, at, level = db.session(), request.args.get("added", ""), request.args.get("level", "")
    if level.isalnum() and at.isascii() and at.isdecimal() and len(at) < 12:
        return directory.learners_added(session, me(), level, at=datetime.fromtimestamp(int(at), UTC))
    # One more than is allowed, so that the page can say so.
    ids = list(dict.fromkeys(request.values.getlist("person")))[: MOST_LEARNERS + 1]
    return directory.learners_for(session, me(), ids)


def _issue(form: ConfirmForm, ids: Sequence[str], back: str) -> BaseResponse:
    """Issue cards to these learners and answer the page to print: links and PINs exist nowhere else."""
    # Hashing is slow on purpose: before the transaction, and without a connection.
    release_connection()
    secrets = {person_id: cards.new_secrets() for person_id in ids}
    hashes = {person_id: passwords.hash_secret(made.pin) for person_id, made in secrets.items()}

    def in_transaction(session: Session) -> dict[str, str]:
        new_cards = [
            NewCard(person, secrets[person.id].token, hashes[person.id])
            for person in directory.learners_for(session, me(), ids)
        ]
        issued = cards.issue_cards(session, me(), new_cards, now=now())
        return {card.person_id: card.code for card in issued}

    codes, _back = run_once_with_result(form, in_transaction, lambda _codes: back)
    if codes is None:
        flash(_("Les cartes sont déjà faites. Elles ne sont pas imprimées ? Refaites les cartes."), "error")
        return redirect(back, 303)
    people = directory.learners_for(db.session(), me(), ids)
    return page("people/cards.html", cards=_printed(people, codes, secrets), back=back)


def _printed(
    people: Sequence[Person], codes: dict[str, str], secrets: dict[str, Secrets]
) -> list[PrintedCard]:
    names = [person.name_key for person in people]
    spoken = {person.language: languages.shown_in(person.language).code for person in people}
    texts = {code: words(code, _address()) for code in {"fr", *spoken.values()}}
    return [
        PrintedCard(
            person=person,
            code=f"{codes[person.id][:4]}\N{NO-BREAK SPACE}{codes[person.id][4:]}",
            drawing=qr.svg(absolute_url(settings(), "auth.link", token=secrets[person.id].token)),
            texts=[texts[code] for code in dict.fromkeys(("fr", spoken[person.language]))],
            pin=secrets[person.id].pin,
            mark=codes[person.id][-3:] if names.count(person.name_key) > 1 else "",
        )
        for person in people
    ]


def _address() -> str:
    return f"\u2066{absolute_url(settings(), 'auth.card').partition('://')[2]}\u2069"
