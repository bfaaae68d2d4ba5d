"""Appointments: those of the learner, and those that the team books for a learner."""

from __future__ import annotations

from datetime import date, datetime

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.blueprints.booking.appointment_page import build_appointment_page
from lms.blueprints.booking.picker_page import (
    find_receipt,
    search_terms,
    show_confirmation,
    show_other_slots,
    show_picker,
    terms_to_move,
)
from lms.clock import now
from lms.current import jobs, organisation, settings
from lms.domain.booking import (
    appointments,
    attendance,
    availability_search,
    learner_status,
    queries,
    team_queries,
    video_rooms,
)
from lms.domain.calendars import feeds
from lms.domain.errors import Absent, Refused
from lms.domain.people.contact import preferred_channel
from lms.extensions import db, write
from lms.forms.booking import CancelForm, SlotForm, parse_slot, slot_value
from lms.forms.waitlist import QuestionForm, WaitlistEntryForm
from lms.i18n import refusals
from lms.models import Booking, Channel, Mode, Person, Role
from lms.refusal_codes import RefusalCode
from lms.web.idempotency import run_once
from lms.web.pages import page

# Views that book a slot; the pages that only show slots leave what is over out by themselves.
BOOKING = {"bookings.create", "bookings.update"}

bp = Blueprint("bookings", __name__)


@bp.before_request
def free_overdue() -> None:
    """Free what is over before a slot is booked: the worker may be late, or not run at all."""
    if request.endpoint in BOOKING and request.method == "POST":
        jobs().free_overdue()


@bp.get("/bookings")
@allow(Role.LEARNER)
def index() -> BaseResponse:
    session = db.session()
    held = queries.past_appointments(session, me(), 5, now=now())
    pending = learner_status.status_of(session, me(), now=now())
    coming = queries.upcoming_appointments(session, me(), now=now())
    return page(
        "bookings/index.html",
        coming=coming,
        is_late=bool(coming) and appointments.is_late(organisation(), coming[0], now=now()),
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
    terms = search_terms(request.args.get("learner"))
    wanted, teacher_id = _date(request.args.get("from")), request.args.get("teacher")
    return show_picker(terms, wanted=wanted, teacher_id=teacher_id)


@bp.get("/bookings/new/confirm")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def confirm() -> BaseResponse:
    terms = search_terms(request.args.get("learner"))
    return show_confirmation(terms, request.args.get("hour"))


@bp.post("/bookings")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def create() -> BaseResponse:
    form = SlotForm()
    terms = search_terms(form.learner.data or None)
    chosen = parse_slot(form.hour.data)
    mode = form.chosen_mode
    if chosen is None or mode is None:
        return show_confirmation(terms, form.hour.data, 422)
    teacher_id, starts = chosen
    try:
        # Refuses a slot that is already taken without waiting for the write lock.
        if queries.is_claimed_by_other(db.session(), terms.learner_id, teacher_id, starts):
            raise Refused(RefusalCode.SLOT_TAKEN)
        return run_once(form, lambda s: _book(s, terms.learner_id, teacher_id, starts, mode))
    except Refused as refusal:
        return find_receipt(terms, teacher_id, starts) or show_other_slots(terms, refusal, starts)


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
            team_queries.count_conflicts_for(session, person, now=now())
            if done == "moved" and not is_learner
            else 0
        ),
        free_hour=_bookable_slot(booking) if booking.is_cancelled and not booking.is_kept else None,
        is_late=appointments.is_late(organisation(), booking, now=now()),
        now=now(),
        zone=zone,
    )
    return page(
        "bookings/show.html" if shown.is_learner else "bookings/show_team.html",
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


@bp.post("/bookings/<id>/cancellation/undo")
@allow(Role.LEARNER)
def undo_cancellation(id: str) -> BaseResponse:
    """Take the appointment back. Not `run_once`: taken back already, it stays, also after another cancel."""
    if queries.booking_for(db.session(), me(), id).learner_id != me().id:
        raise Absent

    def in_transaction(session: Session) -> None:
        booking = queries.booking_for(session, me(), id)
        appointments.undo_cancellation(session, me(), booking, now=now(), zone=settings().time_zone)

    try:
        write(in_transaction)
        flash(_("Vous gardez ce rendez-vous."), "success")
    except Refused as refusal:
        flash(refusals.sentence(refusal), "error")
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
    return show_picker(terms_to_move(db.session(), id), wanted=_date(request.args.get("from")))


@bp.get("/bookings/<id>/move/confirm")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def confirm_move(id: str) -> BaseResponse:
    return show_confirmation(terms_to_move(db.session(), id), request.args.get("hour"))


@bp.post("/bookings/<id>/move")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def update(id: str) -> BaseResponse:
    form = SlotForm()
    terms = terms_to_move(db.session(), id)
    chosen = parse_slot(form.hour.data)
    mode = form.chosen_mode
    if chosen is None or mode is None:
        return show_confirmation(terms, form.hour.data, 422)
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
        return show_other_slots(terms_to_move(db.session(), id), refusal, starts)


@bp.get("/s/<id>")
@allow(Role.LEARNER, Role.TEACHER)
def door(id: str) -> BaseResponse:
    """Redirect to the video room while it is open; else say when it opens, or that there is no address.

    Mails link here.
    """
    booking = queries.own_appointment_for(db.session(), me(), id)
    is_open = booking.is_video and queries.is_room_open(booking, now=now())
    address = video_rooms.video_url(organisation(), booking)
    if is_open and address is not None:
        return redirect(address, 303)
    over, opens = now() > booking.ends, queries.room_opens_at(booking)
    return page("bookings/door.html", booking=booking, opens=opens, over=over, missing=is_open)


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


def _date(value: str | None) -> date | None:
    try:
        return date.fromisoformat(value or "")
    except ValueError:
        return None
