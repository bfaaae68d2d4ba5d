"""Fixtures of every test: a house of its own, on SQLite unless a folder says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.school import House, copy_template, open_house, opened, settings_for, sqlite_template

pytest_plugins = ["tests.support.fixtures"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sqlite_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(autouse=True)
def close_houses() -> Iterator[None]:
    """No test leaves a connection open: Python 3.13 warns of each, and a warning is an error here."""
    yield
    while opened:
        opened.pop().close()


@pytest.fixture
def house(tmp_path: Path, template: Path) -> House:
    """An empty, migrated school."""
    copy_template(template, tmp_path)
    return open_house(settings_for(tmp_path), migrated=True)
