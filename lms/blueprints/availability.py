"""A teacher's weekly hours, the days that differ, and the appointments that no longer fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from flask import Blueprint, flash, redirect, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.domain.booking import availability
from lms.domain.errors import Refused
from lms.extensions import db, write
from lms.forms.booking import WEEKDAYS, EndForm, RuleForm, SpecialForm
from lms.models import SpecialDay
from lms.web import once, page, service, settings

bp = Blueprint("availability", __name__)

# -- weekly hours --------------------------------------------------------------------------------


@bp.get("/agenda/availability")
@allow("teacher")
def rules() -> BaseResponse:
    form = RuleForm()
    form.valid_from.data = _today()
    return _rules(form)


@bp.post("/agenda/availability")
@allow("teacher")
def add_rule() -> BaseResponse:
    form = RuleForm()
    if not form.validate():
        return _rules(form, 422)

    def deed(session: Session) -> str:
        availability.add_rule(
            session,
            me(),
            int(form.weekday.data),
            form.hours,
            form.valid_from.data,
            form.valid_until.data,
            now(),
        )
        return url_for("availability.rules")

    return _try(form, deed, _("Les heures sont notées."), lambda: _rules(form, 422))


@bp.post("/agenda/availability/<id>/end")
@allow("teacher")
def end_rule(id: str) -> BaseResponse:
    form = EndForm()
    if not form.validate():
        flash(_("Choisissez le dernier jour."), "error")
        return redirect(url_for("availability.rules"), 303)
    write(lambda s: availability.end_rule(s, me(), id, form.last.data, now()))
    flash(_("Ces heures s’arrêtent à cette date."), "success")
    return redirect(url_for("availability.rules"), 303)


@bp.post("/agenda/availability/<id>/deletion")
@allow("teacher")
def delete_rule(id: str) -> BaseResponse:
    write(lambda s: availability.delete_rule(s, me(), id, now()))
    flash(_("Ces heures sont supprimées. Les rendez-vous restent."), "success")
    return redirect(url_for("availability.rules"), 303)


def _rules(form: RuleForm, answer: int = 200) -> BaseResponse:
    session, zone = db.session(), settings().time_zone
    mine = availability.rules_of(session, me(), _today())
    return page(
        "agenda/availability.html",
        answer,
        form=form,
        end=EndForm(formdata=None, last=_today()),
        weekdays=WEEKDAYS,
        rules=mine,
        today=_today(),
        rooms=availability.rooms(session),
        strays=[one for one in availability.strays(session, me(), now(), zone) if not one.closed],
    )


# -- days that differ ----------------------------------------------------------------------------


@bp.get("/agenda/exceptions")
@allow("teacher", "coordinator")
def exceptions() -> BaseResponse:
    return _exceptions(SpecialForm())


@bp.post("/agenda/exceptions")
@allow("teacher", "coordinator")
def add_exception() -> BaseResponse:
    form = SpecialForm()
    if not form.validate():
        return _exceptions(form, 422)
    roles = me().roles
    whole = "teacher" not in roles or ("coordinator" in roles and form.whole.data == "service")

    def deed(session: Session) -> str:
        if form.kind.data == "open" and not whole:
            availability.open_extra(
                session,
                me(),
                me(),
                form.dates,
                form.hours,
                form.reason.data or "",
                now(),
                settings().time_zone,
            )
        else:
            teacher = None if whole else me()
            availability.close(session, me(), teacher, form.dates, form.hours, form.reason.data or "", now())
        return url_for("availability.exceptions")

    return _try(form, deed, _("C’est noté. Les rendez-vous restent."), lambda: _exceptions(form, 422))


@bp.post("/agenda/exceptions/<id>/deletion")
@allow("teacher", "coordinator")
def delete_exception(id: str) -> BaseResponse:
    write(lambda s: availability.delete_special(s, me(), id, now()))
    flash(_("L’exception est supprimée."), "success")
    return redirect(url_for("availability.exceptions"), 303)


def _exceptions(form: SpecialForm, answer: int = 200) -> BaseResponse:
    session, zone, person = db.session(), settings().time_zone, me()
    everybody = "coordinator" in person.roles
    specials: Sequence[SpecialDay] = availability.specials_for(session, person, _today())
    strays = availability.strays(session, None if everybody else person, now(), zone)
    return page(
        "agenda/exceptions.html",
        answer,
        form=form,
        specials=specials,
        rooms=availability.rooms(session),
        holidays=availability.holidays_ahead(service(), _today(), str(get_locale() or "fr")),
        strays=[one for one in strays if one.closed],
        teaches="teacher" in person.roles,
        coordinates=everybody,
    )


def _today() -> date:
    return now().astimezone(settings().time_zone).date()


def _try(
    form: RuleForm | SpecialForm,
    deed: Callable[[Session], str],
    sentence: str,
    again: Callable[[], BaseResponse],
) -> BaseResponse:
    try:
        answer = once(form, deed)
    except Refused as no:
        form.refuse(no)
        return again()
    flash(sentence, "success")
    return answer
