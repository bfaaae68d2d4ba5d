"""Standard names; one record of an appointment; indexes of foreign keys; no hash chain

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = {
    "service": "organisation",
    "access_session": "login_session",
    "busy_calendar": "external_calendar",
    "busy_span": "external_busy_time",
    "receipt": "form_receipt",
}
# By the new name of each table: old name of a column, new name.
COLUMNS = {
    "access_card": {"made_at": "created_at", "made_by_id": "created_by_id"},
    "assignment": {"made_at": "created_at", "made_by_id": "created_by_id"},
    "attachment": {"made_at": "created_at"},
    "attempt": {"made_at": "created_at"},
    "booking": {
        "called_off": "cancelled_by_teacher",
        "free_at": "blocked_until",
        "kept_at": "conflict_accepted_at",
        "wall_start": "local_start",
        "week": "iso_week",
    },
    "calendar_feed": {"made_at": "created_at"},
    "external_calendar": {"made_at": "created_at"},
    "feedback": {"made_at": "created_at"},
    "form_receipt": {"made_at": "created_at"},
    "known_device": {"made_at": "created_at"},
    "lesson": {"made_at": "created_at", "made_by_id": "created_by_id"},
    "login_session": {"made_at": "created_at"},
    "outbox_item": {"made_at": "created_at"},
    "password_link": {"made_at": "created_at"},
    "person": {"made_at": "created_at"},
    "special_day": {"made_at": "created_at", "made_by_id": "created_by_id"},
    "submission": {"made_at": "created_at"},
    "waitlist_entry": {"made_at": "created_at", "made_by_id": "created_by_id"},
}
# Unique indexes over the rows that count: table, column, condition.
ACTIVE = (
    ("access_card", "person_id", "revoked_at IS NULL"),
    ("calendar_feed", "person_id", "revoked_at IS NULL"),
    ("waitlist_entry", "learner_id", "ended_at IS NULL"),
)
# A row that is deleted must not search the whole table of those that go or change with it.
INDEXES = (
    ("access_card", "person_id"),
    ("calendar_feed", "person_id"),
    ("feedback", "teacher_id"),
    ("lesson_visit", "lesson_id"),
    ("login_session", "card_id"),
    ("opened_level", "level_id"),
    ("outbox_item", "person_id"),
    ("outbox_item", "sent_by_id"),
    ("special_day", "teacher_id"),
)
OUTBOX_KINDS = (
    "'feedback_returned', 'password_link', 'booking_made', 'booking_moved', 'booking_cancelled',"
    " 'booking_reminder', 'booking_soon', 'booking_offer', 'booking_retimed', 'calendar_failing'"
)
OUTCOMES = "'sent', 'void', 'no_address', 'failed', 'expired', 'in_feed'"
# Lists that grow: each new kind would rebuild its table.
GROWING = (
    ("attachment", "kind", "kind IN ('photo', 'voice', 'document')"),
    ("lesson_visit", "step", "step IN ('watch', 'words', 'homework')"),
    ("login_session", "kind", "kind IN ('own', 'shared', 'staff')"),
    ("outbox_item", "channel", "channel IS NULL OR channel IN ('mail', 'sms', 'hand')"),
    ("outbox_item", "kind", f"kind IN ({OUTBOX_KINDS})"),
    ("outbox_item", "outcome", f"outcome IS NULL OR outcome IN ({OUTCOMES})"),
    ("person", "reach", "reach IN ('auto', 'mail', 'sms', 'hand')"),
    ("rendition", "purpose", "purpose IN ('web', 'thumb')"),
)
ATTENDANCES = "attendance IS NULL OR attendance IN ('done', 'no_show', 'late_cancel', 'excused')"
ATTENDED = "attendance IS NULL OR state = 'booked' OR (state = 'cancelled' AND late_cancel AND attendance = 'excused')"
MARKED = "(attendance IS NULL) = (marked_at IS NULL)"


def upgrade() -> None:
    with op.batch_alter_table("audit_event") as batch:
        batch.drop_constraint(op.f("ck_audit_event_sealed"), type_="check")
        batch.drop_constraint(op.f("uq_audit_event_number"), type_="unique")
        batch.drop_column("number")
        batch.drop_column("hash")
    _merge_into_record()
    for table, column, condition in ACTIVE:
        op.drop_index(f"uq_{table}_living", table)
        _create_active_index(f"uq_{table}_active", table, column, condition)
    op.drop_index("ix_receipt_made_at", "receipt")
    op.drop_index("ix_access_session_person_id", "access_session")
    op.drop_index("ix_busy_span_calendar_id", "busy_span")
    op.drop_index("ix_busy_span_ends", "busy_span")
    for old, new in TABLES.items():
        _rename_table(old, new)
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            _rename_column(table, old, new)
    op.create_index("ix_form_receipt_created_at", "form_receipt", ["created_at"])
    op.create_index("ix_login_session_person_id", "login_session", ["person_id"])
    op.create_index("ix_external_busy_time_calendar_id", "external_busy_time", ["calendar_id"])
    op.create_index("ix_external_busy_time_ends", "external_busy_time", ["ends"])
    for table, name, _condition in GROWING:
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
    for table, column in INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table, column in INDEXES:
        op.drop_index(f"ix_{table}_{column}", table)
    for table, name, condition in GROWING:
        with op.batch_alter_table(table) as batch:
            batch.create_check_constraint(op.f(f"ck_{table}_{name}"), condition)
    op.drop_index("ix_form_receipt_created_at", "form_receipt")
    op.drop_index("ix_login_session_person_id", "login_session")
    op.drop_index("ix_external_busy_time_calendar_id", "external_busy_time")
    op.drop_index("ix_external_busy_time_ends", "external_busy_time")
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            _rename_column(table, new, old)
    for old, new in TABLES.items():
        _rename_table(new, old)
    op.create_index("ix_receipt_made_at", "receipt", ["made_at"])
    op.create_index("ix_access_session_person_id", "access_session", ["person_id"])
    op.create_index("ix_busy_span_calendar_id", "busy_span", ["calendar_id"])
    op.create_index("ix_busy_span_ends", "busy_span", ["ends"])
    for table, column, condition in ACTIVE:
        op.drop_index(f"uq_{table}_active", table)
        _create_active_index(f"uq_{table}_living", table, column, condition)
    _split_record()
    with op.batch_alter_table("audit_event") as batch:
        batch.add_column(sa.Column("number", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("hash", sa.String(length=64), nullable=True))
        batch.create_unique_constraint(op.f("uq_audit_event_number"), ["number"])
        batch.create_check_constraint(op.f("ck_audit_event_sealed"), "(number IS NULL) = (hash IS NULL)")


def _merge_into_record() -> None:
    """Attendance, question and notes leave the booking; a late cancellation is an attendance."""
    op.create_table(
        "appointment_record",
        sa.Column("booking_id", sa.String(length=14), nullable=False),
        sa.Column("attendance", sa.String(length=12), nullable=True),
        sa.Column("marked_at", types.UTCDateTime(), nullable=True),
        sa.Column("marked_by_id", sa.String(length=14), nullable=True),
        sa.Column("question", sa.String(length=300), nullable=False),
        sa.Column("private_note", sa.Text(), nullable=False),
        sa.Column("next_step", sa.String(length=300), nullable=False),
        sa.Column("noted_by_id", sa.String(length=14), nullable=True),
        sa.Column("noted_at", types.UTCDateTime(), nullable=True),
        sa.CheckConstraint(ATTENDANCES, name=op.f("ck_appointment_record_attendance")),
        sa.CheckConstraint(MARKED, name=op.f("ck_appointment_record_marked")),
        sa.CheckConstraint(
            "(noted_by_id IS NULL) = (noted_at IS NULL)", name=op.f("ck_appointment_record_noted")
        ),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["booking.id"], name=op.f("fk_appointment_record_booking_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["marked_by_id"],
            ["person.id"],
            name=op.f("fk_appointment_record_marked_by_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["noted_by_id"],
            ["person.id"],
            name=op.f("fk_appointment_record_noted_by_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("booking_id", name=op.f("pk_appointment_record")),
    )
    op.execute(
        """
        INSERT INTO appointment_record (booking_id, attendance, marked_at, marked_by_id, question,
                                        private_note, next_step, noted_by_id, noted_at)
        SELECT id,
               CASE WHEN late_cancel AND attendance IS NULL THEN 'late_cancel' ELSE attendance END,
               CASE WHEN late_cancel AND attendance IS NULL THEN cancelled_at ELSE marked_at END,
               CASE WHEN late_cancel AND attendance IS NULL THEN cancelled_by_id ELSE marked_by_id END,
               question, coalesce(private, ''), coalesce(next_step, ''), written_by_id, written_at
        FROM booking LEFT JOIN session_note ON booking_id = id
        """
    )
    op.drop_table("session_note")
    with op.batch_alter_table("booking") as batch:
        for name in ("attendance", "attended", "marked", "called_off"):
            batch.drop_constraint(op.f(f"ck_booking_{name}"), type_="check")
        batch.drop_constraint(op.f("fk_booking_marked_by_id"), type_="foreignkey")
        for name in ("attendance", "marked_at", "marked_by_id", "question", "late_cancel"):
            batch.drop_column(name)
        batch.create_check_constraint(
            op.f("ck_booking_cancelled_by_teacher"), "NOT called_off OR state = 'cancelled'"
        )


def _split_record() -> None:
    op.create_table(
        "session_note",
        sa.Column("booking_id", sa.String(length=14), nullable=False),
        sa.Column("private", sa.Text(), nullable=False),
        sa.Column("next_step", sa.String(length=300), nullable=False),
        sa.Column("written_by_id", sa.String(length=14), nullable=False),
        sa.Column("written_at", types.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["booking.id"], name=op.f("fk_session_note_booking_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["written_by_id"], ["person.id"], name=op.f("fk_session_note_written_by_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("booking_id", name=op.f("pk_session_note")),
    )
    op.execute(
        """
        INSERT INTO session_note (booking_id, private, next_step, written_by_id, written_at)
        SELECT booking_id, private_note, next_step, noted_by_id, noted_at
        FROM appointment_record WHERE noted_at IS NOT NULL
        """
    )
    with op.batch_alter_table("booking") as batch:
        batch.drop_constraint(op.f("ck_booking_cancelled_by_teacher"), type_="check")
        batch.add_column(sa.Column("attendance", sa.String(length=12), nullable=True))
        batch.add_column(sa.Column("marked_at", types.UTCDateTime(), nullable=True))
        batch.add_column(sa.Column("marked_by_id", sa.String(length=14), nullable=True))
        batch.add_column(sa.Column("question", sa.String(length=300), nullable=False, server_default=""))
        batch.add_column(sa.Column("late_cancel", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(
        """
        UPDATE booking SET
            attendance = record.attendance, marked_at = record.marked_at, marked_by_id = record.marked_by_id,
            question = record.question, late_cancel = (state = 'cancelled' AND record.attendance IS NOT NULL)
        FROM appointment_record AS record WHERE record.booking_id = booking.id
        """
    )
    op.execute(
        "UPDATE booking SET attendance = NULL, marked_at = NULL, marked_by_id = NULL"
        " WHERE state = 'cancelled' AND attendance = 'late_cancel'"
    )
    op.drop_table("appointment_record")
    with op.batch_alter_table("booking") as batch:
        batch.create_foreign_key(
            op.f("fk_booking_marked_by_id"), "person", ["marked_by_id"], ["id"], ondelete="RESTRICT"
        )
        batch.create_check_constraint(op.f("ck_booking_attendance"), ATTENDANCES)
        batch.create_check_constraint(op.f("ck_booking_attended"), ATTENDED)
        batch.create_check_constraint(op.f("ck_booking_marked"), MARKED)
        batch.create_check_constraint(op.f("ck_booking_called_off"), "NOT called_off OR state = 'cancelled'")


def _create_active_index(name: str, table: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, [column], unique=True, sqlite_where=where, postgresql_where=where)


def _rename_table(old: str, new: str) -> None:
    op.rename_table(old, new)
    _rename_constraints(new, old, new)
    if old in ("busy_span", "external_busy_time") and op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER SEQUENCE {old}_id_seq RENAME TO {new}_id_seq")


def _rename_column(table: str, old: str, new: str) -> None:
    op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    if old.endswith("_id"):
        _rename_constraints(table, f"_{old}", f"_{new}")


def _rename_constraints(table: str, old: str, new: str) -> None:
    """Give the constraints whose names contain `old` the same names with `new`."""
    bind = op.get_bind()
    reflected = sa.Table(table, sa.MetaData(), autoload_with=bind, resolve_fks=False)
    if bind.dialect.name == "postgresql":
        for constraint in reflected.constraints:
            if old in str(constraint.name):
                name = str(constraint.name).replace(old, new)
                op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {constraint.name} TO {name}")
        return
    for constraint in reflected.constraints:
        constraint.name = sa.sql.elements.conv(str(constraint.name).replace(old, new))
    with op.batch_alter_table(table, recreate="always", copy_from=reflected):
        pass
