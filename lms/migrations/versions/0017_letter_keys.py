"""Teachers may switch off the keys of a single letter

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("person") as batch:
        batch.add_column(sa.Column("letter_keys", sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table("person") as batch:
        batch.alter_column("letter_keys", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("person") as batch:
        batch.drop_column("letter_keys")
