"""Login with a card or a password, logout, password links, and the language of a device without login."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from flask import Blueprint, Response, flash, jsonify, make_response, redirect, request, url_for
from flask import session as form_cookie
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response as BaseResponse

from lms.access import (
    allow,
    cookie,
    current_login,
    drop_cookie,
    ended_login,
    is_for_programs,
    login_page,
    own_path,
    set_cookie,
)
from lms.adapters import passwords
from lms.clock import now
from lms.current import organisation
from lms.domain.errors import Refused
from lms.domain.people import cards, logins, staff
from lms.event_log import log_event
from lms.extensions import db, limiter, write
from lms.forms.auth import CardForm, LoginForm
from lms.forms.people import AskPasswordForm, NewPasswordForm
from lms.i18n.languages import WITH_CATALOGUE, shown_in
from lms.limits import count_failure, limit_failures
from lms.models import LoginKind, Person
from lms.refusal_codes import RefusalCode
from lms.web import kept_form
from lms.web.errors import way_back
from lms.web.known_browser import remember_browser
from lms.web.login_attempts import (
    DEVICES_KEPT,
    account_and_browser_key,
    account_key,
    card_key,
    device_name,
    device_tokens,
    is_browser_of_named_account,
    is_device_of,
    is_device_of_named_card,
    named_card,
)
from lms.web.pages import by_script, page
from lms.web.sent_form import SentForm, sent_form

bp = Blueprint("auth", __name__)


@dataclass(frozen=True)
class Ended:
    """A form that was sent after its login had ended, with what it says of it on the page for logging in."""

    sentence: str
    form: SentForm


YEAR = timedelta(days=365)
# Beside which field a refusal stands. Only a scanned card says that it is the PIN that is wrong.
CARD_FIELDS = {RefusalCode.PIN_WRONG: "pin", RefusalCode.CODE_WRONG: "code"}
# Failed attempts. The sixty people of a centre share one IP address.
CARDS_PER_ADDRESS = "120/minute;1500/hour"
PER_CARD = "12/minute;60/hour"
ACCOUNTS_PER_ADDRESS = "60/minute;600/hour"
PER_ACCOUNT_AND_BROWSER = "8/minute;40/hour"
PER_ACCOUNT = "200/hour"


@bp.after_request
def _no_leak(response: BaseResponse) -> BaseResponse:
    # Not `no-referrer`: with it browsers send `Origin: null` with our own form, which we refuse.
    response.headers["Referrer-Policy"] = "same-origin"
    return response


@bp.app_errorhandler(401)
def login_ended(_unauthorized: Unauthorized) -> BaseResponse:
    """Answer a form that was sent after its login had ended with the page for logging in.

    What was typed is kept for the person; where it cannot be, it is shown. Files are not kept.
    """
    said = _("Votre connexion est terminée. Entrez encore.")
    if is_for_programs():
        return Response(said, 401, mimetype="text/plain")
    kind = ended_login()
    form = sent_form(was_logged_in=kind is not None)
    owner = db.session().get(Person, form.owner) if form.owner else None
    if owner is not None:
        kind = LoginKind.STAFF if owner.is_staff else LoginKind.OWN
    if by_script():
        return make_response(jsonify(said=said, login=url_for(login_page(kind))), 401)
    kept = kept_form.keep(form)
    if kept is not None:
        sentence = _("Votre connexion est terminée. Entrez encore, votre texte est gardé une heure.")
        ended = Ended(sentence, replace(form, texts=()))
    elif form.texts:
        ended = Ended(_("Votre connexion est terminée. Copiez votre texte, puis entrez encore."), form)
    else:
        ended = Ended(said, form)
    back = {"next": way_back()}
    if kind == LoginKind.STAFF:
        login_form = LoginForm(formdata=None, data=back)
        response: BaseResponse = page("auth/login.html", 401, form=login_form, ended=ended)
    else:
        response = _card_page(CardForm(formdata=None, data=back), 401, ended)
    if kept is not None:
        kept_form.remember(response, kept)
    return response


@bp.get("/card")
@allow("anyone")
def card() -> BaseResponse:
    """Show the form for the code of a card."""
    form = CardForm(formdata=None, data={"next": own_path(request.args.get("next"))})
    return _card_page(form, 200)


@bp.get("/card/<token>")
@allow("anyone")
def link(token: str) -> BaseResponse:
    """Show the page of a card's QR code: the same for every token; only the button logs in."""
    form = CardForm(formdata=None, data={"token": token[:100], "next": own_path(request.args.get("next"))})
    return _card_page(form, 200)


