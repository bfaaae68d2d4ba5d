"""Who may enter. Every route carries `@allow(...)`; one without it is closed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, current_app, g, redirect, request, url_for
from flask_login import current_user
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from config import Settings
from lms import current
from lms.clock import now
from lms.domain.people import logins
from lms.extensions import db, login, write
from lms.models import LoginSession, Person, Role

View = TypeVar("View", bound=Callable[..., object])
Who = Role | Literal["anyone", "someone"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def allow(*who: Who) -> Callable[[View], View]:
    """Declare who may enter a route: roles, `someone` (whoever is signed in) or, written out, `anyone`."""
    if not who or set(who) - {"anyone", "someone", *Role}:
        raise ValueError(f"allow() wants roles, someone or anyone, not {who}")

    def mark(view: View) -> View:
        view.allowed = frozenset(who)  # type: ignore[attr-defined]
        return view

    return mark


def current_person_or_none() -> Person | None:
    """The signed-in person of this request, on a page that anyone may enter."""
    person = current_user._get_current_object() if current_user else None
    return person if isinstance(person, Person) else None


def me() -> Person:
    """The signed-in person of this request."""
    person = current_person_or_none()
    if person is None:
        raise RuntimeError("me() on a page that anyone may enter")
    return person


def current_login() -> LoginSession:
    """The entry in hand: on which device, since when."""
    found: LoginSession = g.entry
    return found


def cookie_name(settings: Settings, what: str) -> str:
    """Cookies ignore ports, so the name carries the instance; `__Host-` wherever https allows it."""
    name = f"passerelle_{what}_{logins.digest(settings.secret_key)[:6]}"
    return f"__Host-{name}" if settings.https else name


def set_cookie(response: BaseResponse, what: str, value: str, lasts: timedelta) -> None:
    response.set_cookie(
        cookie_name(current.settings(), what),
        value,
        max_age=int(lasts.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=current.settings().https,
        path="/",
    )


def drop_cookie(response: BaseResponse, what: str) -> None:
    response.delete_cookie(
        cookie_name(current.settings(), what),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=current.settings().https,
    )


def cookie(what: str) -> str | None:
    return request.cookies.get(cookie_name(current.settings(), what))


def own_path(target: str | None) -> str | None:
    """A path of this site and nothing else, for `next=`."""
    if not target or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return None
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or any(ord(letter) < 32 for letter in target):
        return None
    return target


def site_of(address: str | None) -> str | None:
    """Host and port of an address that a header names; None when it is no address at all."""
    try:
        return urlsplit(address or "").netloc or None
    except ValueError:  # "http://[" and its like
        return None


def init_app(app: Flask) -> None:
    login.init_app(app)
    login.session_protection = None  # a phone changes networks
    login.request_loader(_person_behind)
    app.before_request(_guard)


def _person_behind(_: Request) -> Person | None:
    token = cookie("session")
    if not token:
        return None
    session: Session = db.session()
    found = logins.find_active(session, token, now=now())
    if found is None:
        return None
    if logins.needs_touch(found, now=now()):
        entry_id = found.id
        try:
            write(lambda s: logins.record_use(s, entry_id, now=now()))
        except OperationalError:
            session.rollback()  # the page matters more than the note that it was seen
        found = logins.find_active(session, token, now=now())
        if found is None:
            return None
    g.entry = found
    return found.person


def _guard() -> Response | BaseResponse | None:
    if request.endpoint is None:
        return None  # no such address: routing answers
    if any("\0" in value for value in (request.view_args or {}).values()):
        abort(404)  # nothing is called so, and PostgreSQL would not even look
    if request.method not in SAFE_METHODS and _from_elsewhere():
        abort(403)
    view = current_app.view_functions[request.endpoint]
    allowed: frozenset[str] | None = getattr(view, "allowed", None)
    if allowed is None:
        abort(404)
    if "anyone" in allowed:
        return None
    if not current_user.is_authenticated:
        if request.method in SAFE_METHODS:
            return redirect(url_for("auth.card", next=own_path(request.full_path.rstrip("?"))), 303)
        abort(401)  # the typed text stays in the tab; the page says how to come back to it
    if "someone" not in allowed and not (allowed & me().roles):
        abort(404)
    return None


def _from_elsewhere() -> bool:
    """Return whether another site sent this form: a second check beside the CSRF token."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is not None and site_of(origin) != request.host
