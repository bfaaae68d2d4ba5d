"""Learners: the list, adding one, the page of one."""

# Read by the team alone.

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.blueprints.people.labels import STATES
from lms.clock import now
from lms.current import settings
from lms.domain import audit_log
from lms.domain.booking import queries, waitlist
from lms.domain.calendars import offboarding
from lms.domain.errors import Refused
from lms.domain.homework import error_profile, inbox_filing, open_work, signed_views, worklist
from lms.domain.lessons import progress
from lms.domain.paging import PAGE
from lms.domain.people import cards, directory, learners, logins, staff
from lms.domain.people.directory import LearnerState
from lms.extensions import db, write
from lms.forms import tidy
from lms.forms.people import ConfirmForm, LearnerEditForm, LearnerForm, LearnersForm
from lms.models import Role
from lms.web.idempotency import run_once, run_once_with_result
from lms.web.pages import page
from lms.web.paging import asked_page, asked_state

bp = Blueprint("people", __name__)


@bp.get("/people")
@allow(Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def index() -> BaseResponse:
    level = request.args.get("level", "")[:14]
    wanted = directory.LearnerFilter(
        text=(tidy(request.args.get("q")) or "")[:80],
        level_id=level if level.isalnum() else "",
        state=asked_state(LearnerState) or LearnerState.ACTIVE,
        page=asked_page(),
    )
    session = db.session()
    at = now()
    lines, more = directory.list_learners(session, me(), wanted, now=at)
    ids = [line.id for line in lines]
    return page(
        "people/index.html",
        lines=lines,
        total=directory.count_learners(session, me(), wanted, now=at),
        begin=(wanted.page - 1) * PAGE,
        progress=progress.class_progress(session, ids),
        homework=open_work.count_open_work(session, ids) if Role.TEACHER in me().roles else None,
        wanted=wanted,
        levels=directory.levels(session),
        states=STATES.items(),
        is_filtered=wanted != directory.LearnerFilter(),
        may_choose=bool(me().roles & {Role.TEACHER, Role.COORDINATOR}) and wanted.state != LearnerState.LEFT,
        all_chosen=request.args.get("chosen") == "all",
        choose_link=lambda chosen: _list_address(page=wanted.page, chosen=chosen),
        level_link=lambda level_id: _list_address(level=level_id or None, page=None),
        previous=_list_address(page=wanted.page - 1) if wanted.page > 1 else None,
        following=_list_address(page=wanted.page + 1) if more else None,
    )


@bp.route("/people/new", methods=["GET", "POST"])
@allow(Role.TEACHER, Role.COORDINATOR)
def new() -> BaseResponse:
    form = LearnerForm()
    form.offer(directory.levels(db.session()))
    if form.validate_on_submit():
        try:
            return run_once(form, lambda session: _made(session, form))
        except Refused as refusal:
            form.refuse(refusal)
    return page("people/new.html", 422 if form.is_submitted() else 200, form=form)


@bp.route("/people/several", methods=["GET", "POST"])
@allow(Role.TEACHER, Role.COORDINATOR)
def several() -> BaseResponse:
    """Add several learners of one level in one transaction."""
    form = LearnersForm()
    form.offer(directory.levels(db.session()))
    if form.validate_on_submit():
        try:
            added, location = run_once_with_result(form, lambda session: _made_several(session, form), str)
        except Refused as refusal:
            form.refuse(refusal)
        else:
            if added:
                number = len(form.cleaned)
                flash(_("Personnes ajoutées\N{NO-BREAK SPACE}: %(number)s.", number=number), "success")
            return redirect(location, 303)
    return page("people/several.html", 422 if form.is_submitted() else 200, form=form)


@bp.get("/people/<id>")
@allow(Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def show(id: str) -> BaseResponse:
    session = db.session()
    person = directory.person_for(session, me(), id)
    lines = audit_log.events_for(session, id, 30) if Role.COORDINATOR in me().roles else None
    both = {
        "person": person,
        "form": ConfirmForm(formdata=None),
        "entries": len(logins.active_logins(session, person, now=now())),
        "lines": lines,
        "appointments": queries.upcoming_appointments(session, person, 4, now=now()) if id != me().id else (),
        "actors": directory.names_of(session, {line.actor_id for line in lines or () if line.actor_id}),
    }
    if not person.is_learner:
        return page("people/colleague.html", **both)
    opened = directory.opened_level_ids(session, person)
    levels, bridges = directory.levels(session), progress.progress_by_level(session, person)
    return page(
        "people/show.html",
        **both,
        opened=[level for level in levels if level.id in opened],
        bridges=[(level, *bridges[level.id]) for level in levels if level.id in bridges],
        next_lesson=progress.next_lesson(session, person),
        # Only teachers see submissions: for others they are not even loaded.
        profiles=error_profile.profiles_of_learner(session, person.id) if Role.TEACHER in me().roles else (),
        works=worklist.assignments_for_team(session, person) if Role.TEACHER in me().roles else None,
        waitlist_entry=waitlist.active_entry(session, person.id) if person.is_active else None,
        card=cards.card_of(session, person),
        may_change=bool(me().roles & {Role.TEACHER, Role.COORDINATOR}),
        known_addresses=inbox_filing.known_addresses(session, person) if settings().has_inbox else (),
    )


@bp.post("/people/<id>/addresses/<address_id>/removal")
@allow(Role.TEACHER, Role.COORDINATOR)
def forget_address(id: str, address_id: str) -> BaseResponse:
    """Untie an address from which the learner sent homework."""

    def in_transaction(session: Session) -> None:
        learner = directory.learner_for(session, me(), id)
        inbox_filing.forget_address(session, me(), learner, address_id, now=now())

    write(in_transaction)
    flash(_("Cette adresse est oubliée."), "success")
    return redirect(url_for("people.show", id=id), 303)


@bp.route("/people/<id>/edit", methods=["GET", "POST"])
@allow(Role.TEACHER, Role.COORDINATOR)
def edit(id: str) -> BaseResponse:
    session = db.session()
    person = directory.learner_for(session, me(), id)
    form = LearnerEditForm(obj=person)
    form.offer_more(directory.levels(session), directory.social_workers(session))
    if not form.is_submitted():
        form.opened.data = list(directory.opened_level_ids(session, person))
        form.social_worker_id.data = person.social_worker_id or ""
    elif form.validate():
        try:
            write(lambda s: _change(s, id, form))
        except Refused as refusal:
            form.refuse(refusal)
        else:
            flash(_("C’est modifié."), "success")
            return redirect(url_for("people.show", id=id), 303)
    return page("people/edit.html", 422 if form.is_submitted() else 200, form=form, person_id=id)


@bp.post("/people/<id>/deactivation")
@allow(Role.TEACHER, Role.COORDINATOR)
def deactivate(id: str) -> BaseResponse:
    """Deactivate a person: teachers may deactivate learners, a coordinator everybody."""

    def in_transaction(session: Session) -> int:
        person = directory.person_for(session, me(), id)
        # First, so that the freed slots are offered neither with this teacher nor to this learner.
        staff.deactivate(session, me(), person, now=now())
        signed_views.revoke_views_of(session, person, now=now())
        return offboarding.end_lost_roles(session, me(), person, now=now(), zone=settings().time_zone)

    cancelled = write(in_transaction)
    flash(_("Cette personne ne peut plus entrer."), "success")
    if cancelled:
        flash(_("Rendez-vous annulés : %(number)s.", number=cancelled), "success")
    return redirect(url_for("people.show", id=id), 303)


@bp.post("/people/<id>/reactivation")
@allow(Role.TEACHER, Role.COORDINATOR)
def reactivate(id: str) -> BaseResponse:
    def in_transaction(session: Session) -> None:
        person = directory.person_for(session, me(), id)
        staff.reactivate(session, me(), person, now=now())
        waitlist.offer_new_hours(session, teacher_id=person.id, now=now(), zone=settings().time_zone)

    write(in_transaction)
    flash(_("Cette personne peut entrer de nouveau."), "success")
    return redirect(url_for("people.show", id=id), 303)


def _made(session: Session, form: LearnerForm) -> str:
    form.check_namesakes(directory.find_namesakes(session, [form.name.data]))
    learner = learners.add_learner(session, me(), form.facts(), now=now())
    return url_for("people.show", id=learner.id)


def _made_several(session: Session, form: LearnersForm) -> str:
    """Add the learners of the form at one moment, by which the page of their cards finds them."""
    form.check_namesakes(directory.find_namesakes(session, form.cleaned))
    moment = now()
    for facts in form.facts():
        learners.add_learner(session, me(), facts, now=moment)
    added = int(moment.timestamp())
    return url_for("people_cards.make_several", level=form.level_id.data, added=added)


def _change(session: Session, learner_id: str, form: LearnerEditForm) -> None:
    learner = directory.learner_for(session, me(), learner_id)
    form.check_namesakes(directory.find_namesakes_of_renamed(session, learner, form.name.data))
    learners.update_learner(session, me(), learner, form.facts(), now=now())


def _list_address(**changed: str | int | None) -> str:
    """Return the address of the list as it is filtered now, with something changed; None leaves it out."""
    kept: dict[str, Any] = {
        name: request.args[name] for name in ("q", "level", "state") if request.args.get(name)
    }
    return url_for("people.index", **{**kept, **changed})
