"""Rate limits.

They are counted in the memory of the process of `./dev run` or, when the queue is in Redis, in Redis for all
processes together. Counts that must survive a restart, such as the lock of a card, are in the database.
"""

from __future__ import annotations

from flask import Flask
from flask_limiter import Limiter

from config import Settings


def init_app(app: Flask, limiter: Limiter, settings: Settings) -> None:
    """Configure the storage of the limiter."""
    redis = settings.queue_url.startswith(("redis://", "rediss://"))
    app.config.update(
        RATELIMIT_STORAGE_URI=settings.queue_url if redis else "memory://",
        RATELIMIT_STRATEGY="fixed-window",
        # While Redis is not reachable each process counts for itself.
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=redis,
    )
    limiter.init_app(app)
