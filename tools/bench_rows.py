"""Rows that `./dev bench` inserts by the thousand, straight into the tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from lms.extensions import Base
from lms.models import AuditEvent, Notice, OutboxItem


@dataclass
class Rows:
    """Rows that are inserted together, in the order in which their tables depend on each other."""

    now: datetime
    prefix: str = ""  # of all ids, where rows were added before
    tables: dict[type[Base], list[dict[str, Any]]] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)

    def add(self, table: type[Base], **values: Any) -> None:
        self.tables.setdefault(table, []).append(values)

    def id(self, prefix: str) -> str:
        """Return the next id of a kind of rows: its prefix and a number."""
        prefix = self.prefix + prefix
        self.made[prefix] += 1
        return f"{prefix}{self.made[prefix]:0{14 - len(prefix)}}"

    def insert(self, session: Session) -> None:
        for table, rows in self.tables.items():
            session.execute(insert(table), rows)
        self.tables.clear()


def add_message(
    rows: Rows, kind: str, person_id: str, about_id: str, at: datetime, *, due: datetime | None = None
) -> None:
    """Add a message with its notice, and an event of the audit log; one that is due was sent and seen."""
    due = due or at
    key, later = f"{kind}:{about_id}:{person_id}", due + timedelta(minutes=20)
    is_due = due < rows.now
    message = {
        "dedupe": key,
        "kind": kind,
        "person_id": person_id,
        "about_id": about_id,
        "created_at": at,
        "due_at": due,
        "expires_at": due + timedelta(hours=2),
    }
    rows.add(
        OutboxItem,
        id=rows.id("mail"),
        **message,
        channel="mail" if is_due else None,
        outcome="sent" if is_due else None,
        closed_at=later if is_due else None,
    )
    rows.add(Notice, id=rows.id("note"), **message, seen_at=later if is_due else None)
    rows.add(
        AuditEvent,
        id=rows.id("event"),
        at=at,
        actor_id=person_id,
        action=kind,
        object_kind="booking",
        object_id=about_id,
    )
