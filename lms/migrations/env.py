"""Alembic's entry: runs the migrations through the engine of the application."""

from __future__ import annotations

from alembic import context
from alembic.migration import MigrationContext
from flask import current_app
from sqlalchemy.engine import Connection

from lms.extensions import Base

database = current_app.extensions["migrate"].db


def run() -> None:
    engine = database.engine
    with engine.connect().execution_options(immediate=True) as connection:
        _guard_foreign_keys(connection, on=False)
        try:
            context.configure(
                connection=connection,
                target_metadata=Base.metadata,
                render_as_batch=True,
                compare_type=True,
                transaction_per_migration=True,
                on_version_apply=_check_foreign_keys,
                user_module_prefix="types.",
            )
            with context.begin_transaction():
                context.run_migrations()
        finally:
            connection.rollback()
            _guard_foreign_keys(connection, on=True)


def _guard_foreign_keys(connection: Connection, *, on: bool) -> None:
    """Switch foreign keys of SQLite on or off: a batch operation drops the old table and its dependent rows.

    Sent through the driver: SQLite ignores it within a transaction, even one that has done nothing yet.
    """
    if connection.dialect.name == "sqlite":
        connection.connection.cursor().execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def _check_foreign_keys(ctx: MigrationContext, **_step: object) -> None:
    """Check foreign keys at the end of each step, in its transaction; a violation undoes the step."""
    connection = ctx.connection
    if connection is not None and connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise RuntimeError(f"rows would point to nothing: {broken[:5]}")


run()
