"""A weekly rule or a special day after its deletion, whole enough to be written again (ADR 31)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from lms.models import Availability, SpecialDay

UNDO_LASTS = timedelta(minutes=10)
_TABLES = {table.__tablename__: table for table in (Availability, SpecialDay)}
_READERS = {
    **dict.fromkeys(("valid_from", "valid_until", "date_from", "date_until"), date.fromisoformat),
    **dict.fromkeys(("start_wall", "end_wall"), time.fromisoformat),
    "created_at": datetime.fromisoformat,
}


@dataclass(frozen=True)
class DeletedHours:
    """The values of the deleted row, as JSON can write them, and until when it may be written again."""

    table: str
    values: Mapping[str, str | int | None]
    until: datetime

    def row(self) -> Availability | SpecialDay:
        """Return the row as it was, with its id; it is in no session."""
        given = {
            name: _READERS[name](value) if name in _READERS and isinstance(value, str) else value
            for name, value in self.values.items()
        }
        return _TABLES[self.table](**given)


def remember_hours(row: Availability | SpecialDay, *, now: datetime) -> DeletedHours:
    """Return the values of a row that is about to be deleted."""
    values = {column.key: getattr(row, column.key) for column in row.__table__.columns}
    written = {
        name: value.isoformat() if isinstance(value, date | time) else value for name, value in values.items()
    }
    return DeletedHours(row.__tablename__, written, now + UNDO_LASTS)