@bp.post("/card/login")
@allow("anyone")
@limit_failures(CARDS_PER_ADDRESS)
@limit_failures(PER_CARD, card_key, unless=is_device_of_named_card)
def enter() -> BaseResponse:
    form = CardForm()
    by_link = bool(form.token.data)
    pin_wanted = organisation().pin_required and not (by_link and is_device_of_named_card())
    form.expect(code=not by_link, pin=pin_wanted)
    if not form.validate_on_submit():
        return _card_page(form, 422)
    found = named_card()
    was_locked = found is not None and found.locked_at is not None
    # Hashed before the transaction, and also for a card that does not exist, so that the time does not tell.
    pin_hash = found.pin_hash if found else None
    attempt = cards.LoginAttempt(
        card_id=found.id if found else None,
        by_link=by_link,
        pin_wanted=pin_wanted,
        pin_right=passwords.matches(pin_hash, form.pin.data or ""),
        pin_hash=pin_hash,
        shared=form.shared.data == "yes",
        device=device_name(),
        language=_chosen_language(found.person) if found else None,
        old_token=cookie("session"),
        device_tokens=device_tokens(),
    )
    outcome = write(lambda session: cards.log_in(session, attempt, now=now()))
    if isinstance(outcome, Refused):
        count_failure(card=attempt.card_id)
        _log_lock(was_locked)
        form.refuse(outcome, form[CARD_FIELDS[outcome.code]] if outcome.code in CARD_FIELDS else None)
        return _card_page(form, 422)
    response = redirect(kept_form.after_login(own_path(form.next.data) or url_for("home.today")), 303)
    form_cookie.clear()
    set_cookie(response, "session", outcome.token, logins.COOKIE_LASTS[outcome.kind])
    if outcome.device_token:
        kept = [outcome.device_token, *device_tokens()][:DEVICES_KEPT]
        set_cookie(response, "device", ".".join(kept), YEAR)
    return response


@bp.post("/language")
@allow("anyone")
def language() -> BaseResponse:
    """Store the language of the device, for pages without login."""
    response = redirect(own_path(request.form.get("next")) or url_for("auth.card"), 303)
    chosen = request.form.get("language", "")
    if chosen in _codes():
        set_cookie(response, "language", chosen, YEAR)
    return response


@bp.route("/login", methods=["GET", "POST"])
@allow("anyone")
@limit_failures(ACCOUNTS_PER_ADDRESS, unless=is_browser_of_named_account)
@limit_failures(PER_ACCOUNT_AND_BROWSER, account_and_browser_key)
@limit_failures(PER_ACCOUNT, account_key, unless=is_browser_of_named_account)
def login() -> BaseResponse:
    """Log in with e-mail and password; an unknown address gets the same answer after the same work."""
    form = LoginForm()
    if not form.is_submitted():
        form.next.data = own_path(request.args.get("next"))
        return page("auth/login.html", form=form)
    if form.validate():
        token = _staff_token(form.email.data, form.password.data)
        if token is not None:
            form_cookie.clear()
            return _entered_staff(token, own_path(form.next.data) or url_for("home.today"))
        person = staff.staff_by_email(db.session(), form.email.data)
        count_failure(person=person.id if person else None)
        form.refuse(Refused(RefusalCode.LOGIN_WRONG))
    return page("auth/login.html", 422, form=form)


@bp.route("/password", methods=["GET", "POST"])
@allow("anyone")
@limiter.limit("20/minute;100/hour", methods=["POST"])
@limiter.limit(
    "5/hour",
    key_func=account_key,
    methods=["POST"],
    on_breach=lambda _limit: _link_is_sent(),
)
def ask_password() -> BaseResponse:
    """Send a link for a forgotten password; the answer does not tell whether the address is known."""
    form = AskPasswordForm()
    if not form.validate_on_submit():
        return page("auth/ask_password.html", 422 if form.is_submitted() else 200, form=form, sent=False)
    token = staff.new_token()
    passwords.matches(None, token)  # hides the time that writing a row takes
    write(lambda session: staff.request_reset(session, form.email.data, token, now=now()))
    return page("auth/ask_password.html", form=form, sent=True)


