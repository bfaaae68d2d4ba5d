"""The page *Moi*: language, text size, phone, channel of messages, logins, password."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import refresh
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, cookie, current_login, drop_cookie, me, set_cookie
from lms.adapters import passwords
from lms.clock import now
from lms.current import organisation, settings
from lms.domain import notices
from lms.domain.errors import Refused
from lms.domain.people import logins, preferences, staff
from lms.extensions import db, write
from lms.forms.me import PreferencesForm
from lms.forms.people import ChangePasswordForm, ConfirmForm
from lms.limits import count_failure, limit_failures
from lms.models import LoginKind, Role
from lms.refusal_codes import RefusalCode
from lms.web.known_browser import remember_browser
from lms.web.pages import page

bp = Blueprint("me", __name__)


@bp.route("/me", methods=["GET", "POST"])
@allow("someone")
def show() -> BaseResponse:
    person = me()
    form = PreferencesForm(
        obj=person, data={"shared": "yes" if current_login().kind == LoginKind.SHARED else "no"}
    )
    form.fit(person, gateway=settings().sends_texts)
    if form.validate_on_submit():
        entry_id = current_login().id
        write(
            lambda session: preferences.update_preferences(session, me(), entry_id, form.entered(), now=now())
        )
        response = redirect(url_for("me.show"), 303)
        if not me().is_staff:
            lasts = logins.COOKIE_LASTS[LoginKind.SHARED if me().shared_phone else LoginKind.OWN]
            set_cookie(response, "session", cookie("session") or "", lasts)
        refresh()  # the answer is in the language that was just chosen
        flash(_("C’est modifié."), "success")
        return response
    return page(
        "me/show.html",
        422 if form.is_submitted() else 200,
        form=form,
        press=ConfirmForm(formdata=None),
        entries=logins.active_logins(db.session(), person, now=now()),
        here=current_login().id,
        notices_unseen=notices.count_unseen(db.session(), person, now=now()),
    )


@bp.post("/me/logins/<id>/end")
@allow("someone")
def end(id: str) -> BaseResponse:
    """Log out one device, possibly the current one."""
    is_current = current_login().id == id
    write(lambda session: logins.end_login(session, me(), id, now=now()))
    if is_current:
        return _left()
    flash(_("Cet appareil est déconnecté."), "success")
    return redirect(url_for("me.show"), 303)


@bp.post("/me/logins/end")
@allow("someone")
def end_all() -> BaseResponse:
    write(lambda session: preferences.log_out_everywhere(session, me(), now=now()))
    return _left()


@bp.post("/me/video-consent/withdrawal")
@allow(Role.LEARNER)
def withdraw_video() -> BaseResponse:
    write(lambda session: preferences.withdraw_video_consent(session, me(), now=now()))
    flash(_("C’est modifié. La vidéo demande de nouveau votre accord."), "success")
    return redirect(url_for("me.show"), 303)


@bp.route("/me/password", methods=["GET", "POST"])
@allow(Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
@limit_failures("10/minute;40/hour", lambda: me().id)
def password() -> BaseResponse:
    form = ChangePasswordForm()
    if form.validate_on_submit():
        try:
            return _change_password(form)
        except Refused as refusal:
            form.refuse(
                refusal, form.current if refusal.code == RefusalCode.PASSWORD_WRONG else form.password
            )
    return page("me/password.html", 422 if form.is_submitted() else 200, form=form)


def _change_password(form: ChangePasswordForm) -> BaseResponse:
    """Change the password: all logins end, and this device gets a new one."""
    person = me()
    if not passwords.matches(person.password_hash, form.current.data):
        count_failure(person=person.id)
        raise Refused(RefusalCode.PASSWORD_WRONG)
    staff.check_password(form.password.data, person.name, person.login_email, organisation().name)
    fresh, device = passwords.hash_secret(form.password.data), current_login().device

    def change(session: Session) -> str:
        staff.change_password(session, me(), fresh, now=now())
        return logins.open_login(session, me(), LoginKind.STAFF, device=device, now=now())

    token = write(change)
    response = redirect(url_for("me.show"), 303)
    set_cookie(response, "session", token, logins.COOKIE_LASTS[LoginKind.STAFF])
    remember_browser(response, me())
    flash(_("Le mot de passe est modifié. Les autres appareils sont déconnectés."), "success")
    return response


def _left() -> BaseResponse:
    response = redirect(url_for("auth.card"), 303)
    drop_cookie(response, "session")
    return response
