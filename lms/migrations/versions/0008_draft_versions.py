"""Drafts of learners have a version

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Added in place: a table made anew would break the references of files and feedback on SQLite.
    op.add_column("attempt", sa.Column("version", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE attempt SET version = 1 WHERE text <> ''")


def downgrade() -> None:
    op.drop_column("attempt", "version")
