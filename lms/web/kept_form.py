"""Forms that were sent after their login had ended: kept for their person, and shown again after the login.

The cookie holds a token for each kept form, the database its hash (ADR 24).
"""

from __future__ import annotations

import secrets
from functools import partial
from io import BytesIO
from urllib.parse import urlencode

from flask import Flask, Response, current_app, g, redirect, request, url_for
from flask_wtf.csrf import generate_csrf
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response as BaseResponse

from lms.access import cookie, drop_cookie, me, own_path, set_cookie
from lms.clock import now
from lms.domain.errors import Absent, Refused
from lms.domain.people import kept_forms, logins
from lms.extensions import db, refuse_writes, write
from lms.models import KeptForm
from lms.refusal_codes import RefusalCode
from lms.web.sent_form import SentForm

PURPOSE = "kept"
# In the environ of a request that only shows a form again; no client can set it.
REFUSAL = "lms.refusal"


def init_app(app: Flask) -> None:
    """Let a request that shows a form again write nothing, and let go of a kept form once it is sent."""
    app.before_request(_write_nothing)
    app.after_request(_let_go)


def _write_nothing() -> None:
    refusal: Refused | None = request.environ.get(REFUSAL)
    if refusal is not None:
        refuse_writes(refusal)


def keep(form: SentForm) -> str | None:
    """Keep the form for the person for whom its page was made.

    Returns the tokens for the cookie; None when nothing was typed or it cannot be kept.
    """
    person_id, token = form.owner, secrets.token_urlsafe(32)
    if person_id is None or not form.texts:
        return None
    try:
        write(
            lambda session: kept_forms.keep_form(
                session, person_id, token, form.path, form.fields, had_files=form.had_files, now=now()
            )
        )
    except (Absent, OperationalError):
        db.session().rollback()
        return None
    return ".".join([*_tokens(), token][-kept_forms.MOST_FORMS :])


def remember(response: BaseResponse, tokens: str) -> None:
    """Let the browser hold the tokens of its kept forms."""
    set_cookie(response, PURPOSE, tokens, kept_forms.KEPT)


def after_login(location: str) -> str:
    """Return where a login leads: to the form that this browser has kept, if it has one."""
    return url_for("kept_form.show", next=location) if _tokens() else location


def show_again() -> BaseResponse:
    """Return the page of the kept form, filled in as it was sent; nothing is written.

    Without a form of this person in this browser: a redirect to `next`, and a form of another person is let
    go.
    """
    found = kept_forms.kept_forms(db.session(), me(), _tokens(), now=now())
    if not found:
        response = redirect(own_path(request.args.get("next")) or url_for("home.today"), 303)
        drop_cookie(response, PURPOSE)
        return response
    answer = _answer_without_writing(found[0])
    if answer.status_code in (409, 422):
        answer.status_code = 200  # nothing went wrong: the form waits for its person
    return answer


def _answer_without_writing(form: KeptForm) -> BaseResponse:
    """Return what the address of the form answers when it is sent now, with every write refused."""
    refusal = Refused(RefusalCode.FORM_KEPT)
    if form.had_files:
        refusal = Refused(RefusalCode.FORM_KEPT_WITHOUT_FILES)
    body = urlencode([*kept_forms.fields_of(form), ("csrf_token", generate_csrf())]).encode()
    path, _question, query = form.path.partition("?")
    environ = {
        name: value
        for name, value in request.environ.items()
        if name not in ("HTTP_ACCEPT_ENCODING", "HTTP_ORIGIN", "werkzeug.request")
    }
    environ |= {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_SEC_FETCH_SITE": "same-origin",
        "wsgi.input": BytesIO(body),
        REFUSAL: refusal,
    }
    # Not through `current_app.wsgi_app`: what is wrapped around it has seen this request already.
    return Response.from_app(partial(Flask.wsgi_app, current_app), environ, buffered=True)


def _let_go(response: Response) -> Response:
    """Let go of the kept form with the address to which a form was sent, and show the next one."""
    if request.method != "POST" or response.status_code >= 400 or "login_session" not in g:
        return response
    tokens = _tokens()
    if not tokens:
        return response
    try:
        found = kept_forms.kept_forms(db.session(), me(), tokens, now=now())
    except OperationalError:
        return response  # it is shown once more after a login, which harms nobody
    left = [form for form in found if _page_of(form.path) != _page_of(request.path)]
    if len(left) == len(found):
        return response
    hashes = {form.token_hash for form in left}
    kept = [token for token in tokens if logins.digest(token) in hashes]
    if not kept:
        drop_cookie(response, PURPOSE)
        return response
    remember(response, ".".join(kept))
    if response.status_code == 303:
        response.location = url_for("kept_form.show")
    return response


def _page_of(path: str) -> list[str]:
    """Return the part of an address that all buttons of one page share."""
    return path.partition("?")[0].split("/")[:3]


def _tokens() -> list[str]:
    return [part for part in (cookie(PURPOSE) or "").split(".") if part][: kept_forms.MOST_FORMS]
