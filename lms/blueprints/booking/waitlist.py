"""The waitlist: entries of learners, and the offers that they accept or decline."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse
from wtforms.fields.choices import SelectChoice

from lms.access import allow, me
from lms.clock import now
from lms.current import jobs, settings
from lms.domain.booking import availability, learner_status, queries, waitlist, waitlist_page
from lms.domain.booking.waitlist_page import WaitlistState
from lms.domain.errors import Refused
from lms.domain.people import directory
from lms.domain.people.contact import preferred_channel
from lms.extensions import db
from lms.forms import PageForm, tidy
from lms.forms.waitlist import ANY, WaitlistEntryForm, WaitlistForm
from lms.i18n import refusals
from lms.models import AFTERNOON, EVENING, MORNING, Booking, BookingState, Person, Role, WaitlistEntry
from lms.refusal_codes import RefusalCode
from lms.web.idempotency import run_once
from lms.web.pages import page
from lms.web.paging import asked_state, pager_links

bp = Blueprint("waitlist", __name__)

STATES: dict[WaitlistState | None, LazyString] = {
    None: _l("Toute la liste"),
    WaitlistState.WAITING: _l("Sans place proposée"),
    WaitlistState.OFFERED: _l("Avec une place proposée"),
}


@bp.get("/waitlist")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def show() -> BaseResponse:
    learner = _learner(request.args.get("learner"))
    entry = waitlist.active_entry(db.session(), learner.id)
    if entry is None:
        return _ask(learner, WaitlistEntryForm(formdata=None))
    if "change" in request.args:
        return _ask(learner, WaitlistEntryForm.repeating(entry), changing=True)
    return page(
        "waitlist/show.html",
        learner=learner,
        for_id=_behalf_id(learner),
        entry=entry,
        offers=waitlist.open_offers(db.session(), learner, now=now()),
        form=WaitlistForm(formdata=None, learner=learner.id),
        notified=preferred_channel(learner, gateway=settings().sends_texts) is not None,
    )


@bp.get("/waitlist/entries")
@allow(Role.TEACHER, Role.COORDINATOR)
def line() -> BaseResponse:
    """Show the waitlist to the team, with a link to new extra hours."""
    session, asked = db.session(), request.args
    levels = directory.levels(session)
    level = asked.get("level") if asked.get("level") in {each.id for each in levels} else None
    state = asked_state(WaitlistState)
    shown = waitlist_page.waitlist_page(session, asked.get("after"), level_id=level, state=state)
    return page(
        "waitlist/line.html",
        shown=shown,
        levels=levels,
        level=level,
        state=state,
        states=STATES,
        **pager_links(shown.cut, "waitlist.line", level=level, state=state),
    )


@bp.post("/waitlist")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def join() -> BaseResponse:
    jobs().free_overdue()  # an offer that is over ends its entry: a new one is added, at the end
    form = WaitlistEntryForm()
    learner = _learner(form.learner.data)

    def in_transaction(session: Session) -> str:
        bookable = queries.bookable_learner(session, me(), learner.id)
        waitlist.join_waitlist(
            session, me(), bookable, form.teacher_id, form.bits, form.chosen_mode, now=now()
        )
        return url_for("waitlist.show", learner=_behalf_id(learner))

    try:
        return run_once(form, in_transaction)
    except Refused as refused:
        form.refuse(
            refused,
            {RefusalCode.NO_PART_OF_DAY: form.parts, RefusalCode.TEACHER_GONE: form.teacher}.get(
                refused.code
            ),
        )
        return _ask(learner, form, answer=422)


@bp.post("/waitlist/end")
@allow(Role.LEARNER, Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)
def leave() -> BaseResponse:
    form = WaitlistForm()
    learner = _learner(form.learner.data)

    def in_transaction(session: Session) -> str:
        bookable = queries.bookable_learner(session, me(), learner.id)
        waitlist.leave_waitlist(session, me(), bookable, now=now(), zone=settings().time_zone)
        return (
            url_for("bookings.index")
            if _behalf_id(learner) is None
            else url_for("people.show", id=learner.id)
        )

    answer = run_once(form, in_transaction)
    flash(_("C’est noté. La demande est retirée de la liste."), "success")
    return answer


# -- offers --------------------------------------------------------------------------------------


@bp.get("/offers/<id>")
@allow(Role.LEARNER)
def offer(id: str) -> BaseResponse:
    return _offer(waitlist.offer_for(db.session(), me(), id))


# One idempotency key for each offer: a second tap, on any page, leads where the first one led.
@bp.post("/offers/<id>/acceptance")
@allow(Role.LEARNER)
def accept(id: str) -> BaseResponse:
    waitlist.offer_for(db.session(), me(), id)

    def in_transaction(session: Session) -> str:
        found = waitlist.offer_for(session, me(), id)
        waitlist.accept_offer(session, me(), found, now=now(), zone=settings().time_zone)
        return url_for("bookings.show", id=id, done="made")

    try:
        return run_once(PageForm(), in_transaction, key=f"accept:{id}")
    except Refused as refused:
        return _offer(waitlist.offer_for(db.session(), me(), id), refused)


@bp.post("/offers/<id>/refusal")
@allow(Role.LEARNER)
def decline(id: str) -> BaseResponse:
    waitlist.offer_for(db.session(), me(), id)

    def in_transaction(session: Session) -> str:
        found = waitlist.offer_for(session, me(), id)
        waitlist.decline_offer(session, me(), found, now=now(), zone=settings().time_zone)
        return url_for("waitlist.offer", id=id)

    try:
        return run_once(PageForm(), in_transaction, key=f"decline:{id}")
    except Refused as refused:
        return _offer(waitlist.offer_for(db.session(), me(), id), refused)


def _offer(found: Booking, refused: Refused | None = None) -> BaseResponse:
    """Show the offer while it is open; afterwards its outcome and what to do next."""
    if found.state in (BookingState.BOOKED, BookingState.CANCELLED):
        return redirect(url_for("bookings.show", id=found.id), 303)
    is_open = found.is_offer and found.expires_at is not None and found.expires_at > now()
    if is_open:
        return page("waitlist/offer.html", offer=found)
    last = learner_status.last_entry(db.session(), me().id)
    return page(
        "waitlist/over.html",
        200 if refused is None else 409,
        offer=found,
        sentence=refusals.sentence(refused) if refused else "",
        waits=last is not None and waitlist.waits_after(last, found),
        again=WaitlistEntryForm.repeating(last) if last is not None else None,
    )


@bp.app_template_filter()
def parts_of_day(entry: WaitlistEntry) -> list[str]:
    """Return the names of the wanted parts of the day."""
    words = ((MORNING, _("le matin")), (AFTERNOON, _("l’après-midi")), (EVENING, _("le soir")))
    return [word for part, word in words if entry.parts & part]


# -- helpers -------------------------------------------------------------------------------------


def _learner(learner_id: str | None) -> Person:
    return queries.bookable_learner(db.session(), me(), tidy(learner_id) or me().id)


def _behalf_id(learner: Person) -> str | None:
    """Return the id of the learner when the team acts on behalf of the learner, else None."""
    return None if learner.id == me().id else learner.id


def _ask(
    learner: Person, form: WaitlistEntryForm, *, changing: bool = False, answer: int = 200
) -> BaseResponse:
    form.learner.data = learner.id
    form.teacher.choices = [
        SelectChoice(ANY, _("Tous les professeurs")),
        *(
            SelectChoice(teacher.id, teacher.short_name)
            for teacher in availability.active_teachers(db.session())
        ),
    ]
    return page(
        "waitlist/form.html",
        answer,
        form=form,
        learner=learner,
        for_id=_behalf_id(learner),
        changing=changing,
    )
