"""Each return of feedback is a row that never changes; marks, turned pages, who looks at a copy

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import json
from itertools import groupby

import sqlalchemy as sa
from alembic import op

from lms.migrations import types

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

FROZEN = ("feedback_id", "number", "returned_at", "teacher_id", "comment", "next_step", "redo", "body")

RETURNED = """
    SELECT feedback.id, returned_at, teacher_id, comment, next_step, redo_requested, seen_at, label, band
    FROM feedback
    LEFT JOIN score ON score.feedback_id = feedback.id
    LEFT JOIN criterion ON criterion.id = score.criterion_id
    WHERE returned_at IS NOT NULL
    ORDER BY feedback.id, criterion.position
"""
# The first return has the id of its feedback, so that messages, notices and the journal stay about it.
INSERT = """
    INSERT INTO returned_feedback (id, feedback_id, number, returned_at, teacher_id, comment, next_step, redo,
                                   body, seen_at)
    VALUES (:id, :id, 1, :returned_at, :teacher_id, :comment, :next_step, :redo_requested, :body, :seen_at)
"""
# What the learner reads is kept; changes of a draft that was never returned again are not.
LATEST = (
    "SELECT {column} FROM returned_feedback WHERE feedback_id = feedback.id AND number = feedback.returns"
)


def upgrade() -> None:
    op.create_table(
        "returned_feedback",
        sa.Column("feedback_id", sa.String(length=14), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("returned_at", types.UTCDateTime(), nullable=False),
        sa.Column("teacher_id", sa.String(length=14), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("redo", sa.Boolean(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("seen_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_returned_feedback_number")),
        sa.ForeignKeyConstraint(
            ["feedback_id"],
            ["feedback.id"],
            name=op.f("fk_returned_feedback_feedback_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["teacher_id"], ["person.id"], name=op.f("fk_returned_feedback_teacher_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returned_feedback")),
        sa.UniqueConstraint("feedback_id", "number", name=op.f("uq_returned_feedback_feedback_id_number")),
    )
    op.create_index("ix_returned_feedback_returned_at", "returned_feedback", ["returned_at"])
    op.create_index("ix_returned_feedback_teacher_id", "returned_feedback", ["teacher_id"])
    _freeze_returned()
    op.drop_index("ix_feedback_returned_at", table_name="feedback")
    with op.batch_alter_table("feedback") as batch:
        batch.add_column(sa.Column("returns", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("reopened_at", types.UTCDateTime(), nullable=True))
        batch.create_check_constraint(op.f("ck_feedback_returns"), "returns >= 0")
        batch.create_check_constraint(op.f("ck_feedback_reopened"), "reopened_at IS NULL OR returns > 0")
    op.execute("UPDATE feedback SET returns = 1 WHERE returned_at IS NOT NULL")
    with op.batch_alter_table("feedback") as batch:
        batch.alter_column("returns", server_default=None)
        batch.drop_constraint(op.f("ck_feedback_version"), type_="check")
        for column in ("version", "redo_requested", "returned_at", "seen_at"):
            batch.drop_column(column)
    _forbid_changes()
    with op.batch_alter_table("queued_attempt") as batch:
        batch.add_column(sa.Column("viewer_id", sa.String(length=14), nullable=True))
        batch.add_column(sa.Column("viewed_until", types.UTCDateTime(), nullable=True))
        batch.create_foreign_key(
            op.f("fk_queued_attempt_viewer_id"), "person", ["viewer_id"], ["id"], ondelete="RESTRICT"
        )
    op.add_column("rendition", sa.Column("turns", sa.Integer(), nullable=False, server_default="0"))
    _create_marks()


def downgrade() -> None:
    op.drop_table("mark")
    op.drop_column("rendition", "turns")
    with op.batch_alter_table("queued_attempt") as batch:
        batch.drop_constraint(op.f("fk_queued_attempt_viewer_id"), type_="foreignkey")
        batch.drop_column("viewed_until")
        batch.drop_column("viewer_id")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER returned_feedback_is_frozen ON returned_feedback")
        op.execute("DROP FUNCTION refuse_change_of_returned_feedback")
    with op.batch_alter_table("feedback") as batch:
        batch.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        batch.add_column(sa.Column("redo_requested", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("returned_at", types.UTCDateTime(), nullable=True))
        batch.add_column(sa.Column("seen_at", types.UTCDateTime(), nullable=True))
    columns = {
        "teacher_id": "teacher_id",
        "comment": "comment",
        "next_step": "next_step",
        "redo_requested": "redo",
        "returned_at": "returned_at",
        "seen_at": "seen_at",
    }
    taken = ", ".join(f"{name} = ({LATEST.format(column=other)})" for name, other in columns.items())
    op.execute(f"UPDATE feedback SET {taken} WHERE returns > 0")  # noqa: S608
    _restore_scores()
    # Messages about the last return are about the feedback again; those about earlier ones go.
    for table in ("outbox_item", "notice"):
        op.execute(
            f"DELETE FROM {table} WHERE about_id IN ("  # noqa: S608
            " SELECT earlier.id FROM returned_feedback AS earlier JOIN feedback ON feedback.id = earlier.feedback_id"
            " WHERE earlier.number < feedback.returns)"
        )
        op.execute(
            f"UPDATE {table} SET about_id = ("  # noqa: S608
            f" SELECT feedback_id FROM returned_feedback WHERE returned_feedback.id = {table}.about_id)"
            " WHERE about_id IN (SELECT id FROM returned_feedback WHERE id <> feedback_id)"
        )
    op.execute(
        "DELETE FROM queued_attempt WHERE attempt_id IN ("
        " SELECT attempt_id FROM feedback WHERE reopened_at IS NOT NULL)"
    )
    with op.batch_alter_table("feedback") as batch:
        batch.alter_column("version", server_default=None)
        batch.alter_column("redo_requested", server_default=None)
        batch.create_check_constraint(op.f("ck_feedback_version"), "version >= 1")
        batch.drop_constraint(op.f("ck_feedback_reopened"), type_="check")
        batch.drop_constraint(op.f("ck_feedback_returns"), type_="check")
        batch.drop_column("reopened_at")
        batch.drop_column("returns")
    op.create_index("ix_feedback_returned_at", "feedback", ["returned_at"])
    op.drop_table("returned_feedback")


def _freeze_returned() -> None:
    """Write what was returned until now as first returns."""
    connection = op.get_bind()
    rows = connection.execute(sa.text(RETURNED)).mappings().all()
    found = []
    for _id, lines in groupby(rows, lambda row: row["id"]):
        scores = list(lines)
        bands = [[line["label"], line["band"]] for line in scores if line["label"] is not None]
        found.append({**scores[0], "body": json.dumps({"bands": bands})})
    for begin in range(0, len(found), 1000):
        connection.execute(sa.text(INSERT), found[begin : begin + 1000])


def _restore_scores() -> None:
    """Let the scores be those of the latest return: of a draft that is being completed they may differ."""
    connection = op.get_bind()
    reopened = connection.execute(
        sa.text(
            "SELECT feedback.id, lesson.level_id, returned_feedback.body"
            " FROM feedback JOIN attempt ON attempt.id = feedback.attempt_id"
            " JOIN submission ON submission.id = attempt.submission_id"
            " JOIN assignment ON assignment.id = submission.assignment_id"
            " JOIN lesson ON lesson.id = assignment.lesson_id"
            " JOIN returned_feedback ON returned_feedback.feedback_id = feedback.id"
            "  AND returned_feedback.number = feedback.returns"
            " WHERE feedback.reopened_at IS NOT NULL"
        )
    ).all()
    for feedback_id, level_id, body in reopened:
        returned = dict((json.loads(body) if isinstance(body, str) else body)["bands"])
        connection.execute(sa.text("DELETE FROM score WHERE feedback_id = :id"), {"id": feedback_id})
        criteria = connection.execute(
            sa.text("SELECT id, label FROM criterion WHERE level_id = :level"), {"level": level_id}
        ).all()
        for criterion_id, label in criteria:
            if label in returned:
                connection.execute(
                    sa.text("INSERT INTO score (feedback_id, criterion_id, band) VALUES (:id, :of, :band)"),
                    {"id": feedback_id, "of": criterion_id, "band": returned[label]},
                )


def _forbid_changes() -> None:
    """Let the database refuse every change of what was returned; what the learner does is added beside it."""
    columns = ", ".join(FROZEN)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change_of_returned_feedback() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'returned feedback never changes'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER returned_feedback_is_frozen BEFORE UPDATE OF {columns} ON returned_feedback"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change_of_returned_feedback()"
        )
    else:
        op.execute(
            f"CREATE TRIGGER returned_feedback_is_frozen BEFORE UPDATE OF {columns} ON returned_feedback"
            " BEGIN SELECT RAISE(ABORT, 'returned feedback never changes'); END"
        )


def _create_marks() -> None:
    op.create_table(
        "mark",
        sa.Column("feedback_id", sa.String(length=14), nullable=False),
        sa.Column("client_key", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=9), nullable=False),
        sa.Column("code", sa.String(length=11), nullable=True),
        sa.Column("attachment_id", sa.String(length=14), nullable=True),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("x", sa.Integer(), nullable=True),
        sa.Column("y", sa.Integer(), nullable=True),
        sa.Column("w", sa.Integer(), nullable=True),
        sa.Column("h", sa.Integer(), nullable=True),
        sa.Column("points", sa.JSON(), nullable=True),
        sa.Column("starts", sa.Integer(), nullable=True),
        sa.Column("ends", sa.Integer(), nullable=True),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_by_id", sa.String(length=14), nullable=False),
        sa.Column("created_at", types.UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("removed_at", types.UTCDateTime(), nullable=True),
        sa.Column("id", sa.String(length=14), nullable=False),
        sa.CheckConstraint(
            "x BETWEEN 0 AND 10000 AND y BETWEEN 0 AND 10000"
            " AND x + w BETWEEN 0 AND 10000 AND y + h BETWEEN 0 AND 10000",
            name=op.f("ck_mark_on_page"),
        ),
        sa.CheckConstraint(
            "(page IS NULL) = (x IS NULL) AND (page IS NULL) = (y IS NULL)"
            " AND (starts IS NULL) = (ends IS NULL) AND (page IS NULL OR starts IS NULL)"
            " AND (page IS NULL OR attachment_id IS NOT NULL)",
            name=op.f("ck_mark_place"),
        ),
        sa.CheckConstraint("0 <= starts AND starts <= ends", name=op.f("ck_mark_span")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_mark_version")),
        sa.ForeignKeyConstraint(
            ["feedback_id"], ["feedback.id"], name=op.f("fk_mark_feedback_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["attachment_id"], ["attachment.id"], name=op.f("fk_mark_attachment_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["person.id"], name=op.f("fk_mark_created_by_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mark")),
        sa.UniqueConstraint("feedback_id", "client_key", name=op.f("uq_mark_feedback_id_client_key")),
    )
