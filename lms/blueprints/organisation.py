"""The organisation, for the coordinator: address, settings, photo of the entrance, rooms, levels."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Collection, Mapping

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.adapters.media.types import RejectedFile
from lms.adapters.store import UnknownKey
from lms.adapters.uploads import delete_keys, store_small_image
from lms.adapters.work_folder import work_folder
from lms.clock import now
from lms.current import organisation as current_organisation
from lms.current import settings, store
from lms.domain.booking import conflicts, video_addresses, waitlist, withdrawal
from lms.domain.errors import Absent, Refused
from lms.domain.homework import points as delf
from lms.domain.people import directory, organisation
from lms.extensions import csrf, db, write
from lms.forms.people import ConfirmForm, DoorForm, LevelForm, OrganisationForm, RoomForm, ScaleForm
from lms.models import Role
from lms.refusal_codes import RefusalCode
from lms.web.body_limits import MEGABYTE, takes_bodies
from lms.web.idempotency import idempotency_key, run_once_with_result
from lms.web.pages import page
from lms.web.upload_slots import later, upload_slot

bp = Blueprint("organisation", __name__)


@bp.route("/organisation", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def show() -> BaseResponse:
    form = OrganisationForm(obj=current_organisation())
    if form.validate_on_submit():
        try:
            write(lambda session: _change(session, form))
        except Refused as refusal:
            form.refuse(refusal, form.video_base)
            return _page(422, form=form)
        flash(_("C’est modifié."), "success")
        return redirect(url_for("organisation.show"), 303)
    return _page(422 if form.is_submitted() else 200, form=form)


@bp.get("/organisation/door")
@allow("someone")
def door() -> BaseResponse:
    """Deliver the photo of the entrance. Its address never changes, so a browser revalidates it each time."""
    key = current_organisation().door_photo_key
    if key is None:
        raise Absent
    try:
        with store().open(key) as file:
            response = Response(file.read(), mimetype="image/jpeg")
    except UnknownKey:
        raise Absent from None
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(key.partition(".")[0])
    return response.make_conditional(request.environ)


@bp.post("/organisation/door")
@allow(Role.COORDINATOR)
@takes_bodies(lambda limits: (limits.upload_mb + 1) * MEGABYTE)
def hang_door() -> BaseResponse:
    try:
        csrf.protect()
        form = DoorForm()
    except RequestEntityTooLarge:
        return _door_refused(DoorForm(formdata=None), RefusalCode.FILE_TOO_BIG)
    if not form.validate():
        return _page(422, door_form=form)
    sent = idempotency_key(form)  # before the objects of the file are detached
    try:
        key, sha256 = _receive(form.photo.data)
    except Refused as refusal:
        form.refuse(refusal, form.photo)
        return later(_page(503, door_form=form))
    except RejectedFile as refusal:
        return _door_refused(
            form, RefusalCode.DOOR_PHOTO_KIND if refusal.code == RefusalCode.FILE_KIND else refusal.code
        )
    address = url_for("organisation.show", _anchor="door")

    def set_photo(session: Session) -> list[str]:
        return organisation.set_door_photo(session, me(), key, sha256, now=now())

    try:
        old, address = run_once_with_result(form, set_photo, lambda _old: address, key=sent)
    except BaseException:
        delete_keys(store(), [key])
        raise
    # A form sent twice stored its photo the first time.
    delete_keys(store(), [key] if old is None else old)
    flash(_("La photo de la porte est là."), "success")
    return redirect(address, 303)


# Checked in the view by csrf.protect(), once the larger body of this one page is allowed.
csrf.exempt(hang_door)


@bp.post("/organisation/door/removal")
@allow(Role.COORDINATOR)
def remove_door() -> BaseResponse:
    delete_keys(store(), write(lambda session: organisation.set_door_photo(session, me(), now=now())))
    flash(_("La photo de la porte est supprimée."), "success")
    return redirect(url_for("organisation.show", _anchor="door"), 303)


@bp.post("/organisation/rooms")
@allow(Role.COORDINATOR)
def add_room() -> BaseResponse:
    form = RoomForm()
    if form.validate_on_submit():
        try:
            write(lambda session: _add_room(session, form))
        except Refused as refusal:
            form.refuse(refusal, form.room)
        else:
            flash(_("La salle est ouverte."), "success")
            return redirect(url_for("organisation.show", _anchor="rooms"), 303)
    return _page(422, room_form=form)


@bp.post("/organisation/rooms/<id>/closing")
@allow(Role.COORDINATOR)
def close_room(id: str) -> BaseResponse:
    write(lambda session: _close_room(session, id))
    flash(_("La salle est fermée. Les rendez-vous déjà pris restent."), "success")
    number = conflicts.count_conflicts(db.session(), None, now=now())
    if number:
        flash(_("%(number)s rendez-vous à revoir.", number=number), "warning")
    return redirect(url_for("organisation.show", _anchor="rooms"), 303)


@bp.route("/organisation/levels/<id>", methods=["GET", "POST"])
@allow(Role.COORDINATOR)
def level(id: str) -> BaseResponse:
    form = LevelForm(obj=organisation.find_level(db.session(), id))
    if form.validate_on_submit():
        values = (form.name.data, form.cefr.data or "", form.blurb.data or "")
        try:
            write(lambda session: organisation.update_level(session, me(), id, *values, now=now()))
        except Refused as refusal:
            form.refuse(refusal, form.name)
        else:
            flash(_("Le niveau est modifié."), "success")
            return redirect(url_for("organisation.show", _anchor="levels"), 303)
    return _level_page(422 if form.is_submitted() else 200, id, form)


@bp.post("/organisation/levels/<id>/points")
@allow(Role.COORDINATOR)
def points(id: str) -> BaseResponse:
    """Store the DELF points of the criteria of a level."""
    level = organisation.find_level(db.session(), id)
    typed = {name: value[:40] for name, value in request.form.items() if name.endswith("-scale")}
    scales, wrong = {}, set()
    for criterion in delf.list_criteria(db.session(), id):
        name = f"{criterion.id}-scale"
        try:
            scales[criterion.id] = delf.parse_scale(typed.get(name, ""))
        except ValueError:
            wrong.add(name)
    sent = ScaleForm()
    if not sent.validate() or wrong:
        form = LevelForm(formdata=None, obj=level)
        form.form_errors += sent.form_errors
        return _level_page(422, id, form, typed, wrong)

    def in_transaction(session: Session) -> None:
        delf.set_scales(session, me(), organisation.find_level(session, id), scales, now=now())

    write(in_transaction)
    flash(_("Les points sont enregistrés."), "success")
    return redirect(url_for("organisation.level", id=id, _anchor="points"), 303)


def _level_page(
    status: int,
    id: str,
    form: LevelForm,
    typed: Mapping[str, str] | None = None,
    wrong: Collection[str] = (),
) -> BaseResponse:
    """Show a level. `typed`: refused points; `wrong`: the names of their fields."""
    criteria = [
        (f"{each.id}-scale", each.label, delf.write_scale(each.points))
        for each in delf.list_criteria(db.session(), id)
    ]
    shown = [(name, label, (typed or {}).get(name, stored)) for name, label, stored in criteria]
    return page("organisation/level.html", status, form=form, level_id=id, criteria=shown, wrong=wrong)


def _receive(upload: FileStorage) -> tuple[str, str]:
    """Check, shrink and store the photo, before any transaction; return its key and its SHA-256.

    Raises Refused: `uploads_busy`.
    """
    limits, person_id = settings(), me().id
    db.session().rollback()  # no transaction stays open while the file is checked
    with upload_slot(person_id), work_folder(limits.temp) as folder:
        stored = store_small_image(
            store(),
            upload,
            folder,
            max_bytes=limits.upload_mb * MEGABYTE,
            floor=limits.free_space_mb * MEGABYTE,
        )
    upload.close()
    return stored


def _door_refused(form: DoorForm, code: RefusalCode) -> BaseResponse:
    form.refuse(Refused(code), form.photo)
    return _page(422, door_form=form)


def _add_room(session: Session, form: RoomForm) -> None:
    """Add a room; slots that could only be held there are offered to the waitlist."""
    organisation.add_room(session, me(), form.room.data, now=now())
    waitlist.offer_new_hours(session, now=now(), zone=settings().time_zone)


def _close_room(session: Session, room_id: str) -> None:
    """Close a room; open offers in it are withdrawn."""
    organisation.close_room(session, me(), room_id, now=now())
    withdrawal.withdraw_uncovered_offers(session, now=now(), zone=settings().time_zone)


def _change(session: Session, form: OrganisationForm) -> None:
    """Change the settings: offers that they forbid are withdrawn, slots that they make possible offered.

    Refusals: `video_in_use`.
    """
    if not form.video_base.data and current_organisation().video_base:
        video_addresses.check_removal_of_base(session, now=now())
    organisation.update_organisation(session, me(), form.values(), now=now())
    withdrawal.withdraw_uncovered_offers(session, now=now(), zone=settings().time_zone)
    waitlist.offer_new_hours(session, now=now(), zone=settings().time_zone)


def _page(
    answer: int,
    *,
    form: OrganisationForm | None = None,
    room_form: RoomForm | None = None,
    door_form: DoorForm | None = None,
) -> Response:
    """Render the page; the form that was sent keeps its values, the others are filled from the database."""
    return page(
        "organisation/show.html",
        answer,
        form=form or OrganisationForm(formdata=None, obj=current_organisation()),
        room_form=room_form or RoomForm(formdata=None),
        door_form=door_form or DoorForm(formdata=None),
        press=ConfirmForm(formdata=None),
        rooms=organisation.all_rooms(db.session()),
        levels=directory.levels(db.session()),
    )
