"""What every page shares: headers, errors, the language of the request, and forms sent twice."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from os import SEEK_END
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, make_response, redirect, render_template, request
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError
from werkzeug.wrappers import Response as BaseResponse

from config import Settings
from lms.access import cookie, current_person_or_none, me, own_path, site_of
from lms.adapters.store import StoreFull, is_full
from lms.clock import now
from lms.domain.errors import Absent, Refused
from lms.extensions import db, write
from lms.forms import PageForm
from lms.i18n import dates, languages, refusals
from lms.models import FormReceipt, Organisation

T = TypeVar("T")

log = logging.getLogger("lms.web")

YOUTUBE = "https://www.youtube-nocookie.com"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        f"frame-src {YOUTUBE}",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
COMMON_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # YouTube refuses to play for a page that sends no referrer at all.
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
}


def settings() -> Settings:
    found: Settings = current_app.extensions["lms_settings"]
    return found


def organisation() -> Organisation:
    """The centre, read once a request."""
    if "service" not in g:
        g.service = db.session().get(Organisation, 1) or Organisation(
            name="Passerelle", pin_required=True, hygiene_notice=False
        )
    found: Organisation = g.service
    return found


def page(template: str, answer: int = 200, /, **context: object) -> Response:
    return make_response(render_template(template, **context), answer)


def idempotency_key(form: PageForm) -> str:
    """Return the key of one submission: the key of the form and everything in it.

    Who goes back, writes on and sends again has not sent the same: her words must not be dropped.
    """
    said: list[tuple[str, str, int]] = [
        (name, value, 0) for name, value in request.form.items(multi=True) if name != "csrf_token"
    ]
    for name, file in request.files.items(multi=True):
        said.append((name, file.filename or "", file.stream.seek(0, SEEK_END)))
        file.stream.seek(0)
    whole = json.dumps([form.request_id.data, sorted(said)])
    return hashlib.sha256(whole.encode()).hexdigest()[:40]


def run_once_with_result(
    form: PageForm, operation: Callable[[Session], T], leads: Callable[[T], str], *, key: str | None = None
) -> tuple[T | None, str]:
    """Run the verb in one transaction; what it returned, and the address to which that leads.

    The same form sent again (double tap, lost network, back button) does nothing and gets None and the
    same address: its key is unique in the database, in the transaction of the deed.
    """
    key = key or idempotency_key(form)

    def in_transaction(session: Session) -> tuple[T | None, str]:
        receipt = session.get(FormReceipt, (me().id, key))
        if receipt is not None:
            return None, receipt.location
        result = operation(session)
        location = leads(result)
        session.add(FormReceipt(person_id=me().id, request_id=key, location=location, made_at=now()))
        session.flush()
        return result, location

    try:
        return write(in_transaction)
    except (IntegrityError, Refused):
        # On PostgreSQL its twin may have committed first: then it answers like its twin.
        receipt = db.session().get(FormReceipt, (me().id, key))
        if receipt is None:
            raise
        return None, receipt.location


def run_once(form: PageForm, operation: Callable[[Session], str], *, key: str | None = None) -> BaseResponse:
    """Run the verb and answer 303 to the page it names; the same form sent again leads there too."""
    _result, location = run_once_with_result(form, operation, str, key=key)
    return redirect(location, 303)


def by_script() -> bool:
    """Return whether a script of the page asks, and wants an answer for itself instead of a page."""
    return request.accept_mimetypes.best == "application/json"


def request_language() -> str:
    """The person's language, else the one chosen on this device, else the browser's, else French."""
    person = None if g.get("ask_nothing") else current_person_or_none()
    if person is not None:
        return languages.shown_in(person.language).code
    chosen = cookie("language")
    if chosen:
        return languages.shown_in(chosen).code
    codes = [language.code for language in languages.WITH_CATALOGUE]
    return request.accept_languages.best_match(codes) or "fr"


def init_app(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_headers)
    app.after_request(_log)
    app.context_processor(_context)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(SecurityError, _strange_host)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(Absent, lambda _no: _error(404))
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(StoreFull, _full)
    app.register_error_handler(OSError, _no_room)
    app.register_error_handler(Exception, _broken)
    zone = app.extensions["lms_settings"].time_zone
    app.jinja_env.filters.update(
        hour=lambda moment: dates.hour(moment, zone),
        day=lambda moment, language="fr": dates.day(moment, zone, language),
        short_day=lambda moment, language="fr": dates.short_day(moment, zone, language),
        full_day=lambda moment, language="fr": dates.full_day(moment, zone, language),
        ago=lambda moment: dates.ago(moment, now()),
        mb=lambda size: _("%(number)s Mo", number=f"{size / 1_000_000:.1f}".replace(".", ",")),
    )


def _begin() -> None:
    g.began = time.perf_counter()
    g.request_key = secrets.token_hex(8)


def _context() -> dict[str, object]:
    language = languages.shown_in(str(get_locale() or "fr"))
    if g.get("ask_nothing"):
        return {"lang": language.code, "dir": language.direction, "me": None, "text_size": "normal"}
    person = current_person_or_none()
    return {
        "lang": language.code,
        "dir": language.direction,
        "me": person,
        "service": organisation(),
        "languages": languages.WITH_CATALOGUE,
        "text_size": person.text_size if person else "normal",
        "clock": now,
    }


def _headers(response: Response) -> Response:
    for name, value in COMMON_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Cache-Control", "private, no-store")
    if settings().https:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _log(response: Response) -> Response:
    """One line of JSON a request: no body, no query, no token, ids instead of names."""
    # Asked here only where the page asked already: a static answer should not cost a look-up.
    person = current_person_or_none() if "_login_user" in g else None
    log.info(
        json.dumps(
            {
                "request": g.get("request_key"),
                "method": request.method,
                "route": str(request.url_rule) if request.url_rule else None,
                "status": response.status_code,
                "ms": round((time.perf_counter() - g.get("began", time.perf_counter())) * 1000),
                "person": person.id if person else None,
            }
        )
    )
    return response


def _error(code: int, sentence: str | None = None, again: Sequence[tuple[str, str]] = ()) -> Response:
    """The page of a refusal. It asks the database nothing when that may be what is ill."""
    g.ask_nothing = code >= 500
    if not g.ask_nothing:
        db.session().rollback()
    return page(
        "error.html",
        code,
        code=code,
        sentence=sentence,
        href=_way_back(),
        again=again,
        request_id=g.get("request_key"),
    )


def _way_back() -> str | None:
    """Where the person came from, to offer the way back."""
    if site_of(request.referrer) != request.host:
        return None
    path = own_path(urlsplit(request.referrer or "").path)
    return path if path != request.path else None


def _http_error(error: HTTPException) -> Response:
    response = _error(error.code or 500)
    for name, value in error.get_headers():
        if name.lower() in ("retry-after", "allow"):
            response.headers[name] = value
    return response


def _strange_host(_error_: SecurityError) -> Response:
    """Without a page of ours: it would be built from the very name that is not trusted."""
    return Response("400 Bad Request\n", 400, mimetype="text/plain")


def _stale_form(_error_: CSRFError) -> Response:
    return _error(400, _("La page est trop vieille. Revenez en arrière et envoyez encore."))


def _too_large(_error_: RequestEntityTooLarge) -> Response:
    return _error(413, _("C’est trop lourd. Envoyez moins de fichiers à la fois."))


def _refused(no: Refused) -> Response:
    """A refusal that no form was there to show."""
    return _error(409, refusals.sentence(no))


def _busy(error: OperationalError) -> Response:
    log.warning("database said: %s", type(error.orig).__name__)
    response = _error(503, again=_sent())
    response.headers["Retry-After"] = "30"
    return response


def _sent() -> list[tuple[str, str]]:
    """Return the submitted form, so that one tap sends it again with its key, and never twice.

    Not where nobody is signed in or a password was typed, and not without the files that came with it.
    """
    try:
        names = set(request.form)
    except HTTPException:  # too large or cut off: it was never read
        return []
    if "_login_user" not in g or any(file.filename for file in request.files.values()):
        return []
    if any("password" in name or name in ("pin", "code", "current") for name in names):
        return []
    return list(request.form.items(multi=True))


def _no_room(error: OSError) -> BaseResponse:
    """The folder in which a form is unpacked lies on a disk too."""
    return _error(507) if is_full(error) else _broken(error)


def _full(_error_: StoreFull) -> Response:
    return _error(507)


def _broken(error: Exception) -> Response:
    log.error("request %s broke", g.get("request_key"), exc_info=error)
    return _error(500)
