"""What a teacher confirms of the marks of the attempt before

Revision ID: 0027
Revises: 0026
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mark_check",
        sa.Column("feedback_id", sa.String(length=14), nullable=False),
        sa.Column("returned_feedback_id", sa.String(length=14), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_mended", sa.Boolean(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_mark_check_{column}"), ondelete="CASCADE"
            )
            for column, table in (("feedback_id", "feedback"), ("returned_feedback_id", "returned_feedback"))
        ),
        sa.PrimaryKeyConstraint(
            "feedback_id", "returned_feedback_id", "position", name=op.f("pk_mark_check")
        ),
    )
    op.create_index("ix_mark_check_returned_feedback_id", "mark_check", ["returned_feedback_id"])


def downgrade() -> None:
    op.drop_table("mark_check")
