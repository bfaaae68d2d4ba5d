"""Security headers of every answer, and one line of log for every request."""

from __future__ import annotations

import json
import logging
import secrets
import time

from flask import Flask, Response, g, request

from lms.current import settings
from lms.event_log import shown_path

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
PAGE_HEADERS = (
    *COMMON_HEADERS.items(),
    ("Content-Security-Policy", POLICY),
    ("Cache-Control", "private, no-store"),
)


def init_app(app: Flask) -> None:
    """Give every response its security headers, and write one line to the log for it."""
    app.before_request(_begin)
    app.after_request(_headers)
    app.after_request(_log)


def _begin() -> None:
    g.began = time.perf_counter()
    g.request_key = secrets.token_hex(8)


def _headers(response: Response) -> Response:
    # In one pass: `setdefault` would look through all headers again for each of these.
    present = {name.lower() for name in response.headers.keys()}  # noqa: SIM118 these are pairs otherwise
    response.headers.extend((name, value) for name, value in PAGE_HEADERS if name.lower() not in present)
    if settings().https:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _log(response: Response) -> Response:
    """Write one line of JSON for each request: no body, query or token, ids instead of names."""
    log.info(
        json.dumps(
            {
                "request": g.get("request_key"),
                "method": request.method,
                "path": shown_path(),
                "status": response.status_code,
                "ms": round((time.perf_counter() - g.get("began", time.perf_counter())) * 1000),
                # The id that `access` has noted: after a commit the person would be loaded again for it.
                "person": g.get("person_id"),
            }
        )
    )
    return response
