"""The only clock of the application."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time in UTC, in whole seconds, as the database stores it."""
    return datetime.now(UTC).replace(microsecond=0)
