"""Access control. Every route has `@allow(...)`; a route without it answers 404."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, current_app, g, redirect, request, url_for
from flask import session as form_cookie
from flask_login import current_user
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from config import Settings
from lms import current
from lms.clock import now
from lms.domain.people import logins
from lms.extensions import db, login, write
from lms.models import LoginKind, LoginSession, Person, Role

View = TypeVar("View", bound=Callable[..., object])
Audience = Role | Literal["anyone", "someone"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def allow(*audiences: Audience) -> Callable[[View], View]:
    """Declare who may use a route: roles, `someone` (every logged-in person) or `anyone`."""
    if not audiences or set(audiences) - {"anyone", "someone", *Role}:
        raise ValueError(f"allow() takes roles, someone or anyone, not {audiences}")

    def mark(view: View) -> View:
        view.allowed = frozenset(audiences)  # type: ignore[attr-defined]
        return view

    return mark


def for_programs(view: View) -> View:
    """Declare that programs ask a route: it answers 401 without a login, and one sentence for each error."""
    view.for_programs = True  # type: ignore[attr-defined]
    return view


def is_for_programs() -> bool:
    """Return whether a program asks the current route, and neither a redirect nor a page is of use to it."""
    return hasattr(current_app.view_functions.get(request.endpoint or ""), "for_programs")


def current_person_or_none() -> Person | None:
    """Return the logged-in person of this request; None on a page without login."""
    person = current_user._get_current_object()
    return person if isinstance(person, Person) else None


def me() -> Person:
    """Return the logged-in person of this request. Raises RuntimeError on a page without login."""
    person = current_person_or_none()
    if person is None:
        raise RuntimeError("me() on a page without login")
    return person


def current_login() -> LoginSession:
    """Return the login session of this request."""
    found: LoginSession = g.login_session
    return found


# The cookie of a browser on which a member of the team has logged in before.
TEAM_BROWSER = "browser"


def cookie_name(settings: Settings, purpose: str) -> str:
    """Return the name of a cookie.

    It identifies the instance, because cookies ignore ports, and begins with `__Host-` under https.
    """
    name = f"passerelle_{purpose}_{_instance_mark(settings.secret_key)}"
    return f"__Host-{name}" if settings.https else name


@cache
def _instance_mark(secret_key: str) -> str:
    return logins.digest(secret_key)[:6]


def set_cookie(response: BaseResponse, purpose: str, value: str, lasts: timedelta) -> None:
    response.set_cookie(
        cookie_name(current.settings(), purpose),
        value,
        max_age=int(lasts.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=current.settings().https,
        path="/",
    )


def drop_cookie(response: BaseResponse, purpose: str) -> None:
    response.delete_cookie(
        cookie_name(current.settings(), purpose),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=current.settings().https,
    )


def cookie(purpose: str) -> str | None:
    return request.cookies.get(cookie_name(current.settings(), purpose))


def own_path(target: str | None) -> str | None:
    """Return the target when it is a path of this site, for `next=`; None otherwise."""
    if not target or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return None
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or any(ord(character) < 32 for character in target):
        return None
    return target


def site_of(address: str | None) -> str | None:
    """Return host and port of the address in a header, in lower case; None when it is malformed."""
    try:
        return urlsplit(address or "").netloc.lower() or None
    except ValueError:  # "http://[" and its like
        return None


def init_app(app: Flask) -> None:
    login.init_app(app)
    login.session_protection = None  # a phone changes networks
    login.request_loader(_load_person)
    app.before_request(_guard)


def _load_person(_: Request) -> Person | None:
    token = cookie("session")
    if not token or g.get("ask_nothing"):  # the page that says that the database does not answer
        return None
    session: Session = db.session()
    found = logins.find_active_with_organisation(session, token, now=now())
    if found is None:
        return None
    if logins.needs_touch(found[0], now=now()):
        login_id = found[0].id
        try:
            write(lambda s: logins.record_use(s, login_id, now=now()), brief=True)
        except OperationalError:
            session.rollback()  # the answer matters more than the record of the use
        found = logins.find_active_with_organisation(session, token, now=now())
        if found is None:
            return None
    login_session, organisation = found
    if organisation is not None:
        g.organisation = organisation
    g.login_session = login_session
    g.person_id = login_session.person_id  # for pages that may not ask the database any more
    return login_session.person


def _guard() -> Response | BaseResponse | None:
    if request.endpoint is None:
        return None  # no such route: Flask answers 404
    if any("\0" in value for value in (request.view_args or {}).values()):
        abort(404)  # no id contains NUL, and PostgreSQL refuses it
    if request.method not in SAFE_METHODS and from_elsewhere():
        abort(403)
    view = current_app.view_functions[request.endpoint]
    allowed: frozenset[str] | None = getattr(view, "allowed", None)
    if allowed is None:
        abort(404)
    if "anyone" in allowed:
        return None
    person = current_person_or_none()
    if person is None:
        if request.method in SAFE_METHODS and not is_for_programs():
            return redirect(
                url_for(login_page(ended_login()), next=own_path(request.full_path.rstrip("?"))), 303
            )
        abort(401)  # the page for logging in, which keeps what was typed
    _name_person_in_forms(person)
    if "someone" not in allowed and not (allowed & person.roles):
        abort(404)
    return None


def ended_login() -> LoginKind | None:
    """Return the kind of the login that has ended in this browser; None when its cookie is gone too."""
    token = cookie("session")
    return None if token is None else logins.kind_of(db.session(), token)


def login_page(kind: LoginKind | None) -> str:
    """Return the endpoint of the page for logging in: with a password for the team, else with a card.

    A browser without a login is the team's when a member of it has logged in there before.
    """
    is_of_team = kind == LoginKind.STAFF or (kind is None and cookie(TEAM_BROWSER) is not None)
    return "auth.login" if is_of_team else "auth.card"


def _name_person_in_forms(person: Person) -> None:
    """Let the CSRF tokens of the page name its person, so that a form says later for whom it was (ADR 24).

    They outlive the login: a page that stayed open is taken after the same person has logged in again.
    """
    named = form_cookie.get("csrf_token")
    if named != person.id and (named is None or request.method in SAFE_METHODS):
        form_cookie["csrf_token"] = person.id


def from_elsewhere() -> bool:
    """Return whether another site sent this form: a second check beside the CSRF token."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is not None and site_of(origin) != request.host
