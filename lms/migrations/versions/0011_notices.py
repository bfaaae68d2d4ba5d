"""Notices on the start page

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# A notice for each message that is still to be sent, reminders included, and for each about a coming
# appointment that reached nobody, but for what the person did.
BACKFILL = """
    INSERT INTO notice (id, dedupe, kind, person_id, about_id, created_at, due_at, expires_at)
    SELECT item.id, item.dedupe, item.kind, item.person_id, item.about_id, item.created_at, item.due_at,
        CASE
            WHEN item.kind IN ('booking_made', 'booking_moved', 'booking_retimed') THEN booking.starts
            WHEN item.kind IN ('booking_reminder', 'booking_soon', 'booking_offer', 'password_link')
                THEN item.expires_at
        END
    FROM outbox_item item LEFT JOIN booking ON booking.id = item.about_id
    WHERE (
        item.closed_at IS NULL
        OR (item.outcome = 'no_address' AND booking.starts > :now AND booking.sequence = item.sequence)
    )
    AND NOT (item.kind = 'booking_made' AND booking.booked_by_id = item.person_id)
    AND NOT (item.kind = 'booking_cancelled' AND COALESCE(booking.cancelled_by_id, '') = item.person_id)
"""


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("dedupe", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("person_id", sa.String(length=14), nullable=False),
        sa.Column("about_id", sa.String(length=14), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.Column("due_at", types.UTCDateTime(), nullable=False),
        sa.Column("expires_at", types.UTCDateTime(), nullable=True),
        sa.Column("seen_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_notice_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("dedupe", name=op.f("uq_notice_dedupe")),
    )
    op.create_index("ix_notice_person_id", "notice", ["person_id", "due_at"])
    op.create_index("ix_notice_about_id", "notice", ["about_id"])
    op.create_index(
        "ix_notice_unseen",
        "notice",
        ["person_id", "due_at"],
        sqlite_where=sa.text("seen_at IS NULL"),
        postgresql_where=sa.text("seen_at IS NULL"),
    )
    op.execute(sa.text(BACKFILL).bindparams(now=int(time.time())))


def downgrade() -> None:
    op.drop_table("notice")
