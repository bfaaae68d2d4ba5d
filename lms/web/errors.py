"""Pages of errors and refusals."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from flask import Flask, Response, g, jsonify, make_response, request
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError
from werkzeug.wrappers import Response as BaseResponse

from lms.access import from_elsewhere, is_for_programs, own_path, site_of
from lms.adapters.store import StoreFull, is_full
from lms.domain.errors import Absent, Refused
from lms.event_log import log_event
from lms.extensions import db, write_refusal
from lms.i18n import refusals
from lms.web import kept_form
from lms.web.pages import by_script, page
from lms.web.sent_form import SentForm, is_of_another_person, sent_form

log = logging.getLogger("lms.web")

_EVENTS = {401: "login_missing", 403: "sent_from_elsewhere", 429: "too_many_attempts"}


def init_app(app: Flask) -> None:
    """Answer every refusal and every error with a page in the person's language."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(SecurityError, _strange_host)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(Absent, lambda _absent: _error(404))
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(NoConnection, _busy)
    app.register_error_handler(StoreFull, _full)
    app.register_error_handler(OSError, _no_room)
    app.register_error_handler(Exception, _broken)


# Title, what happened, what to do.
_WORDS: dict[int, tuple[LazyString, LazyString, LazyString]] = {
    403: (
        _l("Cette page est fermée pour vous"),
        _l("Votre rôle ne permet pas de la voir."),
        _l("Revenez à l’accueil ou demandez au service."),
    ),
    404: (
        _l("Cette page n’existe pas"),
        _l("Le lien est ancien ou incomplet."),
        _l("Revenez à l’accueil et choisissez une leçon ou un devoir."),
    ),
    405: (
        _l("Cette action n’est pas possible ici"),
        _l("Le lien ne correspond pas à cette page."),
        _l("Revenez à l’accueil et essayez encore."),
    ),
    409: (
        _l("Quelque chose a changé entre-temps"),
        _l("Une autre personne a été plus rapide."),
        _l("Revenez à la page et regardez encore."),
    ),
    413: (
        _l("Le fichier est trop lourd"),
        _l("Nous acceptons 25 Mo par fichier."),
        _l("Prenez une autre photo, ou envoyez moins de fichiers."),
    ),
    429: (
        _l("Trop d’essais"),
        _l("Nous protégeons votre compte."),
        _l("Attendez quelques minutes, puis essayez encore."),
    ),
    503: (
        _l("Le service est occupé"),
        _l("Rien n’est perdu. Rien n’est envoyé deux fois."),
        _l("Attendez une minute, puis essayez encore."),
    ),
    507: (
        _l("Il n’y a plus de place"),
        _l("Nous ne pouvons pas garder ce fichier maintenant."),
        _l("Essayez plus tard ou appelez le service."),
    ),
}
_BROKEN = (
    _l("Ça n’a pas marché"),
    _l("Le problème vient de nous, pas de vous."),
    _l("Essayez encore ou appelez le service."),
)
# After these the same form may succeed. Not after 400: an old browser does not say which site made the form.
_PASSING = frozenset({409, 429, 500, 502, 503, 507})


def _error(code: int, sentence: str | None = None, title: str | None = None) -> Response:
    """Return the error page, with everything that was typed into the form.

    For codes from 500 on it runs no query, because the database may have failed.
    """
    g.ask_nothing = code >= 500
    if not g.ask_nothing:
        db.session().rollback()
    usual_title, happened, hint = _WORDS.get(code, _BROKEN)
    if is_for_programs():
        return Response(str(sentence or f"{usual_title}. {hint}"), code, mimetype="text/plain")
    if by_script():
        return make_response(jsonify(said=str(sentence or f"{usual_title}. {hint}")), code)
    form = _shown_form()
    return page(
        "error.html",
        code,
        code=code,
        title=title or usual_title,
        sentence=sentence or happened,
        hint=hint,
        href=way_back(),
        form=form,
        again=form.fields if form and form.is_whole and code in _PASSING else (),
        request_id=g.get("request_key"),
    )


def _shown_form() -> SentForm | None:
    """Return the form of this request, for the person who has sent it; None when there is none.

    Nothing is shown that another site or another person may have written.
    """
    if request.method != "POST" or from_elsewhere():
        return None
    form = sent_form()
    return None if is_of_another_person(form) else form


def way_back() -> str | None:
    """Return the path of the page before, for a link back; None when there is none on this site."""
    if site_of(request.referrer) != request.host:
        return None
    path = own_path(urlsplit(request.referrer or "").path)
    return path if path != request.path else None


def _http_error(error: HTTPException) -> Response:
    if error.code in _EVENTS:
        log_event(_EVENTS[error.code])
    if isinstance(error.response, Response):
        return error.response  # a limit that answers with a page of its own
    response = _error(error.code or 500)
    for name, value in error.get_headers():
        if name.lower() in ("retry-after", "allow"):
            response.headers[name] = value
    return response


def _strange_host(_error_: SecurityError) -> Response:
    """Answer without a page: its addresses would be built from the host name that is not trusted."""
    log_event("host_refused")
    return Response("400 Bad Request\n", 400, mimetype="text/plain")


def _stale_form(_error_: CSRFError) -> Response:
    log_event("form_refused")
    form = sent_form()
    if not is_of_another_person(form):
        return _error(
            400, _("La page est restée ouverte trop longtemps. Revenez en arrière et envoyez encore.")
        )
    kept = None if by_script() or from_elsewhere() else kept_form.keep(form)
    response = _error(400, _("Une autre personne est connectée sur cet appareil. Ce texte n’est pas envoyé."))
    if kept is not None:
        kept_form.remember(response, kept)
    return response


def _too_large(_error_: RequestEntityTooLarge) -> Response:
    log_event("body_too_large")
    return _error(413, _("C’est trop lourd. Envoyez moins de fichiers à la fois."))


def _refused(refusal: Refused) -> Response:
    """Answer a refusal that no form shows."""
    log_event("refused", code=refusal.code)
    title = _("Ce n’est pas encore envoyé") if write_refusal() is refusal else None
    return _error(409, refusals.sentence(refusal), title)


def _busy(error: OperationalError | NoConnection) -> Response:
    cause = error.orig if isinstance(error, OperationalError) else error
    log.warning("database said: %s", type(cause).__name__)
    response = _error(503)
    response.headers["Retry-After"] = "30"
    return response


def _no_room(error: OSError) -> BaseResponse:
    """Answer 507 when the disk with the temporary files of forms is full."""
    return _error(507) if is_full(error) else _broken(error)


def _full(_error_: StoreFull) -> Response:
    return _error(507)


def _broken(error: Exception) -> Response:
    log.error("request %s broke", g.get("request_key"), exc_info=error)
    return _error(500)
