"""Request handlers, a file or a folder for each feature. Blueprints do not import each other."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from flask import Blueprint, Flask


def init_app(app: Flask) -> None:
    """Register every `bp` found in this folder (a package lists its own in `bps`)."""
    for found in iter_modules(__path__, f"{__name__}."):
        module = import_module(found.name)
        blueprints: list[Blueprint] = getattr(module, "bps", None) or [module.bp]
        for blueprint in blueprints:
            app.register_blueprint(blueprint)
