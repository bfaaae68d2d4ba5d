"""How large the body of a request may be: one megabyte, or what the view declares with `takes_bodies`.

Our own server reads the same declaration before it receives a body (`lms/http_server.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from config import Settings
from lms.access import cookie
from lms.adapters.store import StoreFull
from lms.current import settings, settings_of

MEGABYTE = 1 << 20
# Set by our own server for a body that it did not receive.
TOO_LARGE = "passerelle.too_large"
NO_ROOM = "passerelle.no_room"

View = TypeVar("View", bound=Callable[..., object])
Cap = Callable[[Settings], int]


def takes_bodies(cap: Cap, *, text: int = MEGABYTE) -> Callable[[View], View]:
    """Declare the largest body that a view takes from a logged-in person, and how much of it may be text."""

    def mark(view: View) -> View:
        view.body_cap, view.body_text = cap, text  # type: ignore[attr-defined]
        return view

    return mark


def declared_cap(app: Flask, method: str, path: str) -> int | None:
    """Return the cap that the view behind the path declares; None for any other view, and for none."""
    try:
        rule, _values = app.url_map.bind("localhost").match(path, method=method, return_rule=True)
    except HTTPException:
        return None
    cap: Cap | None = getattr(app.view_functions[rule.endpoint], "body_cap", None)
    return cap(settings_of(app)) if cap else None


def init_app(app: Flask) -> None:
    """Limit the body of each request before anything reads it: the CSRF protection does."""
    app.url_value_preprocessor(_limit_body)


def _limit_body(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    view = current_app.view_functions.get(endpoint or "")
    cap: Cap | None = getattr(view, "body_cap", None)
    most = cap(settings()) if cap and cookie("session") else None
    if most is not None:
        request.max_content_length = most
        request.max_form_memory_size = view.body_text  # type: ignore[union-attr]
    if NO_ROOM in request.environ:
        raise StoreFull
    # A view with a cap of its own says it on its own page, when it reads the form.
    if TOO_LARGE in request.environ and (most is None or (request.content_length or 0) <= most):
        raise RequestEntityTooLarge
