"""One answer can be read without a login

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signed_view",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("returned_feedback_id", sa.String(length=14), nullable=False),
        sa.Column("expires_at", types.UTCDateTime(), nullable=False),
        sa.Column("revoked_at", types.UTCDateTime(), nullable=True),
        sa.Column("opened_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.ForeignKeyConstraint(
            ["returned_feedback_id"],
            ["returned_feedback.id"],
            name=op.f("fk_signed_view_returned_feedback_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signed_view")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_signed_view_token_hash")),
    )
    op.create_index("ix_signed_view_returned_feedback_id", "signed_view", ["returned_feedback_id"])
    op.create_index("ix_signed_view_expires_at", "signed_view", ["expires_at"])


def downgrade() -> None:
    op.drop_table("signed_view")
