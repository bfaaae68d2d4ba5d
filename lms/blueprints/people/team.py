"""The team, for the coordinator: invite, change, send a password link."""

# Read by the team alone.

from __future__ import annotations

from flask import Blueprint, flash, redirect, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, current_login, me, set_cookie
from lms.clock import now
from lms.current import settings
from lms.domain.booking import waitlist
from lms.domain.calendars import offboarding
from lms.domain.errors import Refused
from lms.domain.people import directory, logins, staff
from lms.extensions import db, write
from lms.forms.people import ColleagueForm, ConfirmForm
from lms.links import absolute_url
from lms.models import LoginKind, Person, Role
from lms.refusal_codes import RefusalCode
from lms.web.idempotency import run_once_with_result
from lms.web.pages import page

bp = Blueprint("people_team", __name__)


@bp.get("/people/team")
@allow(Role.COORDINATOR)
def index() -> BaseResponse:
    return page("people/team.html", team=directory.list_team(db.session(), me()))


@bp.route("/people/team/new", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def new() -> BaseResponse:
    form = ColleagueForm()
    if form.validate_on_submit():
        token, back = staff.new_token(), url_for("people_team.index")
        try:
            invited, _back = run_once_with_result(form, lambda s: _invite(s, form, token), lambda _id: back)
        except Refused as refusal:
            form.refuse(refusal, form.email if refusal.code == RefusalCode.EMAIL_TAKEN else None)
        else:
            return _sent(invited, token, back)
    return page("people/invite.html", 422 if form.is_submitted() else 200, form=form)


@bp.route("/people/team/<id>/edit", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def edit(id: str) -> BaseResponse:
    person = directory.colleague_for(db.session(), me(), id)
    form = ColleagueForm(
        data={"name": person.name, "email": person.login_email, "roles": sorted(person.roles)}
    )
    if form.validate_on_submit():
        try:
            token, cancelled = write(lambda s: _change(s, id, form))
        except Refused as refusal:
            form.refuse(refusal, form.email if refusal.code == RefusalCode.EMAIL_TAKEN else None)
        else:
            flash(_("C’est modifié."), "success")
            if cancelled:
                flash(_("Rendez-vous annulés : %(number)s.", number=cancelled), "success")
            response = redirect(url_for("people.show", id=id), 303)
            if token:
                set_cookie(response, "session", token, logins.COOKIE_LASTS[LoginKind.STAFF])
            return response
    return page("people/colleague_edit.html", 422 if form.is_submitted() else 200, form=form, person_id=id)


@bp.post("/people/team/<id>/password-link")
@allow(Role.COORDINATOR)
def send_link(id: str) -> BaseResponse:
    form, back, token = ConfirmForm(), url_for("people.show", id=id), staff.new_token()

    def send(session: Session) -> str:
        person = directory.colleague_for(session, me(), id)
        staff.send_link(session, person, token, now=now())
        return person.id

    sent, _back = run_once_with_result(form, send, lambda _id: back)
    return _sent(sent, token, back)


def _invite(session: Session, form: ColleagueForm, token: str) -> str:
    form.check_namesakes(directory.find_namesakes(session, [form.name.data]))
    person = staff.invite_colleague(
        session, me(), form.name.data, form.email.data, form.roles.data, token, now=now()
    )
    return person.id


def _change(session: Session, colleague_id: str, form: ColleagueForm) -> tuple[str | None, int]:
    """Change a colleague: end what belongs to a lost role, offer the hours of a new teacher.

    Returns the token of a new login when the coordinator's own roles changed, and the number of cancelled
    appointments.
    """
    person = directory.colleague_for(session, me(), colleague_id)
    form.check_namesakes(directory.find_namesakes_of_renamed(session, person, form.name.data))
    moved = staff.update_colleague(
        session, me(), person, form.name.data, form.email.data, form.roles.data, now=now()
    )
    if not moved:
        return None, 0
    cancelled = offboarding.end_lost_roles(session, me(), person, now=now(), zone=settings().time_zone)
    if person.gives_appointments:
        waitlist.offer_new_hours(session, teacher_id=person.id, now=now(), zone=settings().time_zone)
    if person.id != me().id:
        return None, cancelled
    device = current_login().device
    return logins.open_login(session, person, LoginKind.STAFF, device=device, now=now()), cancelled


def _sent(person_id: str | None, token: str, back: str) -> BaseResponse:
    """Redirect after a password link was sent; show the link once when the instance sends no mail."""
    if person_id is None:
        flash(_("Le lien est déjà parti."), "success")
        return redirect(back, 303)
    if settings().mail_host is not None:
        flash(_("Le lien part par e-mail."), "success")
        return redirect(url_for("people.show", id=person_id), 303)
    person = db.session().get_one(Person, person_id)
    link = absolute_url(settings(), "auth.choose_password", token=token)
    return page("people/link.html", person=person, link=link, back=url_for("people.show", id=person_id))
