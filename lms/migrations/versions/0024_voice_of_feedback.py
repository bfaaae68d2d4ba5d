"""What a teacher says to an attempt

Revision ID: 0024
Revises: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

FROZEN = (
    "feedback_id",
    "number",
    "returned_at",
    "teacher_id",
    "comment",
    "next_step",
    "redo",
    "body",
    "final_at",
    "reopened_at",
)
PLAYED = "(played_key IS NULL) = (played_size IS NULL) AND (played_key IS NULL) = (played_sha256 IS NULL)"


def upgrade() -> None:
    op.create_table(
        "feedback_voice",
        sa.Column("feedback_id", sa.String(length=14), nullable=False),
        sa.Column("store_key", sa.String(length=80), nullable=False),
        sa.Column("mime", sa.String(length=80), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=True),
        sa.Column("created_by_id", sa.String(length=14), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.Column("removed_at", types.UTCDateTime(), nullable=True),
        sa.Column("played_key", sa.String(length=80), nullable=True),
        sa.Column("played_size", sa.Integer(), nullable=True),
        sa.Column("played_sha256", sa.String(length=64), nullable=True),
        sa.Column("copy_due_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.CheckConstraint("size > 0", name=op.f("ck_feedback_voice_size")),
        sa.CheckConstraint(PLAYED, name=op.f("ck_feedback_voice_played")),
        sa.ForeignKeyConstraint(
            ["feedback_id"], ["feedback.id"], name=op.f("fk_feedback_voice_feedback_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"],
            ["person.id"],
            name=op.f("fk_feedback_voice_created_by_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback_voice")),
        sa.UniqueConstraint("store_key", name=op.f("uq_feedback_voice_store_key")),
        sa.UniqueConstraint("played_key", name=op.f("uq_feedback_voice_played_key")),
    )
    for column in ("feedback_id", "created_by_id"):
        op.create_index(f"ix_feedback_voice_{column}", "feedback_voice", [column])
    for name, column, where, unique in (
        ("uq_feedback_voice_draft", "feedback_id", "removed_at IS NULL", True),
        ("ix_feedback_voice_copy_due_at", "copy_due_at", "copy_due_at IS NOT NULL", False),
        ("ix_feedback_voice_removed_at", "removed_at", "removed_at IS NOT NULL", False),
    ):
        op.create_index(
            name,
            "feedback_voice",
            [column],
            unique=unique,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
    with op.batch_alter_table("returned_feedback") as batch:
        batch.add_column(sa.Column("voice_id", sa.String(length=14), nullable=True))
        batch.create_foreign_key(
            op.f("fk_returned_feedback_voice_id"), "feedback_voice", ["voice_id"], ["id"], ondelete="RESTRICT"
        )
    op.create_index("ix_returned_feedback_voice_id", "returned_feedback", ["voice_id"])
    _freeze((*FROZEN, "voice_id"))


def downgrade() -> None:
    """What teachers said is gone; `flask doctor --fix` deletes the files, which no row names."""
    _drop_trigger()
    op.drop_index("ix_returned_feedback_voice_id", "returned_feedback")
    with op.batch_alter_table("returned_feedback") as batch:
        batch.drop_constraint(op.f("fk_returned_feedback_voice_id"), type_="foreignkey")
        batch.drop_column("voice_id")
    _freeze(FROZEN)
    op.drop_table("feedback_voice")


def _drop_trigger() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute(
        "DROP TRIGGER IF EXISTS returned_feedback_is_frozen" + (" ON returned_feedback" if postgresql else "")
    )


def _freeze(columns: tuple[str, ...]) -> None:
    """Let the database refuse every change of these columns of what was returned (see 0016 and 0021).

    On SQLite the triggers went with the table that `batch` has copied.
    """
    _drop_trigger()
    then = (
        "FOR EACH ROW EXECUTE FUNCTION refuse_change_of_returned_feedback()"
        if op.get_bind().dialect.name == "postgresql"
        else "BEGIN SELECT RAISE(ABORT, 'returned feedback never changes'); END"
    )
    op.execute(
        "CREATE TRIGGER returned_feedback_is_frozen"
        f" BEFORE UPDATE OF {', '.join(columns)} ON returned_feedback {then}"
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER returned_feedback_is_final BEFORE DELETE ON returned_feedback"
            " WHEN OLD.final_at <= CAST(strftime('%s', 'now') AS INTEGER)"
            " BEGIN SELECT RAISE(ABORT, 'returned feedback is final'); END"
        )
