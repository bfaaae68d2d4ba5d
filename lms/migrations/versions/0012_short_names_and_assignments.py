"""Short names of the team; learners are assigned to social workers alone

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STAFF = """
    SELECT id, name FROM person
    WHERE EXISTS (SELECT 1 FROM person_role WHERE person_id = person.id AND role != 'learner')
"""
# Learners of people who lost the role before that ended it.
UNASSIGN = """
    UPDATE person SET social_worker_id = NULL
    WHERE social_worker_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM person worker JOIN person_role ON person_role.person_id = worker.id
        WHERE worker.id = person.social_worker_id
            AND worker.deactivated_at IS NULL AND person_role.role = 'social_worker'
    )
"""


def upgrade() -> None:
    op.add_column("person", sa.Column("short_name", sa.String(length=120), nullable=True))
    bind = op.get_bind()
    first_names = {
        row.id: _split(row.name)[0] for row in bind.execute(sa.text("SELECT id, name FROM person"))
    }
    team = {row.id: row.name for row in bind.execute(sa.text(STAFF))}
    for person_id, short in {**first_names, **_distinguish(team)}.items():
        statement = sa.text("UPDATE person SET short_name = :short WHERE id = :id")
        bind.execute(statement, {"short": short, "id": person_id})
    with op.batch_alter_table("person") as batch:
        batch.alter_column("short_name", existing_type=sa.String(length=120), nullable=False)
    bind.execute(sa.text(UNASSIGN))


def downgrade() -> None:
    with op.batch_alter_table("person") as batch:
        batch.drop_column("short_name")


# The rule as it was when this migration was written.


def _distinguish(names: dict[str, str]) -> dict[str, str]:
    name_key = _frozen_name_key()
    namesakes: dict[str, list[str]] = defaultdict(list)
    for name in names.values():
        namesakes[name_key(_split(name)[0])].append(name)
    found = {}
    for person_id, name in names.items():
        first, rest = _split(name)
        others = [name_key(_split(other)[1]) for other in namesakes[name_key(first)]]
        others.remove(name_key(rest))
        found[person_id] = first if not others else name
        for length in range(1, len(rest) if others else 0):
            begun = name_key(rest[:length])
            if _ends_a_letter(rest, length) and not any(other.startswith(begun) for other in others):
                found[person_id] = f"{first} {rest[:length]}."
                break
    return found


def _split(name: str) -> tuple[str, str]:
    first, _space, rest = " ".join(name.split()).partition(" ")
    return first, rest


def _ends_a_letter(text: str, length: int) -> bool:
    before, after = text[length - 1], text[length]
    whole = "\u200d" not in (before, after) and not unicodedata.category(after).startswith("M")
    return whole and unicodedata.category(before)[0] not in "PZ"


def _frozen_name_key() -> Callable[[str], str]:
    """Return the normal form of names that 0005 froze."""
    scripts: Any = op.get_context().script
    key: Callable[[str], str] = scripts.get_revision("0005").module.name_key
    return key
