"""Conflicting appointments, which the availability no longer covers: keep, move or cancel each of them."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.blueprints.booking import undo_deletion
from lms.clock import now
from lms.current import settings
from lms.domain.booking import absence, conflicts, queries, team_queries
from lms.domain.errors import Refused
from lms.domain.people.contact import count_by_delivery
from lms.extensions import db, write
from lms.forms.booking import WEEKDAYS
from lms.i18n import refusals
from lms.models import ConflictReason, Person, Role
from lms.notifications.manual_messages import list_manual_messages
from lms.refusal_codes import RefusalCode
from lms.web.pages import page
from lms.web.paging import pager_links

bp = Blueprint("conflicts", __name__)

REASONS = {
    ConflictReason.CLOSED: _l("fermé"),
    ConflictReason.ROOM: _l("salle fermée"),
    ConflictReason.OUTSIDE: _l("hors des heures"),
    ConflictReason.BUSY: _l("occupé dans un autre agenda"),
    ConflictReason.LEFT: _l("professeur parti"),
}


def conflicts_of_actor() -> list[conflicts.Conflict]:
    """Return the conflicting appointments about which the current person decides."""
    return team_queries.conflicts_for(db.session(), me(), now=now())


def count_conflicts() -> int:
    """Return how many conflicting appointments the current person has to decide about."""
    return team_queries.count_conflicts_for(db.session(), me(), now=now())


@bp.get("/agenda/conflicts")
@allow(Role.TEACHER, Role.COORDINATOR)
def undecided() -> BaseResponse:
    cut, found = team_queries.conflicts_page_for(db.session(), me(), request.args.get("after"), now=now())
    return page(
        "agenda/conflicts.html",
        deletion=undo_deletion.undo_offer(),
        weekdays=WEEKDAYS,
        found=found,
        reasons=REASONS,
        **pager_links(cut, "conflicts.undecided"),
        coordinates=Role.COORDINATOR in me().roles,
        messages_waiting=_messages_waiting(),
    )


@bp.post("/bookings/<id>/conflict-acceptance")
@allow(Role.TEACHER, Role.COORDINATOR)
def keep(id: str) -> BaseResponse:
    return _decide(
        lambda s: absence.accept_conflict(s, me(), queries.booking_for(s, me(), id), now=now()),
        _("Le rendez-vous est gardé."),
    )


@bp.post("/agenda/conflicts/<id>/cancellation")
@allow(Role.TEACHER, Role.COORDINATOR)
def call_off(id: str) -> BaseResponse:
    found = queries.booking_for(db.session(), me(), id)
    return _decide(
        lambda s: conflicts.cancel_conflicting(s, me(), id, now=now(), zone=settings().time_zone),
        _cancellation_sentence([found.learner]),
    )


@bp.get("/agenda/conflicts/cancellation")
@allow(Role.TEACHER, Role.COORDINATOR)
def confirm_calling_off() -> BaseResponse:
    return page(
        "agenda/calling_off.html",
        found=conflicts_of_actor(),
        reasons=REASONS,
        coordinates=Role.COORDINATOR in me().roles,
    )


@bp.post("/agenda/conflicts/cancellation")
@allow(Role.TEACHER, Role.COORDINATOR)
def call_off_all() -> BaseResponse:
    """Cancel the ticked conflicting appointments, each in a transaction of its own."""
    ticked = set(request.form.getlist("booking"))
    if not ticked:
        flash(_("Choisissez au moins un rendez-vous."), "error")
        return redirect(url_for("conflicts.confirm_calling_off"), 303)
    ids = [conflict.id for conflict in conflicts_of_actor() if conflict.id in ticked]
    cancelled = [booking_id for booking_id in ids if _cancel(booking_id)]
    learners = [queries.booking_for(db.session(), me(), booking_id).learner for booking_id in cancelled]
    if learners:
        flash(_cancellation_sentence(learners), "success")
    else:
        flash(_("C’est déjà fait."), "success")
    return redirect(url_for("conflicts.undecided"), 303)


def _cancel(booking_id: str) -> bool:
    """Cancel a conflicting appointment; False when it has begun or was cancelled in the meantime."""
    try:
        write(
            lambda s: conflicts.cancel_conflicting(s, me(), booking_id, now=now(), zone=settings().time_zone)
        )
    except Refused:
        return False
    return True


def _cancellation_sentence(learners: Sequence[Person]) -> str:
    """Return the sentence after the cancellation: how many, and which learners the team has to notify."""
    notified, by_hand = count_by_delivery(learners, gateway=settings().sends_texts)
    sentences = [_("Rendez-vous annulés : %(number)s.", number=len(learners))]
    if notified:
        sentences.append(_("Personnes prévenues : %(number)s.", number=notified))
    if by_hand:
        sentences.append(_("À prévenir vous-même : %(number)s.", number=by_hand))
    return " ".join(sentences)


def _decide(in_transaction: Callable[[Session], object], sentence: str) -> BaseResponse:
    """Run a decision about a conflict and redirect; a decision that was already made counts as success."""
    try:
        write(in_transaction)
        flash(sentence, "success")
    except Refused as refusal:
        flash(
            refusals.sentence(refusal),
            "success" if refusal.code == RefusalCode.ALREADY_CANCELLED else "error",
        )
    return redirect(url_for("conflicts.undecided"), 303)


def _messages_waiting() -> int:
    return len(list_manual_messages(db.session(), me(), settings(), now()))
