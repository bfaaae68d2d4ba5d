"""Commands of the house, typed as `flask --app lms.serve ...`."""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    """Attach every command."""
