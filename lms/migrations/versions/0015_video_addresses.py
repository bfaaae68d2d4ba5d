"""Video addresses of teachers; the organisation may have none

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # An organisation keeps the address that it has: appointments that exist open there.
    op.add_column("person", sa.Column("video_address", sa.String(length=500), nullable=True))


def downgrade() -> None:
    op.execute("UPDATE organisation SET video_base = 'https://meet.jit.si' WHERE video_base = ''")
    with op.batch_alter_table("person") as batch:
        batch.drop_column("video_address")
