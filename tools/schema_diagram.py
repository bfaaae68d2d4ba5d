"""Draw the tables and their foreign keys: `python -m tools.schema_diagram > docs/schema.md`."""

from __future__ import annotations

import sys

from sqlalchemy import Enum, Table

from lms.extensions import Base

HEAD = """# Schema
Made from the models by `python -m tools.schema_diagram > docs/schema.md`; a test compares. A line leads from
the table that is referred to; the column that refers is written on it, with what happens on deletion.
"""


def draw() -> str:
    """Return the page as Markdown with a Mermaid entity diagram."""
    tables = sorted(Base.metadata.tables.values(), key=lambda table: table.name)
    lines = [HEAD, "```mermaid", "erDiagram"]
    lines += [line for table in tables for line in _columns(table)]
    lines += [line for table in tables for line in _foreign_keys(table)]
    return "\n".join([*lines, "```", ""])


def _columns(table: Table) -> list[str]:
    lines = [f"    {table.name} {{"]
    for column in table.columns:
        marks = ["PK"] if column.primary_key else []
        marks += ["FK"] if column.foreign_keys else []
        kind = "string" if isinstance(column.type, Enum) else type(column.type).__name__.lower()
        note = ' "may be empty"' if column.nullable else ""
        lines.append(f"        {kind} {column.name} {', '.join(marks)}".rstrip() + note)
    return [*lines, "    }"]


def _foreign_keys(table: Table) -> list[str]:
    lines = []
    for column in table.columns:
        for key in column.foreign_keys:
            one = "|o" if column.nullable else "||"
            many = "o|" if column.primary_key and len(table.primary_key) == 1 else "o{"
            rule = str(key.ondelete).lower()
            lines.append(f'    {key.column.table.name} {one}--{many} {table.name} : "{column.name} ({rule})"')
    return lines


if __name__ == "__main__":
    sys.stdout.write(draw())
