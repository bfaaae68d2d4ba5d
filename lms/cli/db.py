"""`flask db`: the commands of Flask-Migrate, which is loaded, with Alembic, when one of them runs."""

from __future__ import annotations

from importlib import import_module

import click


@click.command("db", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Migrate the database to another version."""
    group: click.Group = import_module("flask_migrate.cli").db
    group.main(list(arguments), prog_name=context.command_path, obj=context.obj)
