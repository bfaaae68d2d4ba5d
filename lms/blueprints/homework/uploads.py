"""Files of a draft that come piece by piece, in the protocol tus 1.0.0 (ADR 37).

No CSRF token: an upload that waits on a phone outlives every page. Its place take the header `Tus-Resumable`,
which no form of another site can send, and the check of `access`.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, abort, request, url_for
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response as BaseResponse

from config import Settings
from lms.access import allow, current_person_or_none, for_programs, me
from lms.adapters.media.names import clean_name
from lms.adapters.partial_files import PartialBusy, UnknownPartial
from lms.adapters.uploads import require_room
from lms.clock import now
from lms.current import partial_files, received_store, settings
from lms.domain.errors import Absent, Refused
from lms.domain.homework import uploads, worklist
from lms.domain.homework.uploads import MOST_KEY, NewUpload, UploadFacts
from lms.event_log import log_event
from lms.extensions import csrf, db, new_id, release_connection, write
from lms.i18n.refusals import sentence
from lms.models import Role
from lms.refusal_codes import RefusalCode
from lms.upload_jobs import ORPHAN_AGE, allowance, end_upload
from lms.web import tus
from lms.web.body_limits import MEGABYTE, takes_bodies
from lms.web.sending import browser_key
from lms.web.upload_slots import CROWDED, later

bp = Blueprint("uploads", __name__)

# What the protocol has a code for; anything else that a file is refused for is 422.
STATUSES: dict[RefusalCode, int | str] = {
    RefusalCode.UPLOAD_UNKNOWN: 404,
    RefusalCode.UPLOAD_EXPIRED: 410,
    RefusalCode.UPLOAD_BUSY: 423,
    RefusalCode.UPLOAD_LONGER: 413,
    RefusalCode.UPLOAD_DAMAGED: "460 Checksum Mismatch",
    RefusalCode.FILE_TOO_BIG: 413,
}


def most_bytes(limits: Settings) -> int:
    """Return the largest piece: a client that makes no pieces sends the whole file as one."""
    return limits.upload_mb * MEGABYTE


@bp.before_request
def _require_sender() -> None:
    """Answer 401 when the page that sends is that of another person, who was logged in here before."""
    person, sender = current_person_or_none(), request.headers.get("X-Person")
    if person is not None and sender is not None and sender != browser_key(person):
        abort(401)


@bp.after_request
def _name_version(response: Response) -> Response:
    response.headers["Tus-Resumable"] = tus.VERSION
    return response


@bp.errorhandler(Refused)
def _refuse(refusal: Refused, kinds: tuple[str, ...] = ("photo",), status: int | str = 0) -> Response:
    log_event("refused", code=refusal.code)
    status = status or STATUSES.get(refusal.code, 422)
    return Response(sentence(refusal, kinds), status, mimetype="text/plain")


@bp.route("/uploads", methods=["OPTIONS"])
@allow(Role.LEARNER)
@for_programs
def describe() -> Response:
    """Say what this server can do of the protocol."""
    return tus.answer(
        204,
        tus_version=tus.VERSION,
        tus_extension=tus.EXTENSIONS,
        tus_max_size=most_bytes(settings()),
        tus_checksum_algorithm=",".join(tus.ALGORITHMS),
    )


@bp.post("/uploads")
@allow(Role.LEARNER)
@for_programs
def begin() -> Response:
    """Begin an upload, or return to the one of the same key: a double tap, a phone that was restarted."""
    tus.require_version()
    new = _new_upload()
    _require_room(new.length)
    partials, upload_id = partial_files(), new_id()
    idle = _idle_ids()
    partials.create(upload_id)  # before its row: no row is ever without its file
    try:
        upload = write(
            lambda s: uploads.begin(s, me(), new, upload_id, allowance=allowance(), idle=idle, now=now())
        )
    except Refused as refusal:
        partials.delete(upload_id)
        # Only of an upload that is asked for is it said that there is none.
        unknown = refusal.code == RefusalCode.UPLOAD_UNKNOWN
        return _refuse(refusal, _kinds(new.assignment_id), 422 if unknown else 0)
    except BaseException:
        partials.delete(upload_id)
        raise
    if upload.id != upload_id:
        partials.delete(upload_id)
        if upload.is_open:
            partials.create(upload.id)  # a restored backup may lack it: then the upload begins anew
            _end_if_whole(upload)
    response = tus.answer(201, location=url_for("uploads.ask", id=upload.id))
    if upload.is_open:
        response.headers["Upload-Expires"] = tus.written_moment(upload.expires_at)
    return response


@bp.route("/uploads/<id>", methods=["HEAD"])
@allow(Role.LEARNER)
@for_programs
def ask(id: str) -> Response:
    """Say how much of a file has come; of one that is in the draft, all of it."""
    tus.require_version()
    upload = _upload(id)
    if upload.is_open:
        upload = _end_if_whole(upload)
    values = {
        "assignment": upload.assignment_id,
        "key": upload.key,
        "kind": upload.kind,
        "name": upload.shown_name,
    }
    response = _progress(200, upload)
    response.headers["Upload-Length"] = str(upload.length)
    response.headers["Upload-Metadata"] = tus.written_metadata(values)
    return response


@bp.patch("/uploads/<id>")
@allow(Role.LEARNER)
@for_programs
def add_piece(id: str) -> BaseResponse:
    """Append a piece; the last one ends the upload. Nothing is written into the database before that one."""
    tus.require_version()
    upload = _upload(id)
    tus.require_piece()
    offset, announced = tus.number("Upload-Offset"), request.content_length or 0
    if offset + announced > upload.length:
        raise Refused(RefusalCode.UPLOAD_LONGER)
    if not upload.is_open:  # the answer to the last piece was lost
        return _progress(204 if offset == upload.length else 409, upload)
    if CROWDED in request.environ:
        return later(_refuse(Refused(RefusalCode.UPLOADS_BUSY), status=503))
    _require_room(announced)
    release_connection()
    with tus.received_piece() as (body, size):
        if offset + size > upload.length:
            raise Refused(RefusalCode.UPLOAD_LONGER)
        try:
            with partial_files().locked(id) as file:
                if file.size != offset:
                    return tus.answer(409, upload_offset=file.size)
                file.append(body)
                if file.size == upload.length:
                    end_upload(file, id)
                    upload = _upload(id)
                return _progress(204, upload, file.size)
        except PartialBusy:
            raise Refused(RefusalCode.UPLOAD_BUSY) from None
        except UnknownPartial:
            return tus.answer(409)  # it ended meanwhile, as HEAD says


@bp.delete("/uploads/<id>")
@allow(Role.LEARNER)
@for_programs
def abandon(id: str) -> Response:
    """Forget an upload; a file that it has become stays in the draft."""
    tus.require_version()
    upload = _upload(id)
    try:
        with partial_files().locked(id) as file:
            write(lambda session: uploads.abandon(session, me(), id))
            file.delete()
    except PartialBusy:
        raise Refused(RefusalCode.UPLOAD_BUSY) from None
    except UnknownPartial:
        write(lambda session: uploads.abandon(session, me(), upload.id))
    return tus.answer(204)


@bp.post("/uploads/<id>")
@allow(Role.LEARNER)
@for_programs
def override(id: str) -> BaseResponse:
    """Do what `X-HTTP-Method-Override` says: some networks let no PATCH through."""
    _upload(id)
    views: dict[str, Callable[[str], BaseResponse]] = {"HEAD": ask, "PATCH": add_piece, "DELETE": abandon}
    view = views.get(request.headers.get("X-HTTP-Method-Override", ""))
    if view is None:
        raise MethodNotAllowed(list(views))
    return view(id)


for view in (begin, add_piece, abandon, override):
    csrf.exempt(view)
for view in (add_piece, override):
    takes_bodies(most_bytes)(view)


def _upload(id: str) -> UploadFacts:
    return uploads.upload_for(db.session(), me(), id, now=now())


def _new_upload() -> NewUpload:
    """Return what the headers say of a new file; 400 when they say nothing of use."""
    values, length = tus.metadata(), tus.number("Upload-Length")
    key = values.get("key", "")
    if not 0 < len(key) <= MOST_KEY:
        abort(tus.answer(400))
    name = values.get("name") or values.get("filename", "")
    return NewUpload(values.get("assignment", ""), key, values.get("kind", ""), clean_name(name), length)


def _kinds(assignment_id: str) -> tuple[str, ...]:
    """Return what the assignment accepts, for the sentence of a refusal."""
    try:
        return worklist.learner_assignment_for(db.session(), me(), assignment_id, now=now()).assignment.kinds
    except Absent:
        return ("photo",)


def _require_room(size: int) -> None:
    limits = settings()
    require_room(received_store(), size, limits.free_space_mb * MEGABYTE, limits.temp)


def _idle_ids() -> list[str]:
    """Return the learner's uploads of which nothing has come for an hour."""
    ids = uploads.open_ids(db.session(), me())
    changed = partial_files().changed() if len(ids) >= uploads.MOST_OPEN else {}
    return [each for each in ids if each in changed and changed[each] < now() - ORPHAN_AGE]


