"""A cancelled appointment is kept for its learner for some minutes; quiet hours, silences

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_KEPT = sa.text("kept_until IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("booking") as batch:
        batch.add_column(sa.Column("kept_until", types.UTCDateTime(), nullable=True))
        batch.create_check_constraint(
            op.f("ck_booking_kept"),
            "kept_until IS NULL OR (state = 'cancelled' AND cancelled_by_id = learner_id"
            " AND NOT cancelled_by_teacher AND kept_until > cancelled_at)",
        )
    with op.batch_alter_table("organisation") as batch:
        batch.add_column(sa.Column("quiet_from", sa.Integer(), nullable=False, server_default="20"))
        batch.add_column(sa.Column("quiet_until", sa.Integer(), nullable=False, server_default="8"))
        batch.create_check_constraint(
            op.f("ck_organisation_quiet_hours"),
            "quiet_from BETWEEN 0 AND 23 AND quiet_until BETWEEN 0 AND 23",
        )
    with op.batch_alter_table("organisation") as batch:
        batch.alter_column("quiet_from", server_default=None)
        batch.alter_column("quiet_until", server_default=None)
    with op.batch_alter_table("waitlist_entry") as batch:
        batch.add_column(sa.Column("silences", sa.Integer(), nullable=False, server_default="0"))
        batch.create_check_constraint(
            op.f("ck_waitlist_entry_silences"),
            "silences BETWEEN 0 AND 2 AND (silences < 2 OR ended_at IS NOT NULL)",
        )
    with op.batch_alter_table("waitlist_entry") as batch:
        batch.alter_column("silences", server_default=None)
    op.create_index("ix_booking_kept", "booking", ["kept_until"], sqlite_where=_KEPT, postgresql_where=_KEPT)


def downgrade() -> None:
    # The claims of what is kept would block its hour for ever.
    op.execute("DELETE FROM claim WHERE booking_id IN (SELECT id FROM booking WHERE kept_until IS NOT NULL)")
    with op.batch_alter_table("waitlist_entry") as batch:
        batch.drop_constraint(op.f("ck_waitlist_entry_silences"), type_="check")
        batch.drop_column("silences")
    with op.batch_alter_table("organisation") as batch:
        batch.drop_constraint(op.f("ck_organisation_quiet_hours"), type_="check")
        batch.drop_column("quiet_until")
        batch.drop_column("quiet_from")
    op.drop_index("ix_booking_kept", "booking")
    with op.batch_alter_table("booking") as batch:
        batch.drop_constraint(op.f("ck_booking_kept"), type_="check")
        batch.drop_column("kept_until")
