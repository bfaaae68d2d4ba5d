"""What a teacher says to a copy: recorded by the script of the page, or a file that the teacher chooses."""

# Read by the team alone.

from __future__ import annotations

from collections.abc import Callable, Sequence

from flask import Blueprint, flash, jsonify, make_response, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

from lms.access import allow, me
from lms.adapters.media.types import RejectedFile
from lms.adapters.store import StoreFull
from lms.adapters.uploads import delete_keys, store_voice
from lms.adapters.work_folder import work_folder
from lms.clock import now
from lms.current import settings, store
from lms.domain.errors import Refused
from lms.domain.homework import attempts, correction, voices
from lms.domain.homework.files import StoredFile
from lms.extensions import csrf, db, write
from lms.forms import seen_number
from lms.i18n.refusals import sentence
from lms.models import Feedback, Role
from lms.refusal_codes import RefusalCode
from lms.web.body_limits import MEGABYTE, takes_bodies
from lms.web.pages import by_script
from lms.web.upload_slots import upload_slot

bp = Blueprint("voices", __name__)


@bp.get("/corrections/<id>/voice")
@bp.get("/corrections/<id>/voice/delete")
@allow(Role.TEACHER)
def reload(id: str) -> BaseResponse:
    """Redirect to the page: what a browser opens again is the address of a form."""
    attempts.queued_attempt_for(db.session(), me(), id)
    return _to_desk(id)


@bp.post("/corrections/<id>/voice")
@allow(Role.TEACHER)
@takes_bodies(lambda limits: (limits.upload_mb + 1) * MEGABYTE)
def keep(id: str) -> BaseResponse:
    """Keep a voice with the draft, in the place of the one that the page showed."""
    try:
        csrf.protect()
        sent = request.files.get("file")
    except RequestEntityTooLarge:
        return _refused(id, Refused(RefusalCode.FORM_TOO_BIG), 413)
    attempts.queued_attempt_for(db.session(), me(), id)  # before anything is stored
    if sent is None or not sent.filename:
        return _refused(id, Refused(RefusalCode.FILE_EMPTY))
    shown_id, returns = _shown()
    try:
        new = _store(sent)
    except Refused as refusal:
        return _refused(id, refusal)

    def keep_new(session: Session, feedback: Feedback) -> list[str]:
        return voices.keep_voice(session, feedback, me(), new, shown_id, now=now())

    return _answer(id, returns, keep_new, _("Votre voix est ajoutée."), new.keys)


# Checked in the view by csrf.protect(), once the larger body of this one page is allowed.
csrf.exempt(keep)


@bp.post("/corrections/<id>/voice/delete")
@allow(Role.TEACHER)
def remove(id: str) -> BaseResponse:
    """Take the voice away from the draft; what was returned with it keeps it."""
    shown_id, returns = _shown()

    def remove_shown(session: Session, feedback: Feedback) -> list[str]:
        return voices.remove_voice(session, feedback, shown_id, now=now())

    return _answer(id, returns, remove_shown, _("La voix est supprimée."))


def _store(sent: FileStorage) -> StoredFile:
    """Store the file of the form, with no transaction open. Refusals: those of files, `uploads_busy`."""
    limits, person_id = settings(), me().id
    db.session().rollback()
    try:
        with upload_slot(person_id), work_folder(limits.temp) as folder:
            return store_voice(
                store(),
                sent,
                folder,
                max_bytes=limits.upload_mb * MEGABYTE,
                floor=limits.free_space_mb * MEGABYTE,
            )
    except RejectedFile as refusal:
        raise Refused(refusal.code, asked="voice") from None
    except StoreFull:
        raise Refused(RefusalCode.STORE_FULL) from None
    finally:
        sent.close()  # a large one is a temporary file


def _shown() -> tuple[str, int]:
    """Return the voice that the page showed, and how often the feedback had been returned then."""
    return request.form.get("shown", ""), seen_number(request.form.get("returns"))


def _answer(
    id: str,
    returns: int,
    act: Callable[[Session, Feedback], list[str]],
    said: str,
    new_keys: Sequence[str] = (),
) -> BaseResponse:
    """Run the action on the draft in one transaction; delete the files that it leaves over.

    `new_keys`: what was stored for it, and is deleted when it fails.
    """

    def in_transaction(session: Session) -> list[str]:
        attempt = attempts.queued_attempt_for(session, me(), id)
        feedback = correction.open_feedback(session, attempt, me(), returns=returns, now=now())
        return act(session, feedback)

    try:
        unused = write(in_transaction)
    except Refused as refusal:
        delete_keys(store(), new_keys)
        return _refused(id, refusal)
    except BaseException:
        delete_keys(store(), new_keys)
        raise
    delete_keys(store(), unused)
    if by_script():
        return jsonify(said=said)
    flash(said, "success")
    return _to_desk(id)


def _refused(id: str, refusal: Refused, status: int | None = None) -> BaseResponse:
    """Say why; by a script with a status, because its recording is still there."""
    said = _("Une autre personne a changé cette voix. Écoutez d’abord la sienne.")
    if refusal.code != RefusalCode.FIELD_CHANGED:
        said = str(sentence(refusal, ("voice",)))
    if by_script():
        lost_race = refusal.code in (RefusalCode.FIELD_CHANGED, RefusalCode.ALREADY_RETURNED)
        return make_response(jsonify(said=said), status or (409 if lost_race else 422))
    flash(said, "warm")
    return _to_desk(id)


def _to_desk(id: str) -> BaseResponse:
    """Go to the page as it was: with the level of the queue, and open for writing where it was returned."""
    level = request.args.get("level") or None
    return redirect(url_for("corrections.desk", id=id, level=level, complete=1, _anchor="voice"), 303)
