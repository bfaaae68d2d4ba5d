"""Copies of recordings that play on every phone: which are due, and what became of each (ADR 43).

A recording is ready without its copy. The copy is made of what is stored, with no transaction open; the first
one that is recorded stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms.models import Attachment, FeedbackVoice

MIME = "audio/mp4"

Recording = type[Attachment] | type[FeedbackVoice]


@dataclass(frozen=True)
class DueCopy:
    """A recording of which a copy may be needed: of a learner's homework or of a teacher."""

    table: Recording
    id: str
    store_key: str


@dataclass(frozen=True)
class StoredCopy:
    """A copy in the store, read back. `size` in bytes."""

    store_key: str
    size: int
    sha256: str


def next_due(session: Session) -> DueCopy | None:
    """Return the recording that has waited longest for its copy, a teacher's first; None for none."""
    tables: tuple[Recording, ...] = (FeedbackVoice, Attachment)
    for table in tables:
        found = session.execute(
            select(table.id, table.store_key)
            .where(table.copy_due_at.is_not(None))
            .order_by(table.copy_due_at, table.id)
            .limit(1)
        ).one_or_none()
        if found is not None and found.store_key is not None:
            return DueCopy(table, found.id, found.store_key)
    return None


def record_copy(session: Session, due: DueCopy, made: StoredCopy | None) -> bool:
    """Record the copy; None: there is none, because the recording plays everywhere or cannot be read.

    Returns whether the copy is in use now: not when the recording was deleted, or looked at, in the meantime.
    """
    recorded = session.scalar(
        update(due.table)
        .where(due.table.id == due.id, due.table.copy_due_at.is_not(None))
        .values(
            copy_due_at=None,
            played_key=made.store_key if made else None,
            played_size=made.size if made else None,
            played_sha256=made.sha256 if made else None,
        )
        .returning(due.table.id)
        .execution_options(synchronize_session=False)
    )
    return recorded is not None and made is not None
