"""A cancelled appointment is kept for its learner for some minutes

Revision ID: 0010
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations.types import UTCDateTime

revision = "0010"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEPT = sa.text("kept_until IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("booking") as batch:
        batch.add_column(sa.Column("kept_until", UTCDateTime(), nullable=True))
        batch.create_check_constraint(
            op.f("ck_booking_kept"),
            "kept_until IS NULL OR (state = 'cancelled' AND cancelled_by_id = learner_id"
            " AND NOT cancelled_by_teacher AND kept_until > cancelled_at)",
        )
    op.create_index("ix_booking_kept", "booking", ["kept_until"], sqlite_where=_KEPT, postgresql_where=_KEPT)


def downgrade() -> None:
    # The claims of what is kept would block its hour for ever.
    op.execute("DELETE FROM claim WHERE booking_id IN (SELECT id FROM booking WHERE kept_until IS NOT NULL)")
    op.drop_index("ix_booking_kept", "booking")
    with op.batch_alter_table("booking") as batch:
        batch.drop_constraint(op.f("ck_booking_kept"), type_="check")
        batch.drop_column("kept_until")
