"""Waitlist, attendance, calendars in and out

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import secrets
import time

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What changes is written out: a constraint that a batch move rebuilds is the one that was there.
BOOKING_CHECKS = {
    "state": "state IN ('offered', 'booked', 'cancelled', 'declined', 'expired')",
    "offer": "state <> 'offered' OR (expires_at IS NOT NULL AND waitlist_entry_id IS NOT NULL)",
    "called_off": "NOT called_off OR state = 'cancelled'",
    "attendance": "attendance IS NULL OR attendance IN ('done', 'no_show', 'late_cancel', 'excused')",
    "attended": (
        "attendance IS NULL OR state = 'booked'"
        " OR (state = 'cancelled' AND late_cancel AND attendance = 'excused')"
    ),
    "marked": "(attendance IS NULL) = (marked_at IS NULL)",
}
OPEN_IS_COMPLETE = "kind = 'closed' OR start_wall IS NULL OR (mode IS NOT NULL AND teacher_id IS NOT NULL)"
OPEN_WAS_COMPLETE = (
    "kind = 'closed' OR (mode IS NOT NULL AND teacher_id IS NOT NULL AND start_wall IS NOT NULL)"
)
KINDS = (
    "'feedback_returned', 'password_link', 'booking_made', 'booking_moved', 'booking_cancelled',"
    " 'booking_reminder'"
)
NEW_KINDS = "'booking_soon', 'booking_offer', 'booking_retimed', 'calendar_failing'"
OUTCOMES = "'sent', 'void', 'no_address', 'failed', 'expired'"
OUTBOX_CHECKS = {
    "kind": f"kind IN ({KINDS}, {NEW_KINDS})",
    "outcome": f"outcome IS NULL OR outcome IN ({OUTCOMES}, 'in_feed')",
    "channel": "channel IS NULL OR channel IN ('mail', 'sms', 'hand')",
}


def upgrade() -> None:
    op.create_table(
        "busy_calendar",
        sa.Column("teacher_id", sa.String(length=14), nullable=False),
        sa.Column("address", sa.String(length=1000), nullable=False),
        sa.Column("made_at", types.UTCDateTime(), nullable=False),
        sa.Column("etag", sa.String(length=200), nullable=False),
        sa.Column("tried_at", types.UTCDateTime(), nullable=True),
        sa.Column("read_at", types.UTCDateTime(), nullable=True),
        sa.Column("failing_since", types.UTCDateTime(), nullable=True),
        sa.Column("error", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.CheckConstraint("(failing_since IS NULL) = (error = '')", name=op.f("ck_busy_calendar_failing")),
        sa.ForeignKeyConstraint(
            ["teacher_id"], ["person.id"], name=op.f("fk_busy_calendar_teacher_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_busy_calendar")),
        sa.UniqueConstraint("teacher_id", "address", name=op.f("uq_busy_calendar_teacher_id_address")),
    )
    op.create_table(
        "calendar_feed",
        sa.Column("person_id", sa.String(length=14), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("made_at", types.UTCDateTime(), nullable=False),
        sa.Column("seen_at", types.UTCDateTime(), nullable=True),
        sa.Column("revoked_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_calendar_feed_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feed_token_hash")),
    )
    with op.batch_alter_table("calendar_feed", schema=None) as batch_op:
        batch_op.create_index(
            "uq_calendar_feed_living",
            ["person_id"],
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )

    op.create_table(
        "waitlist_entry",
        sa.Column("learner_id", sa.String(length=14), nullable=False),
        sa.Column("teacher_id", sa.String(length=14), nullable=True),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=True),
        sa.Column("first_choice", sa.Boolean(), nullable=False),
        sa.Column("made_by_id", sa.String(length=14), nullable=False),
        sa.Column("made_at", types.UTCDateTime(), nullable=False),
        sa.Column("ended_at", types.UTCDateTime(), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=True),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.CheckConstraint(
            "mode IS NULL OR mode IN ('video', 'onsite')", name=op.f("ck_waitlist_entry_mode")
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome IN ('accepted', 'booked', 'withdrawn', 'lapsed')",
            name=op.f("ck_waitlist_entry_outcome"),
        ),
        sa.CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name=op.f("ck_waitlist_entry_ended")),
        sa.CheckConstraint("parts BETWEEN 1 AND 7", name=op.f("ck_waitlist_entry_parts")),
        sa.ForeignKeyConstraint(
            ["learner_id"], ["person.id"], name=op.f("fk_waitlist_entry_learner_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["made_by_id"], ["person.id"], name=op.f("fk_waitlist_entry_made_by_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["teacher_id"], ["person.id"], name=op.f("fk_waitlist_entry_teacher_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waitlist_entry")),
    )
    with op.batch_alter_table("waitlist_entry", schema=None) as batch_op:
        batch_op.create_index("ix_waitlist_entry_learner_id", ["learner_id"], unique=False)
        batch_op.create_index(
            "uq_waitlist_entry_living",
            ["learner_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "busy_span",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("calendar_id", sa.String(length=14), nullable=False),
        sa.Column("starts", types.UTCDateTime(), nullable=False),
        sa.Column("ends", types.UTCDateTime(), nullable=False),
        sa.CheckConstraint("ends > starts", name=op.f("ck_busy_span_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["busy_calendar.id"], name=op.f("fk_busy_span_calendar_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_busy_span")),
    )
    with op.batch_alter_table("busy_span", schema=None) as batch_op:
        batch_op.create_index("ix_busy_span_calendar_id", ["calendar_id"], unique=False)
        batch_op.create_index("ix_busy_span_ends", ["ends"], unique=False)

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
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.add_column(sa.Column("called_off", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("kept_at", types.UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("waitlist_entry_id", sa.String(length=14), nullable=True))
        batch_op.add_column(sa.Column("expires_at", types.UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("attendance", sa.String(length=12), nullable=True))
        batch_op.add_column(sa.Column("marked_at", types.UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("marked_by_id", sa.String(length=14), nullable=True))
        batch_op.add_column(sa.Column("question", sa.String(length=300), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("changed_at", types.UTCDateTime(), nullable=True))
        batch_op.create_index("ix_booking_waitlist_entry_id", ["waitlist_entry_id"], unique=False)
        batch_op.create_index(
            "uq_booking_open_offer",
            ["waitlist_entry_id"],
            unique=True,
            sqlite_where=sa.text("state = 'offered'"),
            postgresql_where=sa.text("state = 'offered'"),
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_booking_waitlist_entry_id"),
            "waitlist_entry",
            ["waitlist_entry_id"],
            ["id"],
            ondelete="RESTRICT",
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_booking_marked_by_id"), "person", ["marked_by_id"], ["id"], ondelete="RESTRICT"
        )
        batch_op.drop_constraint(op.f("ck_booking_state"), type_="check")
        for name, sql in BOOKING_CHECKS.items():
            batch_op.create_check_constraint(op.f(f"ck_booking_{name}"), sql)

    op.execute("UPDATE booking SET changed_at = coalesce(cancelled_at, booked_at)")
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.alter_column("changed_at", existing_type=types.UTCDateTime(), nullable=False)

    with op.batch_alter_table("special_day", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_special_day_open_is_complete"), type_="check")
        batch_op.create_check_constraint(op.f("ck_special_day_open_is_complete"), OPEN_IS_COMPLETE)

    with op.batch_alter_table("outbox_item", schema=None) as batch_op:
        batch_op.add_column(sa.Column("channel", sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column("handed_at", types.UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("sent_by_id", sa.String(length=14), nullable=True))
        batch_op.add_column(sa.Column("invited", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_foreign_key(
            batch_op.f("fk_outbox_item_sent_by_id"), "person", ["sent_by_id"], ["id"], ondelete="SET NULL"
        )
        for name, sql in OUTBOX_CHECKS.items():
            if name != "channel":
                batch_op.drop_constraint(op.f(f"ck_outbox_item_{name}"), type_="check")
            batch_op.create_check_constraint(op.f(f"ck_outbox_item_{name}"), sql)

    _remind_of_what_is_booked()
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reach", sa.String(length=8), nullable=False, server_default="auto"))
        batch_op.create_check_constraint(op.f("ck_person_reach"), "reach IN ('auto', 'mail', 'sms', 'hand')")

    with op.batch_alter_table("service", schema=None) as batch_op:
        batch_op.add_column(sa.Column("door_photo_key", sa.String(length=80), nullable=True))


def _remind_of_what_is_booked() -> None:
    """Who booked in the older house is reminded two hours before like everybody else."""
    soon, moment = 2 * 3600, int(time.time())
    wanted = sa.text(
        "SELECT id, learner_id, sequence, starts FROM booking WHERE state = 'booked' AND starts > :from"
    )
    rows = op.get_bind().execute(wanted, {"from": moment}).all()
    items = [
        {
            "id": secrets.token_hex(7),
            "dedupe": f"{row.id}:{row.sequence}:booking_soon:{row.learner_id}",
            "person_id": row.learner_id,
            "about_id": row.id,
            "sequence": row.sequence,
            "made_at": moment,
            "due_at": row.starts - soon,
            "expires_at": row.starts,
        }
        for row in rows
    ]
    for item in items:
        op.get_bind().execute(sa.text(A_REMINDER), item)


A_REMINDER = """
    INSERT INTO outbox_item (id, dedupe, kind, person_id, about_id, sequence, made_at, due_at, expires_at,
                             attempts, error)
    VALUES (:id, :dedupe, 'booking_soon', :person_id, :about_id, :sequence, :made_at, :due_at, :expires_at,
            0, '')
