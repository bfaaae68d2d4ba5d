"""Availability of a teacher: weekly rules and special days."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.blueprints.booking import undo_deletion
from lms.blueprints.booking.conflicts import count_conflicts
from lms.clock import now
from lms.current import organisation, settings
from lms.domain.booking import (
    availability,
    holidays,
    openings,
    special_days,
    stored_hours,
    video_addresses,
    video_rooms,
)
from lms.domain.errors import Refused
from lms.extensions import db, write
from lms.forms.booking import SERVICE, WEEKDAYS, CopyForm, EndForm, RuleForm, SpecialForm, UndoForm, VideoForm
from lms.i18n import dates, refusals
from lms.models import Availability, DayKind, Person, Role
from lms.refusal_codes import RefusalCode
from lms.web.idempotency import run_once
from lms.web.pages import page
from lms.web.paging import pager_links

bp = Blueprint("availability", __name__)


# -- weekly rules --------------------------------------------------------------------------------


@bp.get("/agenda/availability")
@allow(Role.TEACHER)
def rules() -> BaseResponse:
    form = RuleForm()
    form.valid_from.data = _today()
    # Chosen from the beginning: the working days that have no hours yet.
    given = {rule.weekday for rule in availability.rules_of(db.session(), me(), _today())}
    form.weekday.data = [str(weekday) for weekday in range(5) if weekday not in given]
    return _rules(form)


@bp.post("/agenda/availability")
@allow(Role.TEACHER)
def add_rules() -> BaseResponse:
    form = RuleForm()
    if not form.validate():
        return _rules(form, 422)
    dates_given = form.valid_from.data, form.valid_until.data
    present: list[int] = []

    def in_transaction(session: Session) -> str:
        _added, present[:] = availability.add_rules(
            session, me(), form.weekdays, form.hours, dates_given, now=now(), zone=settings().time_zone
        )
        return url_for("availability.rules")

    try:
        answer = run_once(form, in_transaction)
    except Refused as refusal:
        form.refuse(refusal)
        return _rules(form, 422)
    hours = form.hours
    if len(present) < len(form.weekdays):
        starts = openings.starts_between(hours.start, hours.end, hours.mode, _buffer())
        shown = ", ".join(dates.hour(start, settings().time_zone) for start in starts)
        flash(_("Les heures sont notées. Rendez-vous à %(hours)s.", hours=shown), "success")
    if present:
        flash(_("Ces heures existent déjà : %(days)s.", days=_names(present)), "warning")
    return answer


@bp.post("/agenda/availability/copies")
@allow(Role.TEACHER)
def copy_day() -> BaseResponse:
    form = CopyForm()
    source = form.source_weekday
    if not form.validate() or source is None:
        rule = RuleForm(formdata=None, valid_from=_today())
        return _rules(rule, 422, copy=form, copied=source)
    changed: list[int] = []

    def in_transaction(session: Session) -> str:
        changed[:] = availability.copy_day(
            session, me(), source, form.weekdays, _today(), now=now(), zone=settings().time_zone
        )
        return url_for("availability.rules")

    answer = run_once(form, in_transaction)
    if changed:
        flash(_("Les heures sont copiées : %(days)s.", days=_names(changed)), "success")
    else:
        flash(_("Ces heures existent déjà : %(days)s.", days=_names(form.weekdays)), "warning")
    return answer


@bp.post("/agenda/availability/<id>/end")
@allow(Role.TEACHER)
def end_rule(id: str) -> BaseResponse:
    form = EndForm()
    if not form.validate():
        rule = RuleForm(formdata=None, valid_from=_today())
        return _rules(rule, 422, end=form, ending=id)
    last, zone = form.last.data, settings().time_zone
    deleted = write(lambda s: availability.end_rule(s, me(), id, last, now=now(), zone=zone))
    if deleted is not None:
        undo_deletion.keep_deleted(deleted)
    return _settled(_("Ces heures s’arrêtent à cette date."), "availability.rules")


@bp.post("/agenda/availability/<id>/deletion")
@allow(Role.TEACHER)
def delete_rule(id: str) -> BaseResponse:
    deleted = write(lambda s: availability.delete_rule(s, me(), id, now=now(), zone=settings().time_zone))
    undo_deletion.keep_deleted(deleted)
    return _settled(_("Ces heures sont supprimées. Les rendez-vous restent."), "availability.rules")


@bp.post("/agenda/availability/video")
@allow(Role.TEACHER)
def set_video() -> BaseResponse:
    form = VideoForm()
    address, zone = form.video_address.data, settings().time_zone
    if form.validate() and address is not None:
        try:
            write(lambda s: video_addresses.set_video_address(s, me(), address, now=now(), zone=zone))
        except Refused as refusal:
            form.refuse(refusal, form.video_address)
        else:
            said = _("Le lien vidéo est enregistré.") if address else _("Le lien vidéo est supprimé.")
            flash(said, "success")
            return redirect(url_for("availability.rules", _anchor="video"), 303)
    return _rules(RuleForm(formdata=None, valid_from=_today()), 422, video=form)


def _rules(
    form: RuleForm,
    answer: int = 200,
    end: EndForm | None = None,
    ending: str | None = None,
    copy: CopyForm | None = None,
    copied: int | None = None,
    video: VideoForm | None = None,
) -> BaseResponse:
    """Show the weekly hours.

    `end`: the refused form that was to end the rule `ending`. `copy`: the one that was to copy the weekday
    `copied`.
    """
    session = db.session()
    found = availability.rules_of(session, me(), _today())
    return page(
        "agenda/availability.html",
        answer,
        form=form,
        end=end,
        ending=ending,
        copy=copy or CopyForm(formdata=None),
        copied=copied,
        has_video=video_rooms.has_address(organisation(), me()),
        video=video or VideoForm(formdata=None, obj=me()),
        weekdays=WEEKDAYS,
        week=[(n, [rule for rule in found if rule.weekday == n]) for n in range(7)],
        rules=found,
        made=openings.slots_of_rules(found, _buffer()),
        today=_today(),
        rooms=availability.open_rooms(session),
        undecided=count_conflicts(),
        deletion=undo_deletion.undo_offer(),
    )


# -- special days --------------------------------------------------------------------------------


@bp.get("/agenda/exceptions")
@allow(Role.TEACHER, Role.COORDINATOR)
def exceptions() -> BaseResponse:
    return _exceptions(_special_form())


@bp.post("/agenda/exceptions")
@allow(Role.TEACHER, Role.COORDINATOR)
def add_exception() -> BaseResponse:
    form = _special_form()
    if not form.validate():
        return _exceptions(form, 422)

    def in_transaction(session: Session) -> str:
        if form.dates[1] < _today():
            raise Refused(
                RefusalCode.DATES_BACKWARD if form.dates[1] < form.dates[0] else RefusalCode.DAY_OVER
            )
        _differ(session, form)
        return url_for("availability.exceptions")

    try:
        run_once(form, in_transaction)
    except Refused as refusal:
        form.refuse(refusal)
        return _exceptions(form, 422)
    return _settled(_("C’est noté. Les rendez-vous restent."), "availability.exceptions")


def _differ(session: Session, form: SpecialForm) -> None:
    whose: str = form.whose.data if form.whose else me().id
    teacher = None if whose == SERVICE else session.get_one(Person, whose)
    reason = form.reason.data or ""
    change = availability.close_days if form.kind.data == DayKind.CLOSED else availability.add_extra_hours
    zone = settings().time_zone
    change(session, me(), teacher, form.dates, form.hours, reason, now=now(), zone=zone)


@bp.post("/agenda/exceptions/<id>/deletion")
@allow(Role.TEACHER, Role.COORDINATOR)
def delete_exception(id: str) -> BaseResponse:
    deleted = write(lambda s: availability.delete_special(s, me(), id, now=now(), zone=settings().time_zone))
    undo_deletion.keep_deleted(deleted)
    return _settled(_("L’exception est supprimée."), "availability.exceptions")


# -- taking a deletion back ------------------------------------------------------------------------


@bp.post("/agenda/deletion/undo")
@allow(Role.TEACHER, Role.COORDINATOR)
def undo() -> BaseResponse:
    """Write the deleted hours again. Not `run_once`: hours that are there again stay as they are."""
    signed, back = UndoForm().deleted.data or "", "availability.exceptions"
    try:
        deleted = undo_deletion.read_deleted(signed)
        if isinstance(deleted.row(), Availability):
            back = "availability.rules"
        write(lambda s: stored_hours.restore_hours(s, me(), deleted, now=now(), zone=settings().time_zone))
    except Refused as refusal:
        flash(refusals.sentence(refusal), "error")
        return redirect(url_for(back), 303)
    undo_deletion.forget_deleted(signed)
    return _settled(_("C’est de nouveau là."), back)


def _special_form() -> SpecialForm:
    """Return the form of a special day; only a coordinator chooses for whom it is."""
    form = SpecialForm()
    if me().is_coordinator:
        teachers = availability.teacher_names(db.session())
        form.for_one_of(teachers, me().id if me().id in teachers else SERVICE)
    else:
        del form.whose
    return form


def _exceptions(form: SpecialForm, answer: int = 200) -> BaseResponse:
    session, person = db.session(), me()
    cut, specials = special_days.specials_page(session, person, request.args.get("after"), _today())
    own = special_days.own_specials(session, person, _today())
    language = str(get_locale() or "fr")
    return page(
        "agenda/exceptions.html",
        answer,
        weekdays=WEEKDAYS,
        form=form,
        specials=specials,
        made=openings.slots_of_openings(session, specials, _today(), zone=settings().time_zone),
        rooms=availability.open_rooms(session),
        days_off=holidays.days_off(person, own, _today(), language),
        undecided=count_conflicts(),
        deletion=undo_deletion.undo_offer(),
        teaches=Role.TEACHER in person.roles,
        has_video=video_rooms.has_address(organisation(), person),
        coordinates=me().is_coordinator,
        everybody=SERVICE,
        **pager_links(cut, "availability.exceptions"),
    )


# -- helpers -------------------------------------------------------------------------------------


def _settled(sentence: str, back: str) -> BaseResponse:
    """Redirect back to the list, which says how many appointments wait for a decision."""
    flash(sentence, "success")
    return redirect(url_for(back), 303)


def _names(weekdays: Sequence[int]) -> str:
    return ", ".join(str(WEEKDAYS[weekday]) for weekday in weekdays)


def _buffer() -> timedelta:
    return timedelta(minutes=organisation().onsite_buffer_minutes)


def _today() -> date:
    return now().astimezone(settings().time_zone).date()
