"""Rows of the attempts that wait for feedback, last visits on the row of the person, indexes

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

WAITING = """
    INSERT INTO queued_attempt (attempt_id, since, level_id, learner_id, is_follow_up)
    SELECT attempt.id, attempt.sent_at, lesson.level_id, submission.learner_id, attempt.number > 1
    FROM attempt
    JOIN submission ON submission.id = attempt.submission_id
    JOIN assignment ON assignment.id = submission.assignment_id
    JOIN lesson ON lesson.id = assignment.lesson_id
    LEFT JOIN feedback ON feedback.attempt_id = attempt.id
    WHERE attempt.queued_at IS NOT NULL AND feedback.returned_at IS NULL
"""
LAST_VISITS = """
    UPDATE person SET seen_at = (SELECT max(seen_at) FROM login_session WHERE person_id = person.id)
"""

# Indexes that get the other columns of their question: table, name, columns, the name until now.
WIDER = (
    (
        "clip_progress",
        "ix_clip_progress_clip_id_watched_at",
        ["clip_id", "watched_at", "person_id"],
        "ix_clip_progress_clip_id",
    ),
    (
        "lesson_visit",
        "ix_lesson_visit_lesson_id_step",
        ["lesson_id", "step", "person_id"],
        "ix_lesson_visit_lesson_id",
    ),
)


def upgrade() -> None:
    op.create_table(
        "queued_attempt",
        sa.Column("attempt_id", sa.String(length=14), nullable=False),
        sa.Column("since", types.UTCDateTime(), nullable=False),
        sa.Column("level_id", sa.String(length=14), nullable=False),
        sa.Column("learner_id", sa.String(length=14), nullable=False),
        sa.Column("is_follow_up", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempt.id"], name=op.f("fk_queued_attempt_attempt_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["level_id"], ["level.id"], name=op.f("fk_queued_attempt_level_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["learner_id"], ["person.id"], name=op.f("fk_queued_attempt_learner_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_queued_attempt")),
    )
    op.create_index("ix_queued_attempt_since", "queued_attempt", ["since", "attempt_id"])
    op.create_index("ix_queued_attempt_level_id", "queued_attempt", ["level_id", "since", "attempt_id"])
    op.create_index("ix_queued_attempt_learner_id", "queued_attempt", ["learner_id"])
    op.execute(WAITING)
    op.add_column("person", sa.Column("seen_at", types.UTCDateTime(), nullable=True))
    op.execute(LAST_VISITS)
    op.create_index("ix_outbox_item_outcome", "outbox_item", ["outcome", "closed_at"])
    op.create_index(
        "ix_feedback_redo",
        "feedback",
        ["returned_at"],
        sqlite_where=sa.text("redo_requested = 1"),
        postgresql_where=sa.text("redo_requested"),
    )
    for table, index, columns, old in WIDER:
        op.drop_index(old, table_name=table)
        op.create_index(index, table, columns)


def downgrade() -> None:
    for table, index, columns, old in WIDER:
        op.drop_index(index, table_name=table)
        op.create_index(old, table, columns[:1])
    op.drop_index("ix_feedback_redo", table_name="feedback")
    op.drop_index("ix_outbox_item_outcome", table_name="outbox_item")
    with op.batch_alter_table("person") as batch:
        batch.drop_column("seen_at")
    op.drop_table("queued_attempt")
