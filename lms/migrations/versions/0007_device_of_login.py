"""A login names the device that it made known

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nobody knows which login made them known: each device asks for the PIN once more.
    op.execute("DELETE FROM known_device")
    with op.batch_alter_table("login_session") as batch:
        batch.add_column(sa.Column("known_device_id", sa.String(length=14), nullable=True))
        batch.create_foreign_key(
            op.f("fk_login_session_known_device_id"),
            "known_device",
            ["known_device_id"],
            ["id"],
            ondelete="SET NULL",
        )
    op.create_index("ix_login_session_known_device_id", "login_session", ["known_device_id"])


def downgrade() -> None:
    op.drop_index("ix_login_session_known_device_id", "login_session")
    with op.batch_alter_table("login_session") as batch:
        batch.drop_constraint(op.f("fk_login_session_known_device_id"), type_="foreignkey")
        batch.drop_column("known_device_id")
