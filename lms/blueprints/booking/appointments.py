"""Appointments: those of the learner, and those that the team books for a learner."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import SAFE_METHODS, allow, me
from lms.blueprints.booking.appointment_page import build_appointment_page
from lms.clock import now
from lms.current import jobs, organisation, settings
from lms.domain.booking import (
    allocation,
    appointments,
    attendance,
    availability_search,
    learner_status,
    queries,
    team_queries,
    waitlist,
)
from lms.domain.calendars import feeds
from lms.domain.errors import Refused
from lms.domain.people.contact import preferred_channel
from lms.extensions import db, write
from lms.forms import tidy
from lms.forms.booking import CancelForm, SlotForm, parse_slot, slot_value
from lms.forms.waitlist import QuestionForm, WaitlistEntryForm
from lms.i18n import refusals
from lms.models import Booking, Channel, Mode, Person, Role, WaitlistEntry
from lms.refusal_codes import RefusalCode
from lms.web.idempotency import run_once
from lms.web.pages import page

# Views that book a slot or show the chosen one; the picker leaves offers that are over out by itself.
CHOOSING = {f"bookings.{view}" for view in ("confirm", "create", "confirm_move", "update")}

bp = Blueprint("bookings", __name__)


@bp.before_request
def expire_offers() -> None:
    """Expire overdue offers before a slot is booked: the worker may be late, or not run at all."""
    if request.endpoint in CHOOSING:
        try:
            jobs().expire_offers()
        except OperationalError:
            if request.method not in SAFE_METHODS:
                raise
            db.session().rollback()  # a page that is only read does not need it


@bp.get("/bookings")
@allow(Role.LEARNER)
def index() -> BaseResponse:
    session = db.session()
    held = queries.past_appointments(session, me(), 5, now=now())
    pending = learner_status.status_of(session, me(), now=now())
    return page(
        "bookings/index.html",
        coming=queries.upcoming_appointments(session, me(), now=now()),
        pending=pending,
        wait_again=WaitlistEntryForm.repeating(pending.lapsed) if pending.lapsed else None,
        held=held,
        step=next((booking.record.next_step for booking in held if booking.record.next_step), ""),
        form=CancelForm(),
        door=queries.is_room_open,
        at=now(),
    )


@bp.get("/bookings/new")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def new() -> BaseResponse:
    terms = _search_terms(request.args.get("learner"))
    return _picker(terms, wanted=_date(request.args.get("from")))


@bp.get("/bookings/new/confirm")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def confirm() -> BaseResponse:
    terms = _search_terms(request.args.get("learner"))
    return _confirm(terms, request.args.get("hour"))


@bp.post("/bookings")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def create() -> BaseResponse:
    form = SlotForm()
    terms = _search_terms(form.learner.data or None)
    chosen = parse_slot(form.hour.data)
    mode = form.chosen_mode
    if chosen is None or mode is None:
        return _confirm(terms, form.hour.data, 422)
    teacher_id, starts = chosen
    try:
        # Refuses a slot that is already taken without waiting for the write lock.
        if queries.is_claimed_by_other(db.session(), terms.learner_id, teacher_id, starts):
            raise Refused(RefusalCode.SLOT_TAKEN)
        return run_once(form, lambda s: _book(s, terms.learner_id, teacher_id, starts, mode))
    except Refused as refusal:
        return _receipt(terms, teacher_id, starts) or _lost(terms, refusal, starts)


def _book(session: Session, learner_id: str, teacher_id: str, starts: datetime, mode: Mode) -> str:
    learner = queries.bookable_learner(session, me(), learner_id)
    made = appointments.book(
        session, me(), learner, teacher_id, starts, mode, now=now(), zone=settings().time_zone
    )
    return url_for("bookings.show", id=made.id, done="made")


@bp.get("/bookings/<id>")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def show(id: str) -> BaseResponse:
    return _ticket(queries.booking_for(db.session(), me(), id))


def _ticket(
    booking: Booking, form: CancelForm | None = None, question: QuestionForm | None = None, answer: int = 200
) -> BaseResponse:
    session, person, done = db.session(), me(), request.args.get("done")
    is_learner, zone = booking.learner_id == person.id, settings().time_zone
    shown = build_appointment_page(
        session,
        person,
        booking,
        done=done,
        is_mailed=is_learner and _is_mailed(person),
        channel=None if is_learner else preferred_channel(booking.learner, gateway=settings().sends_texts),
        undecided=(
            len(team_queries.conflicts_for(session, person, now=now(), zone=zone))
            if done == "moved" and not is_learner
            else 0
        ),
        free_hour=_bookable_slot(booking) if booking.is_cancelled else None,
        now=now(),
        zone=zone,
    )
    return page(
        "bookings/show.html",
        answer,
        shown=shown,
        form=form or CancelForm(formdata=None),
        question=question or QuestionForm(formdata=None, question=booking.record.question),
    )


@bp.post("/bookings/<id>/cancellation")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def cancel(id: str) -> BaseResponse:
    form = CancelForm()
    found = queries.booking_for(db.session(), me(), id)
    if found.learner_id != me().id and not form.validate():
        return _ticket(found, form, answer=422)

    def in_transaction(session: Session) -> str:
        booking = queries.booking_for(session, me(), id)
        reason = "" if booking.learner_id == me().id else form.reason.data or ""
        appointments.cancel(session, me(), booking, reason, now=now(), zone=settings().time_zone)
        return url_for("bookings.show", id=id, done="cancelled")

    try:
        return run_once(form, in_transaction)
    except Refused as refusal:
        if found.learner_id != me().id and form.reason.data:
            raise  # the page of the refusal holds the reason
        # Already cancelled is the wanted result: the page says so.
        flash(
            refusals.sentence(refusal),
            "success" if refusal.code == RefusalCode.ALREADY_CANCELLED else "error",
        )
        return redirect(url_for("bookings.show", id=id), 303)


@bp.post("/bookings/<id>/question")
@allow(Role.LEARNER)
def ask(id: str) -> BaseResponse:
    form = QuestionForm()
    found = queries.booking_for(db.session(), me(), id)
    if not form.validate():
        return _ticket(found, question=form, answer=422)
    asked = form.question.data or ""
    try:
        # Not `run_once`: the last question counts, even when the same text was sent before.
        write(lambda s: attendance.ask_question(s, me(), queries.booking_for(s, me(), id), asked, now=now()))
    except Refused as refusal:
        form.refuse(refusal, form.question)
        return _ticket(queries.booking_for(db.session(), me(), id), question=form, answer=409)
    flash(_("Votre professeur lit votre question.") if asked else _("Votre question est effacée."), "success")
    return redirect(url_for("bookings.show", id=id), 303)


@bp.get("/bookings/<id>/move")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def move(id: str) -> BaseResponse:
    return _picker(_terms_to_move(db.session(), id), wanted=_date(request.args.get("from")))


@bp.get("/bookings/<id>/move/confirm")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def confirm_move(id: str) -> BaseResponse:
    return _confirm(_terms_to_move(db.session(), id), request.args.get("hour"))


@bp.post("/bookings/<id>/move")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def update(id: str) -> BaseResponse:
    form = SlotForm()
    terms = _terms_to_move(db.session(), id)
    chosen = parse_slot(form.hour.data)
    mode = form.chosen_mode
    if chosen is None or mode is None:
        return _confirm(terms, form.hour.data, 422)
    teacher_id, starts = chosen

    def in_transaction(session: Session) -> str:
        booking = queries.booking_for(session, me(), id)
        if booking.teacher_id != teacher_id:
            raise Refused(RefusalCode.SLOT_GONE)
        before = booking.sequence
        appointments.move(session, me(), booking, starts, mode, now=now(), zone=settings().time_zone)
        return url_for("bookings.show", id=id, done="same" if booking.sequence == before else "moved")

    try:
        if queries.is_claimed_by_other(db.session(), terms.learner_id, teacher_id, starts, but=id):
            raise Refused(RefusalCode.SLOT_TAKEN)
        return run_once(form, in_transaction)
    except Refused as refusal:
        if refusal.code in (RefusalCode.ALREADY_CANCELLED, RefusalCode.ALREADY_BEGUN):
            flash(refusals.sentence(refusal), "error")
            return redirect(url_for("bookings.show", id=id), 303)
        return _lost(_terms_to_move(db.session(), id), refusal, starts)


@bp.get("/s/<id>")
@allow(Role.LEARNER, Role.TEACHER)
def door(id: str) -> BaseResponse:
    """Redirect to the video room while it is open; else show when it opens. Mails link here."""
    booking = queries.own_appointment_for(db.session(), me(), id)
    if booking.is_video and queries.is_room_open(booking, now=now()):
        return redirect(queries.video_url(organisation(), booking), 303)
    over = now() > booking.ends
    return page("bookings/door.html", booking=booking, opens=queries.room_opens_at(booking), over=over)


# -- helpers -------------------------------------------------------------------------------------


def _bookable_slot(booking: Booking) -> str | None:
    """Return the slot of a cancelled appointment; None when it cannot be booked again."""
    terms = availability_search.SearchTerms(booking.learner_id, settings().time_zone, me().id)
    hour = booking.teacher_id, booking.starts
    return (
        slot_value(*hour)
        if availability_search.find_free_slot(db.session(), organisation(), terms, *hour, now=now())
        else None
    )


def _is_mailed(learner: Person) -> bool:
    """Return whether an e-mail confirms the learner's own action: not when a calendar reads the feed."""
    by_mail = preferred_channel(learner, gateway=settings().sends_texts) == Channel.MAIL
    return by_mail and not feeds.has_active_feed(db.session(), learner.id, now=now())


