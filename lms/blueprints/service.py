"""The centre, for the coordinator: address, rules, rooms and levels."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.domain import people
from lms.domain.errors import Refused
from lms.domain.people import centre
from lms.extensions import db, write
from lms.forms.people import LevelForm, PressForm, RoomForm, ServiceForm
from lms.web import page, service

bp = Blueprint("service", __name__)


@bp.route("/service", methods=["GET", "POST"])
@allow("coordinator")
def show() -> BaseResponse:
    form = ServiceForm(obj=service())
    if form.validate_on_submit():
        write(lambda session: centre.change(session, me(), form.values(), now=now()))
        flash(_("C’est changé."), "success")
        return redirect(url_for("service.show"), 303)
    return _page(422 if form.is_submitted() else 200, form, RoomForm(formdata=None))


@bp.post("/service/rooms")
@allow("coordinator")
def add_room() -> BaseResponse:
    form = RoomForm()
    if form.validate_on_submit():
        try:
            write(lambda session: _add_room(session, form))
        except Refused as no:
            form.refuse(no, form.room)
        else:
            flash(_("La salle est ouverte."), "success")
            return redirect(url_for("service.show", _anchor="rooms"), 303)
    return _page(422, ServiceForm(formdata=None, obj=service()), form)


@bp.post("/service/rooms/<id>/closing")
@allow("coordinator")
def close_room(id: str) -> BaseResponse:
    write(lambda session: centre.close_room(session, id, me(), now=now()))
    flash(_("La salle est fermée. Les rendez-vous déjà pris restent."), "success")
    return redirect(url_for("service.show", _anchor="rooms"), 303)


@bp.route("/service/levels/<id>", methods=["GET", "POST"])
@allow("coordinator")
def level(id: str) -> BaseResponse:
    found = centre.level_for(db.session(), id)
    form = LevelForm(obj=found)
    if form.validate_on_submit():
        values = (form.name.data, form.cefr.data or "", form.blurb.data or "")
        write(lambda session: centre.change_level(session, id, me(), *values, now=now()))
        flash(_("Le niveau est changé."), "success")
        return redirect(url_for("service.show", _anchor="levels"), 303)
    return page("service/level.html", 422 if form.is_submitted() else 200, form=form, level_id=id)


def _add_room(session: Session, form: RoomForm) -> None:
    centre.add_room(session, me(), form.room.data, now=now())


def _page(answer: int, form: ServiceForm, room_form: RoomForm) -> BaseResponse:
    return page(
        "service/show.html",
        answer,
        form=form,
        room_form=room_form,
        press=PressForm(formdata=None),
        rooms=centre.rooms(db.session()),
        levels=people.levels(db.session()),
    )
