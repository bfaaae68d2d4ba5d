"""Pages of errors and refusals."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError
from werkzeug.wrappers import Response as BaseResponse

from lms.access import own_path, site_of
from lms.adapters.store import StoreFull, is_full
from lms.domain.errors import Absent, Refused
from lms.extensions import db
from lms.i18n import refusals
from lms.web.pages import page

log = logging.getLogger("lms.web")


def init_app(app: Flask) -> None:
    """Answer every refusal and every error with a page in the person's language."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(SecurityError, _strange_host)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(Absent, lambda _absent: _error(404))
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(StoreFull, _full)
    app.register_error_handler(OSError, _no_room)
    app.register_error_handler(Exception, _broken)


def _error(code: int, sentence: str | None = None, again: Sequence[tuple[str, str]] = ()) -> Response:
    """Return the error page; for codes from 500 on it runs no query, because the database may have failed."""
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
    """Return the path of the page before, for a link back; None when there is none on this site."""
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
    """Answer without a page: its addresses would be built from the host name that is not trusted."""
    return Response("400 Bad Request\n", 400, mimetype="text/plain")


def _stale_form(_error_: CSRFError) -> Response:
    return _error(400, _("La page est trop vieille. Revenez en arrière et envoyez encore."))


def _too_large(_error_: RequestEntityTooLarge) -> Response:
    return _error(413, _("C’est trop lourd. Envoyez moins de fichiers à la fois."))


def _refused(refusal: Refused) -> Response:
    """Answer a refusal that no form shows."""
    return _error(409, refusals.sentence(refusal))


def _busy(error: OperationalError) -> Response:
    log.warning("database said: %s", type(error.orig).__name__)
    response = _error(503, again=_sent())
    response.headers["Retry-After"] = "30"
    return response


def _sent() -> list[tuple[str, str]]:
    """Return the values of the form, so that one tap sends it again with the same idempotency key.

    Empty without a login, for a form with a password or a code, and for a form with files.
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
    """Answer 507 when the disk with the temporary files of forms is full."""
    return _error(507) if is_full(error) else _broken(error)


def _full(_error_: StoreFull) -> Response:
    return _error(507)


def _broken(error: Exception) -> Response:
    log.error("request %s broke", g.get("request_key"), exc_info=error)
    return _error(500)