def _receipt(
    terms: availability_search.SearchTerms, teacher_id: str, starts: datetime
) -> BaseResponse | None:
    """Redirect to the appointment or the offer that the learner has at this slot; None when there is none."""
    learner = db.session().get_one(Person, terms.learner_id)
    offer = waitlist.find_held_offer(db.session(), learner, teacher_id, starts, now=now())
    if offer is not None and learner.id == me().id:
        return redirect(url_for("waitlist.offer", id=offer.id), 303)
    for held in queries.upcoming_appointments(db.session(), learner, now=now()):
        if (held.learner_id, held.teacher_id, held.starts) == (learner.id, teacher_id, starts):
            return redirect(url_for("bookings.show", id=held.id), 303)
    return None


def _date(value: str | None) -> date | None:
    try:
        return date.fromisoformat(value or "")
    except ValueError:
        return None


def _search_terms(learner_id: str | None) -> availability_search.SearchTerms:
    person = me()
    learner = queries.bookable_learner(db.session(), person, tidy(learner_id) or person.id)
    return availability_search.SearchTerms(learner.id, settings().time_zone, person.id)


def _terms_to_move(session: Session, id: str) -> availability_search.SearchTerms:
    booking = queries.booking_for(session, me(), id)
    queries.check_upcoming(booking, now=now())
    zone, learner_id = settings().time_zone, booking.learner_id
    return availability_search.SearchTerms(learner_id, zone, me().id, moving=booking)


