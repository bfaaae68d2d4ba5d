"""Appointments for the team: attendance, notes, swaps, absence of a teacher."""

# Read by the team alone.

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.current import settings
from lms.domain.booking import absence as booking_absence
from lms.domain.booking import (
    appointments,
    attendance,
    availability,
    queries,
    team_queries,
)
from lms.domain.booking.permissions import check_may_manage
from lms.domain.errors import Absent, Refused
from lms.domain.people.contact import count_by_delivery, preferred_channel
from lms.extensions import db, write
from lms.forms.appointments import AbsenceForm, NoteForm, SwapForm
from lms.forms.booking import parse_day
from lms.i18n import dates, refusals
from lms.models import Booking, Channel, Person, Role
from lms.web.idempotency import run_once
from lms.web.pages import page

bp = Blueprint("booking_team", __name__)

NEAR = timedelta(days=14)
_WEEK = re.compile(r"\d{4}-W\d{2}")


# -- attendance ----------------------------------------------------------------------------------


@bp.post("/bookings/<id>/attendance")
@allow(Role.TEACHER, Role.COORDINATOR)
def mark(id: str) -> BaseResponse:
    """Mark attendance with one of four buttons; an empty value clears the mark."""
    value = request.form.get("attendance", "unsaid")
    week = request.form.get("week", "")
    try:
        write(
            lambda s: attendance.mark_attendance(
                s, me(), queries.booking_for(s, me(), id), value or None, now=now()
            )
        )
    except Refused as refusal:
        flash(refusals.sentence(refusal), "error")
    if _WEEK.fullmatch(week) and Role.TEACHER in me().roles:
        return redirect(url_for("agenda.index", week=week, _anchor=f"b-{id}"), 303)
    return redirect(url_for("bookings.show", id=id, _anchor="session"), 303)


# -- note of the teacher ------------------------------------------------------------------------------


@bp.post("/bookings/<id>/note")
@allow(Role.TEACHER)
def note(id: str) -> BaseResponse:
    form = NoteForm()
    booking = queries.booking_for(db.session(), me(), id)
    if booking.teacher_id != me().id:
        raise Absent
    if not form.validate():
        return page("booking_team/note.html", 422, booking=booking, form=form)

    def in_transaction(session: Session) -> str:
        found = queries.booking_for(session, me(), id)
        words = form.private_note.data or "", form.next_step.data or ""
        attendance.write_note(session, me(), found, *words, now=now())
        return url_for("bookings.show", id=id, _anchor="session")

    answer = run_once(form, in_transaction)
    flash(_("C’est enregistré."), "success")
    return answer


# -- swap of two appointments -------------------------------------------------------------------------


@bp.get("/bookings/<id>/swap")
@allow(Role.TEACHER, Role.COORDINATOR)
def swap(id: str) -> BaseResponse:
    return _swap(id, SwapForm(formdata=None))


@bp.post("/bookings/<id>/swap")
@allow(Role.TEACHER, Role.COORDINATOR)
def exchange(id: str) -> BaseResponse:
    form = SwapForm()
    other_id = form.other.data
    if not other_id:
        form.form_errors.append(_("Choisissez une personne."))
        return _swap(id, form, 422)

    def in_transaction(session: Session) -> str:
        booking = queries.booking_for(session, me(), id)
        other = queries.booking_for(session, me(), other_id)
        appointments.swap(session, me(), booking, other, now=now(), zone=settings().time_zone)
        return url_for("bookings.show", id=id)

    try:
        answer = run_once(form, in_transaction)
    except Refused as refusal:
        form.refuse(refusal)
        return _swap(id, form, 409)
    both = [queries.booking_for(db.session(), me(), each) for each in (id, other_id)]
    sentences = [_("C’est échangé."), *(_notified(each) for each in both)]
    _reached, by_hand = count_by_delivery([each.learner for each in both], gateway=settings().sends_texts)
    if by_hand:
        sentences.append(_("À prévenir vous-même : %(number)s.", number=by_hand))
    flash(" ".join(sentences), "success")
    return answer


