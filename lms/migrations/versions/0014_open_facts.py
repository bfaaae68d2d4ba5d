"""Conflicts, first copies and open redos stand on their rows, indexes of the team's pages

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# Indexes that get the other columns of their question: table, name, columns, the name until now.
WIDER = (
    ("booking", "ix_booking_starts_state", ["starts", "state", "ends"], "ix_booking_starts"),
    (
        "person",
        "ix_person_social_worker_id_name",
        ["social_worker_id", "name_key", "id"],
        "ix_person_social_worker_id",
    ),
    (
        "person",
        "ix_person_level_id_deactivated_at",
        ["level_id", "deactivated_at", "social_worker_id"],
        "ix_person_level_id",
    ),
    ("special_day", "ix_special_day_dates", ["date_from", "date_until"], "ix_special_day_date_from"),
)
# Partial indexes: name, table, columns, which rows.
PARTIAL = (
    ("ix_booking_conflict", "booking", ["starts", "id"], "conflict IS NOT NULL"),
    ("ix_person_deactivated_at", "person", ["deactivated_at"], "deactivated_at IS NOT NULL"),
    ("ix_submission_redo_open", "submission", ["redo_since", "learner_id"], "redo_since IS NOT NULL"),
    ("ix_submission_learner_redo_open", "submission", ["learner_id"], "redo_since IS NOT NULL"),
    ("ix_attempt_queued_at_open", "attempt", ["submission_id"], "queued_at IS NULL"),
    ("ix_person_name_active", "person", ["name_key", "id"], "deactivated_at IS NULL"),
    ("ix_person_seen_at_active", "person", ["seen_at", "created_at"], "deactivated_at IS NULL"),
    ("ix_access_card_locked", "access_card", ["person_id"], "locked_at IS NOT NULL"),
    (
        "ix_outbox_item_by_hand",
        "outbox_item",
        ["expires_at"],
        "closed_at IS NULL AND handed_at IS NOT NULL",
    ),
)
FIRST = """
    UPDATE queued_attempt SET is_first = NOT EXISTS (
        SELECT 1 FROM submission JOIN attempt ON attempt.submission_id = submission.id
        WHERE submission.learner_id = queued_attempt.learner_id
        AND attempt.queued_at IS NOT NULL AND attempt.id <> queued_attempt.attempt_id
    )
"""
REDO = """
    UPDATE submission SET redo_since = (
        SELECT feedback.returned_at FROM attempt JOIN feedback ON feedback.attempt_id = attempt.id
        WHERE attempt.submission_id = submission.id AND feedback.redo_requested
        AND feedback.returned_at IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM attempt AS later WHERE later.submission_id = attempt.submission_id
            AND later.number > attempt.number AND later.queued_at IS NOT NULL
        )
    )
"""


def upgrade() -> None:
    op.add_column("submission", sa.Column("redo_since", types.UTCDateTime(), nullable=True))
    op.execute(REDO)
    op.drop_index("ix_feedback_redo", table_name="feedback")
    op.add_column("queued_attempt", sa.Column("is_first", sa.Boolean(), nullable=True))
    op.execute(FIRST)
    with op.batch_alter_table("queued_attempt") as batch:
        batch.alter_column("is_first", existing_type=sa.Boolean(), nullable=False)
    op.create_index(
        "ix_queued_attempt_first",
        "queued_attempt",
        ["since"],
        sqlite_where=sa.text("is_first = 1"),
        postgresql_where=sa.text("is_first"),
    )
    # Filled by the next hour of a worker: what covers an appointment is not SQL.
    op.add_column("booking", sa.Column("conflict", sa.String(length=8), nullable=True))
    for name, table, columns, rows in PARTIAL:
        where = sa.text(rows)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
    op.create_index("ix_person_role_role", "person_role", ["role", "person_id"])
    for table, name, columns, old in WIDER:
        op.drop_index(old, table_name=table)
        op.create_index(name, table, columns)


def downgrade() -> None:
    for table, name, columns, old in WIDER:
        op.drop_index(name, table_name=table)
        op.create_index(old, table, columns[:1])
    op.drop_index("ix_person_role_role", table_name="person_role")
    for name, table, _columns, _rows in PARTIAL:
        op.drop_index(name, table_name=table)
    with op.batch_alter_table("booking") as batch:
        batch.drop_column("conflict")
    op.drop_index("ix_queued_attempt_first", table_name="queued_attempt")
    with op.batch_alter_table("queued_attempt") as batch:
        batch.drop_column("is_first")
    with op.batch_alter_table("submission") as batch:
        batch.drop_column("redo_since")
    op.create_index(
        "ix_feedback_redo",
        "feedback",
        ["returned_at"],
        sqlite_where=sa.text("redo_requested = 1"),
        postgresql_where=sa.text("redo_requested"),
    )
