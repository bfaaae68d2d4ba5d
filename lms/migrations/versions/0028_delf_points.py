"""DELF points of a criterion; teachers choose to see them, and to get the weekly mail

Revision ID: 0028
Revises: 0027
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

SWITCHES = {"delf_points": sa.false(), "weekly_digest": sa.true()}


def upgrade() -> None:
    op.add_column("criterion", sa.Column("points", sa.JSON(), nullable=True))
    with op.batch_alter_table("person") as batch:
        for name, value in SWITCHES.items():
            batch.add_column(sa.Column(name, sa.Boolean(), nullable=False, server_default=value))
    with op.batch_alter_table("person") as batch:
        for name in SWITCHES:
            batch.alter_column(name, server_default=None)


def downgrade() -> None:
    for table in ("notice", "outbox_item"):
        op.execute(f"DELETE FROM {table} WHERE kind = 'teacher_digest'")  # noqa: S608
    with op.batch_alter_table("person") as batch:
        for name in SWITCHES:
            batch.drop_column(name)
    with op.batch_alter_table("criterion") as batch:
        batch.drop_column("points")
