"""`flask demo`: create the demo school in an empty database."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from lms.clock import now
from lms.demo import builder


@click.command("demo")
@with_appcontext
def command() -> None:
    """Create the demo school; refused in production and in a database that is not empty."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    try:
        builder.build(app, now())
    except RuntimeError as error:
        raise click.ClickException(str(error)) from None
    for account in builder.accounts(app):
        click.echo(f"{account.name:<14} {account.code:<10} {account.way}")
