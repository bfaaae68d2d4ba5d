"""The copy of a voice that plays on every phone

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

DUE = sa.text("copy_due_at IS NOT NULL")
PLAYED = "(played_key IS NULL) = (played_size IS NULL) AND (played_key IS NULL) = (played_sha256 IS NULL)"


def upgrade() -> None:
    with op.batch_alter_table("attachment") as batch:
        batch.add_column(sa.Column("played_key", sa.String(length=80), nullable=True))
        batch.add_column(sa.Column("played_size", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("played_sha256", sa.String(length=64), nullable=True))
        batch.add_column(sa.Column("copy_due_at", types.UTCDateTime(), nullable=True))
        batch.create_unique_constraint(op.f("uq_attachment_played_key"), ["played_key"])
        batch.create_check_constraint(op.f("ck_attachment_played"), PLAYED)
    op.create_index(
        "ix_attachment_copy_due_at", "attachment", ["copy_due_at"], sqlite_where=DUE, postgresql_where=DUE
    )
    # A worker makes the copies of what is there, one at a time, when no received file waits.
    op.execute("UPDATE attachment SET copy_due_at = created_at WHERE kind = 'voice' AND state = 'ready'")


def downgrade() -> None:
    """Older code plays the recording itself; `flask doctor --fix` deletes the copies, which no row names."""
    op.drop_index("ix_attachment_copy_due_at", "attachment")
    with op.batch_alter_table("attachment") as batch:
        batch.drop_constraint(op.f("ck_attachment_played"), type_="check")
        batch.drop_constraint(op.f("uq_attachment_played_key"), type_="unique")
        for column in ("copy_due_at", "played_sha256", "played_size", "played_key"):
            batch.drop_column(column)
