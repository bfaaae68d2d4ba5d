"""Deposit work for a learner who cannot send it: on paper, at the desk, by a message."""

# Read by the team alone.

from __future__ import annotations

import secrets
from collections.abc import Sequence

from flask import Blueprint, flash, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.clock import now
from lms.current import settings
from lms.domain.errors import Refused
from lms.domain.homework import deposits, worklist
from lms.domain.homework.files import MAX_FILES
from lms.domain.people import directory
from lms.extensions import csrf, db
from lms.forms.deposits import DepositForm
from lms.i18n.refusals import sentence
from lms.models import Person, Role
from lms.refusal_codes import RefusalCode
from lms.web.body_limits import MEGABYTE, takes_bodies
from lms.web.idempotency import idempotency_key, run_once
from lms.web.pages import page
from lms.web.reception import delete_received, learner_room, receive_files
from lms.web.upload_slots import later

bp = Blueprint("deposits", __name__)
_TEAM = (Role.TEACHER, Role.COORDINATOR, Role.SOCIAL_WORKER)


@bp.get("/people/<id>/deposits/new")
@allow(*_TEAM)
def new(id: str) -> BaseResponse:
    return _page(200, directory.learner_for(db.session(), me(), id), None)


@bp.post("/people/<id>/deposits/new")
@allow(*_TEAM)
@takes_bodies(lambda limits: (limits.upload_mb * MAX_FILES + 1) * MEGABYTE)
def create(id: str) -> BaseResponse:
    """Deposit the work; who deposits does not see it again, unless as a teacher who corrects it."""
    learner = directory.learner_for(db.session(), me(), id)
    try:
        csrf.protect()
        form = _form(learner)
    except RequestEntityTooLarge:
        form = _form(learner, empty=True)
        form.refuse(Refused(RefusalCode.FORM_TOO_BIG))
        return _page(413, learner, form)
    if not form.validate():
        return _page(422, learner, form)
    key = idempotency_key(form)  # before the objects of the files are detached
    try:
        received, refused = receive_files(learner)
    except Refused as refusal:
        form.refuse(refusal)
        return later(_page(503, learner, form))
    if refused:  # nothing is sent in part: the files are chosen again
        delete_received(received.keys)
        return _page(422, learner, form, refused)
    has_run = False

    def in_transaction(session: Session) -> str:
        nonlocal has_run
        owner = directory.learner_for(session, me(), id)
        room = learner_room(owner)
        deposits.deposit_work(session, me(), owner, form.deposit(), received.files, room=room, now=now())
        has_run = True
        return url_for("people.show", id=id)

    try:
        answer = run_once(form, in_transaction, key=key)
    except Refused as refusal:
        delete_received(received.keys)
        form.refuse(refusal)
        return _page(409, learner, form)
    except BaseException:
        delete_received(received.keys)
        raise
    if not has_run:  # the same form again: its files are there since the first time
        delete_received(received.keys)
    flash(_("Le devoir de %(name)s est déposé.", name=learner.name), "success")
    return answer


# Checked in the view by csrf.protect(), once the larger body of this one page is allowed.
csrf.exempt(create)


def _form(learner: Person, *, empty: bool = False) -> DepositForm:
    today = now().astimezone(settings().time_zone).date()
    works = worklist.open_assignments(db.session(), learner, now=now())
    if empty:
        return DepositForm(works, today, formdata=None, data={"sent_on": today})
    return DepositForm(works, today)


def _page(
    status: int, learner: Person, form: DepositForm | None, refused: Sequence[tuple[str, Refused]] = ()
) -> BaseResponse:
    shown = form or _form(learner, empty=True)
    if status != 200:
        shown.request_id.data = secrets.token_urlsafe(16)
    said = [(name, sentence(refusal)) for name, refusal in refused]
    return page("homework/deposit.html", status, learner=learner, form=shown, refused=said)
