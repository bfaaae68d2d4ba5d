"""Homework by e-mail: the mailbox, its mails and files, known addresses; addresses that bounce

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

STATES = "state IN ('new', 'waiting', 'filed', 'aside', 'junk', 'refused', 'bounce', 'automatic')"
OPEN = sa.text("state IN ('new', 'waiting')")
UNANSWERED = sa.text("answers_to IS NOT NULL AND answered_at IS NULL")
REFERENCES = {
    "person_id": "person",
    "assignment_id": "assignment",
    "attempt_id": "attempt",
    "handled_by_id": "person",
}


def upgrade() -> None:
    with op.batch_alter_table("person") as batch:
        batch.add_column(sa.Column("mail_epoch", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("email_bounced_at", types.UTCDateTime(), nullable=True))
    op.create_table(
        "mailbox",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("claimed_until", types.UTCDateTime(), nullable=True),
        sa.Column("due_at", types.UTCDateTime(), nullable=True),
        sa.Column("read_at", types.UTCDateTime(), nullable=True),
        sa.Column("failing_since", types.UTCDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=40), nullable=False),
        sa.CheckConstraint("(failing_since IS NULL) = (error = '')", name=op.f("ck_mailbox_failing")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mailbox")),
    )
    op.create_table(
        "inbound_mail",
        sa.Column("mailbox", sa.String(length=200), nullable=False),
        sa.Column("uid_validity", sa.String(length=20), nullable=False),
        sa.Column("uid", sa.String(length=20), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("store_key", sa.String(length=80), nullable=True),
        sa.Column("message_id", sa.String(length=300), nullable=False),
        sa.Column("from_address", sa.String(length=254), nullable=False),
        sa.Column("from_name", sa.String(length=120), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("sent_at", types.UTCDateTime(), nullable=True),
        sa.Column("received_at", types.UTCDateTime(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("whole_text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("why", sa.String(length=32), nullable=True),
        sa.Column("is_verified", sa.Boolean(), nullable=False),
        sa.Column("person_id", sa.String(length=14), nullable=True),
        sa.Column("assignment_id", sa.String(length=14), nullable=True),
        sa.Column("attempt_id", sa.String(length=14), nullable=True),
        sa.Column("handled_by_id", sa.String(length=14), nullable=True),
        sa.Column("handled_at", types.UTCDateTime(), nullable=True),
        sa.Column("answers_to", sa.String(length=254), nullable=True),
        sa.Column("answered_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.CheckConstraint(STATES, name=op.f("ck_inbound_mail_state")),
        sa.CheckConstraint(
            "(state = 'filed') = (attempt_id IS NOT NULL)", name=op.f("ck_inbound_mail_filed")
        ),
        *(
            sa.ForeignKeyConstraint(
                [column],
                [f"{table}.id"],
                name=op.f(f"fk_inbound_mail_{column}"),
                ondelete="RESTRICT",
            )
            for column, table in REFERENCES.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_mail")),
        sa.UniqueConstraint(
            "mailbox", "uid_validity", "uid", name=op.f("uq_inbound_mail_mailbox_uid_validity_uid")
        ),
        sa.UniqueConstraint("sha256", name=op.f("uq_inbound_mail_sha256")),
        sa.UniqueConstraint("store_key", name=op.f("uq_inbound_mail_store_key")),
    )
    op.create_index(
        "ix_inbound_mail_open",
        "inbound_mail",
        ["received_at", "id"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_index(
        "ix_inbound_mail_unanswered",
        "inbound_mail",
        ["handled_at"],
        sqlite_where=UNANSWERED,
        postgresql_where=UNANSWERED,
    )
    op.create_index("ix_inbound_mail_handled_at", "inbound_mail", ["handled_at", "id"])
    op.create_index("ix_inbound_mail_answers_to", "inbound_mail", ["answers_to", "answered_at"])
    for column in REFERENCES:
        op.create_index(f"ix_inbound_mail_{column}", "inbound_mail", [column])
    op.create_table(
        "inbound_part",
        sa.Column("mail_id", sa.String(length=14), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("shown_name", sa.String(length=120), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("received_key", sa.String(length=80), nullable=True),
        sa.Column("looked_at", types.UTCDateTime(), nullable=True),
        sa.Column("refusal", sa.String(length=32), nullable=True),
        sa.Column("preview_key", sa.String(length=80), nullable=True),
        sa.Column("preview_size", sa.Integer(), nullable=True),
        sa.Column("preview_sha256", sa.String(length=64), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.CheckConstraint("size > 0", name=op.f("ck_inbound_part_size")),
        sa.CheckConstraint(
            "(preview_key IS NULL) = (preview_size IS NULL)", name=op.f("ck_inbound_part_preview")
        ),
        sa.ForeignKeyConstraint(
            ["mail_id"], ["inbound_mail.id"], name=op.f("fk_inbound_part_mail_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_part")),
        sa.UniqueConstraint("mail_id", "position", name=op.f("uq_inbound_part_mail_id_position")),
        sa.UniqueConstraint("preview_key", name=op.f("uq_inbound_part_preview_key")),
        sa.UniqueConstraint("received_key", name=op.f("uq_inbound_part_received_key")),
    )
    op.create_table(
        "known_address",
        sa.Column("person_id", sa.String(length=14), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("created_by_id", sa.String(length=14), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by_id"],
            ["person.id"],
            name=op.f("fk_known_address_created_by_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_known_address_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_address")),
        sa.UniqueConstraint("address", name=op.f("uq_known_address_address")),
    )
    for column in ("person_id", "created_by_id"):
        op.create_index(f"ix_known_address_{column}", "known_address", [column])


def downgrade() -> None:
    for table in ("known_address", "inbound_part", "inbound_mail", "mailbox"):
        op.drop_table(table)
    # Older code knows neither this outcome nor these messages.
    op.execute("UPDATE outbox_item SET outcome = 'failed' WHERE outcome = 'bounced'")
    op.execute("DELETE FROM notice WHERE kind IN ('homework_received', 'mail_unreadable')")
    op.execute("DELETE FROM outbox_item WHERE kind IN ('homework_received', 'mail_unreadable')")
    with op.batch_alter_table("person") as batch:
        batch.drop_column("email_bounced_at")
        batch.drop_column("mail_epoch")
