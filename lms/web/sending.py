"""What the server does for forms that the script of a page sends (`static/js/send/`)."""

from __future__ import annotations

import hmac

from flask import Flask, Response, request

from lms.current import settings
from lms.models import Person


def init_app(app: Flask) -> None:
    """Answer the scripts that send forms."""
    app.after_request(_name_next_page)


def _name_next_page(response: Response) -> Response:
    """Name the next page to a script instead of redirecting to it.

    A browser follows a redirect within the request of the script: the page would be fetched twice, and its
    messages be used up by the first time.
    """
    if request.headers.get("X-Sent-By") == "script" and response.status_code in (302, 303):
        response.headers["X-Next"] = response.headers.pop("Location")
        response.status_code = 204
        response.set_data(b"")
    return response


def browser_key(person: Person) -> str:
    """Return the name under which a browser keeps the unsent words of the person, without the id."""
    secret = settings().secret_key.encode()
    return hmac.digest(secret, f"unsent words of {person.id}".encode(), "sha256").hex()[:24]
