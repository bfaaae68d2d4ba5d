"""Commands: `flask --app lms.serve:make_app ...`. One file a command."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from flask import Flask


def init_app(app: Flask) -> None:
    """Add the `command` of every file in this folder to the application."""
    for found in iter_modules(__path__, f"{__name__}."):
        app.cli.add_command(import_module(found.name).command)
