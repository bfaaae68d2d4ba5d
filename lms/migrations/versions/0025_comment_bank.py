"""The comment bank: sentences that teachers use again

Revision ID: 0025
Revises: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

OFFERED = sa.text("uses > 1 AND hidden_at IS NULL AND merged_into_id IS NULL")
UNUSED = sa.text("uses = 1")
REFERENCES = {
    "level_id": ("level", "CASCADE"),
    "assignment_id": ("assignment", "RESTRICT"),
    "created_by_id": ("person", "RESTRICT"),
    "last_feedback_id": ("feedback", "RESTRICT"),
    "merged_into_id": ("phrase", "RESTRICT"),
}


def upgrade() -> None:
    op.create_table(
        "phrase",
        sa.Column("level_id", sa.String(length=14), nullable=False),
        sa.Column("assignment_id", sa.String(length=14), nullable=True),
        sa.Column("code", sa.String(length=11), nullable=True),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column("text_key", sa.String(length=400), nullable=False),
        sa.Column("created_by_id", sa.String(length=14), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("last_used_at", types.UTCDateTime(), nullable=False),
        sa.Column("last_feedback_id", sa.String(length=14), nullable=True),
        sa.Column("merged_into_id", sa.String(length=14), nullable=True),
        sa.Column("hidden_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.CheckConstraint("uses >= 1", name=op.f("ck_phrase_uses")),
        sa.CheckConstraint("merged_into_id IS NULL OR merged_into_id <> id", name=op.f("ck_phrase_merged")),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_phrase_{column}"), ondelete=deletion
            )
            for column, (table, deletion) in REFERENCES.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phrase")),
        sa.UniqueConstraint("level_id", "text_key", name=op.f("uq_phrase_level_id_text_key")),
    )
    op.create_index(
        "ix_phrase_offered",
        "phrase",
        ["level_id", "last_used_at"],
        sqlite_where=OFFERED,
        postgresql_where=OFFERED,
    )
    op.create_index(
        "ix_phrase_unused", "phrase", ["last_used_at"], sqlite_where=UNUSED, postgresql_where=UNUSED
    )


def downgrade() -> None:
    op.drop_table("phrase")
