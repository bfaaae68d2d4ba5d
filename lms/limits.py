"""Rate limits.

They are counted in the memory of the process of `./dev run` or, when the queue is in Redis, in Redis for all
processes together. Counts that must survive a restart, such as the lock of a card, are in the database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, g
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from config import Settings
from lms.event_log import log_event
from lms.extensions import limiter as shared_limiter


def init_app(app: Flask, limiter: Limiter, settings: Settings) -> None:
    """Configure the storage of the limiter."""
    redis = settings.queue_url.startswith(("redis://", "rediss://"))
    app.config.update(
        RATELIMIT_STORAGE_URI=settings.queue_url if redis else "memory://",
        # A server that does not answer must not hold a thread.
        RATELIMIT_STORAGE_OPTIONS={"socket_connect_timeout": 1, "socket_timeout": 1} if redis else {},
        RATELIMIT_STRATEGY="fixed-window",
        # While Redis is not reachable each process counts for itself.
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=redis,
    )
    limiter.init_app(app)


def limit_failures(
    limits: str,
    key: Callable[[], str] = get_remote_address,
    *,
    unless: Callable[[], bool] | None = None,
) -> Callable[[Any], Any]:
    """Limit the failed attempts at a view (`count_failure`): who gets in takes nothing from others."""
    return shared_limiter.limit(
        limits,
        key_func=key,
        methods=["POST"],
        exempt_when=unless,
        deduct_when=lambda _response: bool(g.get("attempt_failed")),
    )


def count_failure(**ids: str | None) -> None:
    """Let this request count as a failed attempt, of the card or the person with this id if it is known."""
    g.attempt_failed = True
    log_event("attempt_failed", **ids)


def are_shared() -> bool:
    """Return whether attempts are counted where the settings say, and not only in this process."""
    return bool(shared_limiter.storage.check())
