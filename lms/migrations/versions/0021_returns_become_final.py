"""A return can be taken back until it is final; what the learner says of it

Revision ID: 0021
Revises: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

FROZEN = ("feedback_id", "number", "returned_at", "teacher_id", "comment", "next_step", "redo", "body")


def upgrade() -> None:
    # Added one by one: making the table anew, as a batch does on SQLite, would drop its triggers.
    # What was returned before this revision has been final ever since.
    op.add_column(
        "returned_feedback",
        sa.Column("final_at", types.UTCDateTime(), nullable=False, server_default="0"),
    )
    op.add_column("returned_feedback", sa.Column("reopened_at", types.UTCDateTime(), nullable=True))
    op.add_column("returned_feedback", sa.Column("understood", sa.Boolean(), nullable=True))
    op.add_column("returned_feedback", sa.Column("understood_at", types.UTCDateTime(), nullable=True))
    _drop_update_trigger()
    _forbid_update((*FROZEN, "final_at", "reopened_at"))
    _forbid_delete()
    not_understood = sa.text("understood = 0") if _is_sqlite() else sa.text("NOT understood")
    op.create_index(
        "ix_returned_feedback_not_understood",
        "returned_feedback",
        ["understood_at"],
        sqlite_where=not_understood,
        postgresql_where=not_understood,
    )


def downgrade() -> None:
    op.drop_index("ix_returned_feedback_not_understood", table_name="returned_feedback")
    if _is_sqlite():
        op.execute("DROP TRIGGER returned_feedback_is_final")
    else:
        op.execute("DROP TRIGGER returned_feedback_is_final ON returned_feedback")
        op.execute("DROP FUNCTION refuse_deletion_of_returned_feedback")
    _drop_update_trigger()
    for column in ("understood_at", "understood", "reopened_at", "final_at"):
        op.drop_column("returned_feedback", column)
    _forbid_update(FROZEN)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _drop_update_trigger() -> None:
    op.execute("DROP TRIGGER returned_feedback_is_frozen" + ("" if _is_sqlite() else " ON returned_feedback"))


def _forbid_update(columns: tuple[str, ...]) -> None:
    """Let the database refuse every change of what was returned."""
    named = ", ".join(columns)
    if _is_sqlite():
        op.execute(
            f"CREATE TRIGGER returned_feedback_is_frozen BEFORE UPDATE OF {named} ON returned_feedback"
            " BEGIN SELECT RAISE(ABORT, 'returned feedback never changes'); END"
        )
    else:
        op.execute(
            f"CREATE TRIGGER returned_feedback_is_frozen BEFORE UPDATE OF {named} ON returned_feedback"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change_of_returned_feedback()"
        )


def _forbid_delete() -> None:
    """Let the database refuse the deletion of what is final, by its own clock."""
    if _is_sqlite():
        op.execute(
            "CREATE TRIGGER returned_feedback_is_final BEFORE DELETE ON returned_feedback"
            " WHEN OLD.final_at <= CAST(strftime('%s', 'now') AS INTEGER)"
            " BEGIN SELECT RAISE(ABORT, 'returned feedback is final'); END"
        )
    else:
        op.execute(
            "CREATE FUNCTION refuse_deletion_of_returned_feedback() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'returned feedback is final'; END $$"
        )
        op.execute(
            "CREATE TRIGGER returned_feedback_is_final BEFORE DELETE ON returned_feedback FOR EACH ROW"
            " WHEN (OLD.final_at <= extract(epoch FROM clock_timestamp()))"
            " EXECUTE FUNCTION refuse_deletion_of_returned_feedback()"
        )
