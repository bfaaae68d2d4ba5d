"""The pages on which a slot is chosen: the picker, the question before a booking, other slots."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from flask import redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import me
from lms.clock import now
from lms.current import organisation, settings
from lms.domain.booking import allocation, availability_search, learner_status, picker, queries, waitlist
from lms.domain.booking.availability_search import FreeSlot
from lms.domain.errors import Refused
from lms.extensions import db
from lms.forms import tidy
from lms.forms.booking import SlotForm, parse_slot, slot_value
from lms.i18n import dates, refusals
from lms.models import Mode, Person
from lms.web.pages import page

# What is said of many hours alike: the name of the teacher, whether by video, whether on site.
Kind = tuple[str, bool, bool]


class Choice(NamedTuple):
    """A button of the picker: a free hour as it is sent and shown."""

    value: str
    clock: str
    kind: Kind
    date: str = ""  # where the heading does not say the day


def _choices(hours: Iterable[FreeSlot], *, dated: bool = False) -> list[Choice]:
    zone = settings().time_zone
    return [
        Choice(
            slot_value(hour.teacher_id, hour.starts),
            dates.hour(hour.starts, zone),
            (hour.teacher, Mode.VIDEO in hour.modes, Mode.ONSITE in hour.modes),
            dates.short_day(hour.starts, zone) if dated else "",
        )
        for hour in hours
    ]


def search_terms(learner_id: str | None) -> availability_search.SearchTerms:
    person = me()
    learner = queries.bookable_learner(db.session(), person, tidy(learner_id) or person.id)
    return availability_search.SearchTerms(learner.id, settings().time_zone, person.id)


def terms_to_move(session: Session, id: str) -> availability_search.SearchTerms:
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


def _is_waiting(terms: availability_search.SearchTerms) -> bool:
    """Return whether the learner is on the waitlist; nobody asks while an appointment is being moved."""
    return terms.moving is None and learner_status.is_waiting(db.session(), terms.learner_id)


def show_picker(
    terms: availability_search.SearchTerms,
    *,
    wanted: date | None,
    teacher_id: str | None = None,
    answer: int = 200,
) -> BaseResponse:
    found = picker.load_picker_page(
        db.session(), organisation(), terms, wanted, teacher_id=teacher_id, now=now()
    )
    days = groupby(found.hours, lambda hour: hour.starts.astimezone(terms.zone).date())
    values = _picker_values(terms)
    if found.teacher_id:
        values["start"] = url_for("bookings.new", learner=values["for_id"], teacher=found.teacher_id)
    return page(
        "bookings/new.html",
        answer,
        **values,
        days=[(day, _choices(hours)) for day, hours in days],
        others=found.others,
        with_teacher=url_for("bookings.new", learner=values["for_id"], teacher=""),
        full=found.full,
        opened=found.is_opened,
        is_waiting=_is_waiting(terms),
        earlier=found.earlier,
        later=found.later,
    )


def show_other_slots(
    terms: availability_search.SearchTerms, refusal: Refused, starts: datetime
) -> BaseResponse:
    """Answer 409: why the slot cannot be booked, and other free slots, the nearest first."""
    week_before = starts.astimezone(terms.zone).date() - timedelta(days=7)
    found = picker.load_picker_page(db.session(), organisation(), terms, week_before, now=now())
    near = picker.nearest_slots(found.hours, starts)
    return page(
        "bookings/lost.html",
        409,
        **_picker_values(terms),
        near=_choices(near, dated=True),
        is_waiting=_is_waiting(terms),
        sentence=refusals.sentence(refusal),
    )


def show_confirmation(
    terms: availability_search.SearchTerms, value: str | None, answer: int = 200
) -> BaseResponse:
    chosen = parse_slot(value)
    if chosen is None:
        return show_picker(terms, wanted=None, answer=422)
    hour = availability_search.find_free_slot(db.session(), organisation(), terms, *chosen, now=now())
    if hour is None:
        refusal = allocation.find_refusal(db.session(), organisation(), terms, *chosen, now=now())
        return find_receipt(terms, *chosen) or show_other_slots(terms, refusal, chosen[1])
    form = SlotForm(formdata=None, hour=value, learner=terms.learner_id)
    return page("bookings/confirm.html", answer, **_picker_values(terms), hour=hour, form=form)


def find_receipt(
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
