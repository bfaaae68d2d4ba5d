"""Alembic's entry: runs the migrations through the engine of the application."""

from __future__ import annotations

from alembic import context
from flask import current_app

from lms.extensions import Base

database = current_app.extensions["migrate"].db


def run() -> None:
    engine = database.engine
    with engine.connect().execution_options(immediate=True) as connection:
        if engine.dialect.name == "sqlite":
            # A batch move rebuilds tables: foreign keys are checked at the end, not on the way.
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.rollback()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            compare_type=True,
            transaction_per_migration=True,
            user_module_prefix="lms.extensions.",
        )
        with context.begin_transaction():
            context.run_migrations()
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")


run()
