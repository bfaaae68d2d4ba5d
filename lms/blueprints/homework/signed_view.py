"""One returned answer under a private address, without a login: the mail leads to it (ADR 41)."""

from __future__ import annotations

from flask import Blueprint, Response, g, redirect, request, url_for
from flask_babel import force_locale
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse
from werkzeug.wsgi import wrap_file

from lms.access import allow
from lms.adapters.store import UnknownKey
from lms.clock import now
from lms.current import store
from lms.domain.errors import Absent, Refused
from lms.domain.homework import returns, signed_views, voices
from lms.domain.homework.signed_views import SignedCopy
from lms.extensions import db, limiter, write
from lms.i18n import languages
from lms.i18n.languages import Language
from lms.models import Rendition
from lms.notifications import switch_languages
from lms.web.corrected_copy import corrected_copy
from lms.web.delivery import deliver_file
from lms.web.pages import page, request_language

bp = Blueprint("signed_view", __name__)

# Counts requests with unknown tokens only, as for the feeds of calendars.
UNKNOWN = "60/minute;600/hour"
HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
}


def _is_known() -> bool:
    """Return whether the address is one of ours, over or not; looked up once in each request."""
    if "signed_view" not in g:
        token = (request.view_args or {})["token"]
        g.signed_view = signed_views.find_view(db.session(), token, now=now())
    return g.signed_view is not None


@bp.after_request
def add_headers(response: Response) -> Response:
    """Let nobody keep, find or pass on what stands under a private address."""
    response.headers.update(HEADERS)
    return response


@bp.get("/r/<token>")
@allow("anyone")
@limiter.limit(UNKNOWN, exempt_when=_is_known)
def show(token: str) -> BaseResponse:
    """Show the answer, in the language of its learner."""
    try:
        found = signed_views.open_view(db.session(), token, now=now())
    except (Absent, Refused) as refusal:
        return _over(404 if isinstance(refusal, Absent) else 410)
    view_id, is_first = found.view.id, found.view.opened_at is None
    with force_locale(languages.shown_in(found.learner.language).code):
        response = _page(found, token)
    if is_first:
        write(lambda session: signed_views.record_opened(session, view_id, now=now()), brief=True)
    return response


@bp.post("/r/<token>")
@allow("anyone")
@limiter.limit(UNKNOWN, exempt_when=_is_known)
def answer(token: str) -> BaseResponse:
    """Record whether the learner has understood the answer."""
    understood = {"yes": True, "no": False}.get(request.form.get("understood", ""))

    def in_transaction(session: Session) -> None:
        found = signed_views.open_view(session, token, now=now())
        if understood is not None:
            returns.record_understanding(session, found.learner, found.returned.id, understood, now=now())

    try:
        write(in_transaction)
    except (Absent, Refused) as refusal:
        return _over(404 if isinstance(refusal, Absent) else 410)
    return redirect(url_for("signed_view.show", token=token), 303)


@bp.get("/r/<token>/pages/<id>")
@allow("anyone")
@limiter.limit(UNKNOWN, exempt_when=_is_known)
def picture(token: str, id: str) -> BaseResponse:
    """Deliver a page of the copy that the answer is about."""
    try:
        found = signed_views.open_view(db.session(), token, now=now())
        made = signed_views.page_for(db.session(), found, id)
        stream = store().open(made.store_key)
    except (Refused, UnknownKey):
        raise Absent from None
    response = Response(wrap_file(request.environ, stream), direct_passthrough=True, mimetype=made.mime)
    response.content_length = made.size
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@bp.get("/r/<token>/voice")
@allow("anyone")
@limiter.limit(UNKNOWN, exempt_when=_is_known)
def voice(token: str) -> BaseResponse:
    """Deliver what the teacher says in the answer, as it plays everywhere."""
    try:
        found = signed_views.open_view(db.session(), token, now=now())
    except Refused:
        raise Absent from None
    if found.returned.voice is None:
        raise Absent
    return deliver_file(voices.delivery_of(found.returned.voice, played=True))


def _page(found: SignedCopy, token: str) -> Response:
    def address_of(made: Rendition) -> str:
        return url_for("signed_view.picture", token=token, id=made.id)

    copy = corrected_copy(found.attempt, found.returned, address_of, may_try_again=found.work.may_write)
    # The person who is logged in on this device may be another one.
    return page("homework/signed.html", copy=copy, work=found.work, token=token, me=None, text_size="normal")


def _over(status: int) -> Response:
    own = languages.shown_in(request_language())
    shown: list[Language] = [languages.SOURCE] if own == languages.SOURCE else [languages.SOURCE, own]
    return page("homework/signed_over.html", status, shown=shown, switch_languages=switch_languages, me=None)
