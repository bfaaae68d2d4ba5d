"""How many events of an external calendar were misread, and when they are

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Added and dropped in place: SQLite would empty the table of the busy times with a table made anew.
    op.add_column("external_calendar", sa.Column("misread", sa.Integer(), nullable=False, server_default="0"))
    op.add_column(
        "external_calendar",
        sa.Column("misread_days", sa.String(length=200), nullable=False, server_default=""),
    )


def downgrade() -> None:
    op.drop_column("external_calendar", "misread_days")
    op.drop_column("external_calendar", "misread")
