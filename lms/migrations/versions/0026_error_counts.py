"""How often each code was marked in each return, also in those of before

Revision ID: 0026
Revises: 0025
"""

from __future__ import annotations

import json
from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

RETURNED = """
    SELECT returned_feedback.id, submission.learner_id, lesson.level_id, returned_feedback.body
    FROM returned_feedback
    JOIN feedback ON feedback.id = returned_feedback.feedback_id
    JOIN attempt ON attempt.id = feedback.attempt_id
    JOIN submission ON submission.id = attempt.submission_id
    JOIN assignment ON assignment.id = submission.assignment_id
    JOIN lesson ON lesson.id = assignment.lesson_id
"""
INSERT = """
    INSERT INTO error_count (returned_feedback_id, code, learner_id, level_id, number)
    VALUES (:returned, :code, :learner, :level, :number)
"""
REFERENCES = {
    "returned_feedback_id": ("returned_feedback", "CASCADE"),
    "learner_id": ("person", "RESTRICT"),
    "level_id": ("level", "RESTRICT"),
}
CHUNK = 1000


def upgrade() -> None:
    op.create_table(
        "error_count",
        sa.Column("returned_feedback_id", sa.String(length=14), nullable=False),
        sa.Column("code", sa.String(length=11), nullable=False),
        sa.Column("learner_id", sa.String(length=14), nullable=False),
        sa.Column("level_id", sa.String(length=14), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_error_count_number")),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_error_count_{column}"), ondelete=deletion
            )
            for column, (table, deletion) in REFERENCES.items()
        ),
        sa.PrimaryKeyConstraint("returned_feedback_id", "code", name=op.f("pk_error_count")),
    )
    op.create_index("ix_error_count_learner_id", "error_count", ["learner_id", "level_id"])
    _count_marks()


def downgrade() -> None:
    op.drop_table("error_count")


def _count_marks() -> None:
    connection = op.get_bind()
    found = connection.execute(sa.text(RETURNED)).all()
    rows = []
    for returned, learner, level, body in found:
        marks = (json.loads(body) if isinstance(body, str) else body).get("marks", [])
        codes = Counter(mark["code"] for mark in marks if mark["code"])
        rows += [
            {"returned": returned, "code": code, "learner": learner, "level": level, "number": number}
            for code, number in codes.items()
        ]
    for begin in range(0, len(rows), CHUNK):
        connection.execute(sa.text(INSERT), rows[begin : begin + CHUNK])