def _swap(id: str, form: SwapForm, answer: int = 200) -> BaseResponse:
    session, moment = db.session(), now()
    booking = queries.booking_for(session, me(), id)
    check_may_manage(me(), booking.teacher_id)
    try:
        queries.check_upcoming(booking, now=moment)
    except Refused as refusal:
        flash(refusals.sentence(refusal), "error")
        return redirect(url_for("bookings.show", id=id), 303)
    others = team_queries.swap_candidates(session, booking, now=moment)
    return page(
        "booking_team/swap.html",
        answer,
        booking=booking,
        form=form,
        near=[other for other in others if other.starts <= moment + NEAR],
        later=[other for other in others if other.starts > moment + NEAR],
    )


def _notified(booking: Booking) -> str:
    zone = settings().time_zone
    sentence = _(
        "%(name)s : %(day)s, %(hour)s.",
        name=booking.learner.name,
        day=dates.day(booking.starts, zone, str(get_locale() or "fr")),
        hour=dates.hour(booking.starts, zone),
    )
    return str(sentence)


# -- absence of a teacher -----------------------------------------------------------------------------


@bp.get("/agenda/absence")
@allow(Role.TEACHER, Role.COORDINATOR)
def absence() -> BaseResponse:
    """Show which learners will be notified, and how, before a day is cancelled. No reason is asked."""
    form = AbsenceForm(formdata=None)
    return _absence(form, request.args.get("teacher"), request.args.get("day"))


@bp.post("/agenda/absence")
@allow(Role.TEACHER, Role.COORDINATOR)
def call_off() -> BaseResponse:
    form = AbsenceForm()
    teacher, day = _teacher(form.teacher.data), parse_day(form.day.data)
    if teacher is None or day is None:
        return _absence(form, form.teacher.data, form.day.data, 422)

    def in_transaction(session: Session) -> str:
        absent = session.get_one(Person, teacher.id)
        booking_absence.cancel_day(session, me(), absent, day, now=now(), zone=settings().time_zone)
        return url_for("booking_team.absence", teacher=absent.id, day=day.isoformat())

    try:
        return run_once(form, in_transaction)
    except Refused as refusal:
        form.refuse(refusal)
        return _absence(form, form.teacher.data, form.day.data, 422)


def _absence(
    form: AbsenceForm, teacher_id: str | None, day_value: str | None, answer: int = 200
) -> BaseResponse:
    zone = settings().time_zone
    today = now().astimezone(zone).date()
    teacher, day = _teacher(teacher_id), parse_day(day_value) or today
    found = team_queries.teacher_day(db.session(), teacher, day, now=now(), zone=zone) if teacher else None
    form.teacher.data, form.day.data = teacher.id if teacher else "", day.isoformat()
    channels = _channels([*found.ahead, *found.cancelled_by_teacher]) if found else {}
    learner_ids = {booking.learner_id for booking in found.cancelled_by_teacher} if found else set()
    reached = {
        learner_id for learner_id in learner_ids if channels[learner_id] in (Channel.MAIL, Channel.SMS)
    }
    return page(
        "booking_team/absence.html",
        answer,
        form=form,
        teacher=teacher,
        teachers=_teachers(),
        day=day,
        today=today,
        found=found,
        channels=channels,
        notified=len(reached),
        written=any(channels[learner_id] == Channel.HAND for learner_id in learner_ids),
        by_hand=len(learner_ids - reached),
    )


def _channels(found: Sequence[Booking]) -> dict[str, Channel | None]:
    """Return the channel that notifies each learner, by id."""
    return {
        booking.learner_id: preferred_channel(booking.learner, gateway=settings().sends_texts)
        for booking in found
    }


def _teachers() -> Sequence[Person]:
    """Return the teachers whose absence this person may enter."""
    if Role.COORDINATOR not in me().roles:
        return [me()]
    return availability.active_teachers(db.session())


def _teacher(teacher_id: str | None) -> Person | None:
    """Return the chosen teacher, else the person when a teacher, else None. Raises `Absent` for others."""
    wanted = teacher_id or (me().id if Role.TEACHER in me().roles else None)
    found = [person for person in _teachers() if person.id == wanted]
    if teacher_id and not found:
        raise Absent
    return found[0] if found else None