"""


def downgrade() -> None:
    # What the older house does not know is let go: open offers, and messages of kinds that it cannot send.
    op.execute("DELETE FROM claim WHERE booking_id IN (SELECT id FROM booking WHERE state = 'offered')")
    op.execute("DELETE FROM session_note")
    op.execute("DELETE FROM booking WHERE state NOT IN ('booked', 'cancelled')")
    op.execute(f"DELETE FROM outbox_item WHERE kind IN ({NEW_KINDS}) OR outcome = 'in_feed'")  # noqa: S608
    op.execute("DELETE FROM special_day WHERE kind = 'open' AND start_wall IS NULL")
    with op.batch_alter_table("service", schema=None) as batch_op:
        batch_op.drop_column("door_photo_key")

    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_person_reach"), type_="check")
        batch_op.drop_column("reach")

    with op.batch_alter_table("outbox_item", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_outbox_item_sent_by_id"), type_="foreignkey")
        for name in OUTBOX_CHECKS:
            batch_op.drop_constraint(op.f(f"ck_outbox_item_{name}"), type_="check")
        batch_op.create_check_constraint(op.f("ck_outbox_item_kind"), f"kind IN ({KINDS})")
        batch_op.create_check_constraint(
            op.f("ck_outbox_item_outcome"), f"outcome IS NULL OR outcome IN ({OUTCOMES})"
        )
        batch_op.drop_column("invited")
        batch_op.drop_column("sent_by_id")
        batch_op.drop_column("handed_at")
        batch_op.drop_column("channel")

    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_booking_marked_by_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_booking_waitlist_entry_id"), type_="foreignkey")
        batch_op.drop_index(
            "uq_booking_open_offer",
            sqlite_where=sa.text("state = 'offered'"),
            postgresql_where=sa.text("state = 'offered'"),
        )
        batch_op.drop_index("ix_booking_waitlist_entry_id")
        for name in BOOKING_CHECKS:
            batch_op.drop_constraint(op.f(f"ck_booking_{name}"), type_="check")
        batch_op.create_check_constraint(op.f("ck_booking_state"), "state IN ('booked', 'cancelled')")
        batch_op.drop_column("changed_at")
        batch_op.drop_column("question")
        batch_op.drop_column("marked_by_id")
        batch_op.drop_column("marked_at")
        batch_op.drop_column("attendance")
        batch_op.drop_column("expires_at")
        batch_op.drop_column("waitlist_entry_id")
        batch_op.drop_column("kept_at")
        batch_op.drop_column("called_off")

    with op.batch_alter_table("special_day", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_special_day_open_is_complete"), type_="check")
        batch_op.create_check_constraint(op.f("ck_special_day_open_is_complete"), OPEN_WAS_COMPLETE)

    op.drop_table("session_note")
    with op.batch_alter_table("busy_span", schema=None) as batch_op:
        batch_op.drop_index("ix_busy_span_ends")
        batch_op.drop_index("ix_busy_span_calendar_id")

    op.drop_table("busy_span")
    with op.batch_alter_table("waitlist_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_waitlist_entry_learner_id")
        batch_op.drop_index(
            "uq_waitlist_entry_living",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("waitlist_entry")
    with op.batch_alter_table("calendar_feed", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_calendar_feed_living",
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )

    op.drop_table("calendar_feed")
    op.drop_table("busy_calendar")
