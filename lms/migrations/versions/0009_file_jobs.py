"""Files that a worker prepares; digests of pictures

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("attempt") as batch:
        batch.add_column(sa.Column("queued_at", types.UTCDateTime(), nullable=True))
        batch.create_check_constraint(op.f("ck_attempt_queued"), "queued_at IS NULL OR sent_at IS NOT NULL")
    op.execute("UPDATE attempt SET queued_at = sent_at")
    with op.batch_alter_table("attachment") as batch:
        batch.add_column(sa.Column("state", sa.String(length=8), nullable=True))
        batch.add_column(sa.Column("refusal", sa.String(length=32), nullable=True))
        batch.add_column(sa.Column("sent_sha256", sa.String(length=64), nullable=True))
    op.execute("UPDATE attachment SET state = 'ready'")
    with op.batch_alter_table("attachment") as batch:
        batch.alter_column("state", existing_type=sa.String(length=8), nullable=False)
        batch.alter_column("store_key", existing_type=sa.String(length=80), nullable=True)
        batch.create_check_constraint(
            op.f("ck_attachment_state"), "state IN ('received', 'ready', 'refused')"
        )
        batch.create_check_constraint(
            op.f("ck_attachment_ready"), "(state = 'ready') = (store_key IS NOT NULL)"
        )
        batch.create_check_constraint(
            op.f("ck_attachment_refused"), "(state = 'refused') = (refusal IS NOT NULL)"
        )
    op.create_table(
        "file_job",
        sa.Column("attachment_id", sa.String(length=14), nullable=False),
        sa.Column("received_key", sa.String(length=80), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.Column("claimed_until", types.UTCDateTime(), nullable=True),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_file_job_attachment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("attachment_id", name=op.f("pk_file_job")),
        sa.UniqueConstraint("received_key", name=op.f("uq_file_job_received_key")),
    )
    op.create_index("ix_file_job_created_at", "file_job", ["created_at"])
    op.add_column("rendition", sa.Column("sha256", sa.String(length=64), nullable=True))
    op.add_column("organisation", sa.Column("door_photo_sha256", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """A file that no worker has prepared yet, and one that was refused, has no place in the older tables.

    An attempt that waits for such a file goes to the team without it, an empty one goes back to the draft.
    """
    op.execute(
        "UPDATE attempt SET queued_at = NULL, sent_at = NULL WHERE queued_at IS NULL AND text = '' AND NOT EXISTS"
        " (SELECT 1 FROM attachment WHERE attempt_id = attempt.id AND state = 'ready')"
    )
    op.drop_column("organisation", "door_photo_sha256")
    op.drop_column("rendition", "sha256")
    op.drop_table("file_job")
    op.execute("DELETE FROM attachment WHERE state <> 'ready'")
    with op.batch_alter_table("attachment") as batch:
        batch.drop_constraint(op.f("ck_attachment_refused"), type_="check")
        batch.drop_constraint(op.f("ck_attachment_ready"), type_="check")
        batch.drop_constraint(op.f("ck_attachment_state"), type_="check")
        batch.alter_column("store_key", existing_type=sa.String(length=80), nullable=False)
        batch.drop_column("sent_sha256")
        batch.drop_column("refusal")
        batch.drop_column("state")
    with op.batch_alter_table("attempt") as batch:
        batch.drop_constraint(op.f("ck_attempt_queued"), type_="check")
        batch.drop_column("queued_at")
