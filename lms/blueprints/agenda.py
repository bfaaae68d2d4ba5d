"""The teacher's week, her weekly hours and the days that differ."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.domain import booking as bookings
from lms.domain.booking import availability
from lms.domain.errors import Refused
from lms.domain.slots import Slot
from lms.extensions import db, write
from lms.forms.booking import WEEKDAYS, EndForm, RuleForm, SpecialForm
from lms.models import Booking, SpecialDay
from lms.web import once, page, service, settings

bp = Blueprint("agenda", __name__)

DAY = timedelta(days=1)
_WEEK = re.compile(r"(\d{4})-W(\d{2})")


@dataclass
class Band:
    """Free hours that follow each other, in the same way."""

    starts: datetime
    ends: datetime
    modes: frozenset[str]


@dataclass
class Day:
    """One day of the week: appointments in front, free hours behind."""

    date: date
    booked: list[Booking] = field(default_factory=list)
    free: list[Band] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    @property
    def entries(self) -> list[Booking | Band]:
        return sorted([*self.booked, *self.free], key=lambda entry: entry.starts)


@bp.get("/agenda")
@allow("teacher")
def index() -> BaseResponse:
    zone = settings().time_zone
    today = now().astimezone(zone).date()
    asked = request.args.get("week")
    monday = _monday(asked, today)
    days = _week(monday)
    if asked is None and is_over(days, today, now()):
        monday += 7 * DAY
        days = _week(monday)
    shown = [day for day in days if day.date.weekday() < 5 or day.entries]
    around = [
        f"{d.isocalendar().year}-W{d.isocalendar().week:02}" for d in (monday - 7 * DAY, monday + 7 * DAY)
    ]
    return page("agenda/index.html", days=shown, monday=monday, today=today, around=around, at=now())


def _week(monday: date) -> list[Day]:
    days = [Day(monday + n * DAY) for n in range(7)]
    _fill(db.session(), days)
    return days


def is_over(days: Sequence[Day], today: date, moment: datetime) -> bool:
    """At the weekend a teacher prepares the week that comes, unless somebody still comes in this one."""
    return today.weekday() >= 5 and not any(entry.ends > moment for day in days for entry in day.entries)


def _fill(session: Session, days: list[Day]) -> None:
    zone, person = settings().time_zone, me()
    first, last = days[0].date, days[-1].date
    by_date = {day.date: day for day in days}
    begin, end = (datetime.combine(day, time(), zone) for day in (first, last + DAY))
    taken = bookings.between(session, person, begin, end)
    for booking in taken:
        by_date[booking.starts.astimezone(zone).date()].booked.append(booking)
    for when, name in availability.holidays_between(first, last, str(get_locale() or "fr")):
        by_date[when].closed.append(name)
    for special in availability.specials_for(session, person, first):
        for day in days:
            if special.kind == "closed" and special.date_from <= day.date <= special.date_until:
                day.closed.append(special.reason or _("Fermé"))
    offered = bookings.timetable(session, first, last, zone, teacher_id=person.id).offered(first, last)
    open_slots = [
        slot
        for slot in offered
        if slot.starts > now() and not any(b.starts < slot.ends and slot.starts < b.free_at for b in taken)
    ]
    for band in _bands(open_slots):
        by_date[band.starts.astimezone(zone).date()].free.append(band)


def _bands(slots: Sequence[Slot]) -> list[Band]:
    """Hours of one way after the other become one band."""
    modes: dict[datetime, set[str]] = {}
    ends = {slot.starts: slot.ends for slot in slots}
    for slot in slots:
        modes.setdefault(slot.starts, set()).add(slot.mode)
    bands: list[Band] = []
    for starts in sorted(modes):
        if bands and bands[-1].ends == starts and bands[-1].modes == modes[starts]:
            bands[-1].ends = ends[starts]
        else:
            bands.append(Band(starts, ends[starts], frozenset(modes[starts])))
    return bands


def _monday(week: str | None, today: date) -> date:
    found = _WEEK.fullmatch(week or "")
    try:
        if found and 2020 <= int(found[1]) <= 2100:
            return date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError:
        pass
    return today - today.weekday() * DAY


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
        return url_for("agenda.rules")

    return _try(form, deed, _("Les heures sont notées."), lambda: _rules(form, 422))


@bp.post("/agenda/availability/<id>/end")
@allow("teacher")
def end_rule(id: str) -> BaseResponse:
    form = EndForm()
    if not form.validate():
        flash(_("Choisissez le dernier jour."), "error")
        return redirect(url_for("agenda.rules"), 303)
    write(lambda s: availability.end_rule(s, me(), id, form.last.data, now()))
    flash(_("Ces heures s’arrêtent à cette date."), "success")
    return redirect(url_for("agenda.rules"), 303)


@bp.post("/agenda/availability/<id>/deletion")
@allow("teacher")
def delete_rule(id: str) -> BaseResponse:
    write(lambda s: availability.delete_rule(s, me(), id, now()))
    flash(_("Ces heures sont supprimées. Les rendez-vous restent."), "success")
    return redirect(url_for("agenda.rules"), 303)


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
        return url_for("agenda.exceptions")

    return _try(form, deed, _("C’est noté. Les rendez-vous restent."), lambda: _exceptions(form, 422))


@bp.post("/agenda/exceptions/<id>/deletion")
@allow("teacher", "coordinator")
def delete_exception(id: str) -> BaseResponse:
    write(lambda s: availability.delete_special(s, me(), id, now()))
    flash(_("L’exception est supprimée."), "success")
    return redirect(url_for("agenda.exceptions"), 303)


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
