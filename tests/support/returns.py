"""The seconds in which a return of feedback can be taken back, let past without waiting."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from lms.domain.homework.returns import MAIL, UNDOABLE

_TRIGGER = "returned_feedback_is_frozen"


def let_undo_pass(session: Session) -> None:
    """Move every return, with its message and its notice, so far into the past that it is final.

    A return never changes: its trigger is put aside for this.
    """
    seconds = {"seconds": int(UNDOABLE.total_seconds()), "kind": MAIL}
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        created = session.scalar(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": _TRIGGER})
        session.execute(text(f"DROP TRIGGER {_TRIGGER}"))
    else:
        created = f"ALTER TABLE returned_feedback ENABLE TRIGGER {_TRIGGER}"
        session.execute(text(f"ALTER TABLE returned_feedback DISABLE TRIGGER {_TRIGGER}"))
    session.execute(
        text(
            "UPDATE returned_feedback"
            " SET returned_at = returned_at - :seconds, final_at = final_at - :seconds"
        ),
        seconds,
    )
    for table in ("outbox_item", "notice"):
        session.execute(
            text(f"UPDATE {table} SET due_at = due_at - :seconds WHERE kind = :kind"),  # noqa: S608
            seconds,
        )
    session.execute(text(created))
