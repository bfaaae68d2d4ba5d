"""Uploads that arrive piece by piece

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

OPEN = sa.text("attachment_id IS NULL AND refused IS NULL")


def upgrade() -> None:
    op.create_table(
        "upload",
        sa.Column("person_id", sa.String(length=14), nullable=False),
        sa.Column("assignment_id", sa.String(length=14), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("shown_name", sa.String(length=120), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.Column("expires_at", types.UTCDateTime(), nullable=False),
        sa.Column("attachment_id", sa.String(length=14), nullable=True),
        sa.Column("refused", sa.String(length=32), nullable=True),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.CheckConstraint("length > 0", name=op.f("ck_upload_length")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_upload_person_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignment.id"], name=op.f("fk_upload_assignment_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload")),
        sa.UniqueConstraint("person_id", "key", name=op.f("uq_upload_person_id_key")),
    )
    op.create_index("ix_upload_expires_at", "upload", ["expires_at"])
    op.create_index("ix_upload_open", "upload", ["person_id"], sqlite_where=OPEN, postgresql_where=OPEN)


def downgrade() -> None:
    """What has not come whole is begun again by the phone, with the form of the page."""
    op.drop_table("upload")
