"""Drafts of learners have a version; forms that were sent after the login had ended are kept for an hour

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Added in place: a table made anew would break the references of files and feedback on SQLite.
    op.add_column("attempt", sa.Column("version", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE attempt SET version = 1 WHERE text <> ''")
    op.create_table(
        "kept_form",
        sa.Column("person_id", sa.String(length=14), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=500), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("had_files", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_kept_form_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_form")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_kept_form_token_hash")),
    )
    op.create_index("ix_kept_form_person_id", "kept_form", ["person_id"])


def downgrade() -> None:
    op.drop_table("kept_form")
    op.drop_column("attempt", "version")
