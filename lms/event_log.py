"""Lines of the log: one JSON object each, with ids; never a name, a secret, an address or a text."""

from __future__ import annotations

import json
import logging
import re

from flask import g, has_request_context, request

log = logging.getLogger("lms.events")

# An id of ours (`new_id`). Anything else in an address may be a token, or be typed by somebody.
_ID = re.compile(r"[2-9a-hjkmnp-z]{14}")
_PLACE = re.compile(r"<(?:\w+:)?(\w+)>")


def log_event(event: str, **ids: str | None) -> None:
    """Write one line about something that happened in this request."""
    values = {name: value for name, value in ids.items() if value is not None}
    if has_request_context():
        values = {"request": g.get("request_key", ""), "path": shown_path() or "", **values}
    log.info(json.dumps({"event": event, **values}))


def shown_path() -> str | None:
    """Return the path of the request with its ids, but without tokens; None when there is no such route."""
    if request.url_rule is None:
        return None
    values = request.view_args or {}

    def shown(place: re.Match[str]) -> str:
        value = str(values.get(place[1], ""))
        return value if _ID.fullmatch(value) else f"<{place[1]}>"

    return _PLACE.sub(shown, request.url_rule.rule)


def configure_logs(level: int = logging.INFO) -> None:
    """Let this process write our lines to standard error, and of libraries only warnings that matter."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("lms").setLevel(level)
    # It warns of each request that waits for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    logging.getLogger("waitress").addFilter(_without_path)


def _without_path(record: logging.LogRecord) -> bool:
    """Remove the path, which may hold a token, from what the web server says of a request."""
    before, serving, _path = str(record.msg).partition(" while serving ")
    if serving:
        record.msg = f"{before} while serving a request"
    return True
