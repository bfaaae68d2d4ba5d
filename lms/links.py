"""Absolute addresses of our pages: in e-mails, SMS, calendars, on printed cards and tickets."""

from __future__ import annotations

from flask import current_app

from config import Settings


def absolute_url(settings: Settings, endpoint: str, **values: str) -> str:
    """Return the address of a page as somebody outside the instance opens it.

    Needs the application and no request: a message is rendered by a job. Raises werkzeug's `BuildError`
    when the page or one of its values does not exist.
    """
    path = current_app.url_map.bind("").build(endpoint, values)
    return f"{settings.base_url}{path}"
