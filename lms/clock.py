"""The only clock."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment in UTC, in whole seconds, as the database keeps it."""
    return datetime.now(UTC).replace(microsecond=0)