def _picker_values(terms: availability_search.SearchTerms) -> dict[str, Any]:
    """Return the values that every page of the picker needs: for whom, from where, and the addresses."""
    learner = db.session().get_one(Person, terms.learner_id)
    other_id = None if learner.id == me().id else learner.id
    if terms.moving is None:
        start = url_for("bookings.new", learner=other_id)
        ask, send = url_for("bookings.confirm"), url_for("bookings.create")
    else:
        start = url_for("bookings.move", id=terms.moving.id)
        ask, send = url_for("bookings.confirm_move", id=terms.moving.id), start
    return {
        "learner": learner,
        "for_id": other_id,
        "moving": terms.moving,
        "start": start,
        "ask": ask,
        "send": send,
    }


def _waitlist_entry(terms: availability_search.SearchTerms) -> WaitlistEntry | None:
    """Return the waitlist entry of the learner; None while an appointment is being moved."""
    return waitlist.active_entry(db.session(), terms.learner_id) if terms.moving is None else None


def _picker(
    terms: availability_search.SearchTerms, *, wanted: date | None, answer: int = 200
) -> BaseResponse:
    found = availability_search.load_picker_page(db.session(), organisation(), terms, wanted, now=now())
    days = [(hour.starts.astimezone(terms.zone).date(), hour) for hour in found.hours]
    return page(
        "bookings/new.html",
        answer,
        **_picker_values(terms),
        days=[(day, [hour for _day, hour in group]) for day, group in groupby(days, lambda pair: pair[0])],
        full=found.full,
        waitlist_entry=_waitlist_entry(terms),
        earlier=found.earlier,
        later=found.later,
        hour_value=slot_value,
    )


def _lost(terms: availability_search.SearchTerms, refusal: Refused, starts: datetime) -> BaseResponse:
    """Answer 409: why the slot cannot be booked, and other free slots, the nearest first."""
    week_before = starts.astimezone(terms.zone).date() - timedelta(days=7)
    found = availability_search.load_picker_page(db.session(), organisation(), terms, week_before, now=now())
    near = availability_search.nearest_slots(found.hours, starts)
    return page(
        "bookings/lost.html",
        409,
        **_picker_values(terms),
        near=near,
        waitlist_entry=_waitlist_entry(terms),
        sentence=refusals.sentence(refusal),
        hour_value=slot_value,
    )


def _confirm(terms: availability_search.SearchTerms, value: str | None, answer: int = 200) -> BaseResponse:
    chosen = parse_slot(value)
    if chosen is None:
        return _picker(terms, wanted=None, answer=422)
    hour = availability_search.find_free_slot(db.session(), organisation(), terms, *chosen, now=now())
    if hour is None:
        refusal = allocation.find_refusal(db.session(), organisation(), terms, *chosen, now=now())
        return _receipt(terms, *chosen) or _lost(terms, refusal, chosen[1])
    form = SlotForm(formdata=None, hour=value, learner=terms.learner_id)
    return page("bookings/confirm.html", answer, **_picker_values(terms), hour=hour, form=form)
