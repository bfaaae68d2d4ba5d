"""Fixtures of every test: a house of its own, on SQLite unless a folder says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lms.extensions import db
from tests.house import House, copy_template, open_house, settings_for, sqlite_template

pytest_plugins = ["tests.fixtures_servers"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sqlite_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def house(tmp_path: Path, template: Path) -> Iterator[House]:
    """An empty, migrated school."""
    copy_template(template, tmp_path)
    opened = open_house(settings_for(tmp_path), migrated=True)
    yield opened
    with opened.app.app_context():
        db.session.remove()
        db.engine.dispose()
