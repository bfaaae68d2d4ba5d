"""The version of the database and that of the code. Alembic is loaded only when they differ."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from sqlalchemy import Connection, inspect, text

MIGRATIONS = Path(__file__).parent / "migrations"


def newest_version() -> str:
    """Return the version that the code needs: the number of the last migration."""
    return max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def stored_version(connection: Connection) -> str | None:
    """Return the version of the database; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def migrate_database() -> None:
    """Migrate the database of the current application to the newest version."""
    import_module("flask_migrate").upgrade()
