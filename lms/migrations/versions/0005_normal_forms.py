"""Keys of names; login addresses in their normal form

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
# Table, longest name, and which row keeps its name when two have the same key.
UNIQUE = (("room", 60, "closed_at IS NOT NULL, name, id"), ("level", 60, "position"))


def upgrade() -> None:
    for table in ("room", "level", "person"):
        op.add_column(table, sa.Column("name_key", KEY, nullable=True))
    for table, longest, order in UNIQUE:
        _fill_unique(table, longest, order)
    bind = op.get_bind()
    for row in bind.execute(sa.text("SELECT id, name FROM person")).all():
        _set("person", row.id, name_key=name_key(row.name))
    _normalize_login_addresses()
    with op.batch_alter_table("room") as batch:
        batch.alter_column("name_key", existing_type=KEY, nullable=False)
        batch.drop_constraint(op.f("uq_room_name"), type_="unique")
        batch.create_unique_constraint(op.f("uq_room_name_key"), ["name_key"])
    with op.batch_alter_table("level") as batch:
        batch.alter_column("name_key", existing_type=KEY, nullable=False)
        batch.create_unique_constraint(op.f("uq_level_name_key"), ["name_key"])
    with op.batch_alter_table("person") as batch:
        batch.alter_column("name_key", existing_type=KEY, nullable=False)


def downgrade() -> None:
    """Names that got a number and addresses in their normal form stay as they are: they are valid there too."""
    with op.batch_alter_table("room") as batch:
        batch.drop_constraint(op.f("uq_room_name_key"), type_="unique")
        batch.create_unique_constraint(op.f("uq_room_name"), ["name"])
        batch.drop_column("name_key")
    with op.batch_alter_table("level") as batch:
        batch.drop_constraint(op.f("uq_level_name_key"), type_="unique")
        batch.drop_column("name_key")
    with op.batch_alter_table("person") as batch:
        batch.drop_column("name_key")


def _fill_unique(table: str, longest: int, order: str) -> None:
    """Set the keys; of several rows with one key the first keeps its name, the others get a number."""
    rows = op.get_bind().execute(sa.text(f"SELECT id, name FROM {table} ORDER BY {order}")).all()  # noqa: S608
    taken = {name_key(row.name) for row in rows}
    given: set[str] = set()
    for row in rows:
        name, key, number = row.name, name_key(row.name), 1
        while key in given or (number > 1 and key in taken):
            number += 1
            suffix = f" ({number})"
            name = row.name[: longest - len(suffix)].rstrip() + suffix
            key = name_key(name)
        given.add(key)
        _set(table, row.id, name=name, name_key=key)


def _normalize_login_addresses() -> None:
    """Two addresses that are one now: who is active keeps it, the other one cannot log in until it is changed."""
    rows = (
        op.get_bind()
        .execute(
            sa.text(
                "SELECT id, login_email FROM person WHERE login_email IS NOT NULL"
                " ORDER BY deactivated_at IS NOT NULL, created_at, id"
            )
        )
        .all()
    )
    taken = {row.login_email for row in rows}
    for row in rows:
        key = email_key(row.login_email)
        if key not in taken:
            taken.add(key)
            _set("person", row.id, login_email=key)


def _set(table: str, row_id: str, **values: str) -> None:
    columns = ", ".join(f"{name} = :{name}" for name in values)
    statement = sa.text(f"UPDATE {table} SET {columns} WHERE id = :id")  # noqa: S608
    op.get_bind().execute(statement, {"id": row_id, **values})


# The normal forms as they were when this migration was written: later changes need a migration of their own.

_SHAPING = frozenset(map(chr, (0x200C, 0x200D, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_DRAWN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_ACCENTS = frozenset((*range(10, 37), *range(200, 241)))
_LETTERS = {"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "ى": "ي", "ی": "ي", "ک": "ك"}
_BEHIND = {"ґ": "г", "є": "е", "і": "и", "پ": "ب", "چ": "ج", "ژ": "ز", "گ": "ك"}
_ALIKE = str.maketrans(
    {letter: f"{before}\U0010fffd" for letter, before in _BEHIND.items()}
    | {**_LETTERS, **dict.fromkeys("‘’ʼʹ′´＇", "'"), **dict.fromkeys("‐‑‒–—―−", "-"), "ـ": None}
)

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"(?=.{{1,64}}\Z){_ATOM}(?:\.{_ATOM})*")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z)(?!(?:.*\.)?[0-9]+\Z){_LABEL}(?:\.{_LABEL})*")


def name_key(name: str) -> str:
    alike = name.translate(_ALIKE)
    bare = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", alike).casefold())
    kept = "".join(c for c in bare if unicodedata.combining(c) not in _ACCENTS and not _is_invisible(c))
    digits = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in kept.translate(_ALIKE))
    return unicodedata.normalize("NFC", " ".join(digits.split())) or unicodedata.normalize("NFC", name)


def email_key(text: str) -> str:
    line = " ".join(
        "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text).split()
    )
    shown = "".join(c for c in unicodedata.normalize("NFKC", line) if not _is_invisible(c)).strip()
    local, _at, domain = shown.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return shown.lower()
    address = f"{local}@{domain}"
    mailed = _LOCAL_PART.fullmatch(local) and "=?" not in local and _DOMAIN.fullmatch(domain)
    return (address if mailed and len(address) <= 254 else shown).lower()


def _is_invisible(character: str) -> bool:
    if character in _BLANK or character in _SHAPING:
        return True
    return unicodedata.category(character) in ("Cf", "Cs") and character not in _DRAWN