def _link_is_sent() -> Response:
    """Answer as always: after five requests, by anybody, the links of this hour are in the mailbox."""
    return page("auth/ask_password.html", form=AskPasswordForm(), sent=True)


@bp.route("/password/<token>", methods=["GET", "POST"])
@allow("anyone")
@limiter.limit("30/minute;200/hour", methods=["POST"])
def choose_password(token: str) -> BaseResponse:
    """Choose a password through a link; only the form uses the link up, opening it does not."""
    found = staff.find_active_link(db.session(), token, now=now())
    if found is None:
        return page("auth/dead_link.html", 404)
    form = NewPasswordForm()
    if form.validate_on_submit():
        try:
            person = found.person
            staff.check_password(form.password.data, person.name, person.login_email, organisation().name)
            fresh = passwords.hash_secret(form.password.data)
            login_token = write(lambda session: _choose_and_log_in(session, token, fresh))
        except Refused as refusal:
            form.refuse(refusal, form.password)
        else:
            flash(_("Votre mot de passe est choisi."), "success")
            return _entered_staff(login_token, url_for("home.today"))
    return page("auth/choose_password.html", 422 if form.is_submitted() else 200, form=form, token=token)


@bp.post("/logout")
@allow("someone")
def logout() -> BaseResponse:
    token = cookie("session") or ""
    write(lambda session: logins.log_out(session, token, now=now()))
    response = redirect(url_for(login_page(current_login().kind)), 303)
    form_cookie.clear()
    drop_cookie(response, "session")
    if current_login().kind == LoginKind.SHARED:
        drop_cookie(response, "language")  # another person uses the device next
    flash(_("À bientôt."), "success")
    return response


def _card_page(form: CardForm, answer: int, ended: Ended | None = None) -> BaseResponse:
    form.pin.data = ""  # never sent back: others may see the screen
    by_link = bool(form.token.data)
    known = by_link and is_device_of(cards.card_by_token(db.session(), form.token.data))
    pin_wanted = organisation().pin_required and not known
    address = url_for("auth.link", token=form.token.data) if by_link else url_for("auth.card")
    return page(
        "auth/card.html",
        answer,
        form=form,
        by_link=by_link,
        pin_wanted=pin_wanted,
        here=address,
        ended=ended,
    )


def _log_lock(was_locked: bool) -> None:
    """Write a line when this attempt has locked its card."""
    card = named_card()
    if card is not None and card.locked_at is not None and not was_locked:
        log_event("card_locked", card=card.id, person=card.person_id)


def _chosen_language(person: Person) -> str | None:
    """Return the language chosen on this device; None when the person sees that language anyway.

    A person who reads Pashto sees French, because the interface has no Pashto yet. Choosing "français" on
    the card page must not replace Pashto as the language of the person.
    """
    chosen = cookie("language")
    return chosen if chosen in _codes() and chosen != shown_in(person.language).code else None


def _codes() -> set[str]:
    return {language.code for language in WITH_CATALOGUE}


def _staff_token(email: str, password: str) -> str | None:
    person = staff.staff_by_email(db.session(), email)
    stored = person.password_hash if person else None
    right = passwords.matches(stored, password)
    if person is None or stored is None or not right:
        return None
    person_id = person.id
    return write(
        lambda session: staff.log_in_staff(
            session, person_id, stored, device=device_name(), old_token=cookie("session"), now=now()
        )
    )


def _choose_and_log_in(session: Session, token: str, password_hash: str) -> str:
    person = staff.choose_password(session, token, password_hash, now=now())
    return logins.open_login(
        session, person, LoginKind.STAFF, device=device_name(), old_token=cookie("session"), now=now()
    )


def _entered_staff(token: str, location: str) -> BaseResponse:
    """Redirect a member of the team who has just logged in."""
    response = redirect(kept_form.after_login(location), 303)
    set_cookie(response, "session", token, logins.COOKIE_LASTS[LoginKind.STAFF])
    opened = logins.find_active(db.session(), token, now=now())
    if opened is not None:
        remember_browser(response, opened.person)
    return response
