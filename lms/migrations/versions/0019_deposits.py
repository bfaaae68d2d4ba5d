"""Work that a member of the team sends for a learner

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deposit",
        sa.Column("attempt_id", sa.String(length=14), nullable=False),
        sa.Column("actor_id", sa.String(length=14), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("sent_on", sa.Date(), nullable=False),
        sa.Column("way", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_deposit_attempt_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["person.id"], name=op.f("fk_deposit_actor_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_deposit")),
    )


def downgrade() -> None:
    op.drop_table("deposit")