def _end_if_whole(upload: UploadFacts) -> UploadFacts:
    """End an upload that a killed process left whole, before any answer says so. Return it anew."""
    try:
        if partial_files().size(upload.id) < upload.length:
            return upload
        with partial_files().locked(upload.id) as file:
            end_upload(file, upload.id)
    except PartialBusy:
        raise Refused(RefusalCode.UPLOAD_BUSY) from None
    except UnknownPartial:
        db.session().rollback()  # ended by somebody else, or lost: the row says which
        found = _upload(upload.id)
        if found.is_open:
            raise Refused(RefusalCode.UPLOAD_UNKNOWN) from None
        return found
    return _upload(upload.id)


def _size(upload: UploadFacts) -> int:
    try:
        return partial_files().size(upload.id)
    except UnknownPartial:
        raise Refused(RefusalCode.UPLOAD_UNKNOWN) from None


def _progress(status: int, upload: UploadFacts, size: int | None = None) -> Response:
    """Return an answer with the offset. `Upload-Refused`: the code when the draft could not take the file."""
    if not upload.is_open:
        response = tus.answer(status, upload_offset=upload.length)
        if upload.refused is not None:
            response.headers["Upload-Refused"] = upload.refused
        return response
    if size is None:
        size = _size(upload)
    return tus.answer(status, upload_offset=size, upload_expires=tus.written_moment(upload.expires_at))
