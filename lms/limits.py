"""How often something may be tried.

Counted in the memory of the one process of `./dev run`; where the queue is in Redis, there, for all processes
together. What must outlive a restart is not counted here: the lock of a card stands in the database.
"""

from __future__ import annotations

from flask import Flask
from flask_limiter import Limiter

from config import Settings


def init_app(app: Flask, limiter: Limiter, settings: Settings) -> None:
    """Tell the limiter where to count."""
    redis = settings.queue_url.startswith(("redis://", "rediss://"))
    app.config.update(
        RATELIMIT_STORAGE_URI=settings.queue_url if redis else "memory://",
        RATELIMIT_STRATEGY="fixed-window",
        # While Redis is away each process counts for itself.
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=redis,
    )
    limiter.init_app(app)
