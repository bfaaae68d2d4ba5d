"""Fixtures of every test: an empty school, on SQLite unless a folder says otherwise."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.school import (
    MakeOnce,
    School,
    copy_template,
    make_demo_template,
    make_school,
    make_template,
    open_schools,
    settings_for,
)
from tests.support.shared_school import SharedSchool

pytest_plugins = ["tests.support.fixtures"]


@pytest.fixture(scope="session")
def template(make_once: MakeOnce) -> Path:
    return make_once("template", make_template) / "school.sqlite3"


@pytest.fixture(scope="session")
def demo_template(make_once: MakeOnce) -> Path:
    return make_once("demo", make_demo_template) / "school.sqlite3"


@pytest.fixture(autouse=True)
def close_schools() -> Iterator[None]:
    """Close what a test left open: Python 3.13 warns of open connections, and warnings are errors here."""
    yield
    while open_schools:
        open_schools.pop().close()


@pytest.fixture(autouse=True)
def keep_signal_handler() -> Iterator[None]:
    """Restore what `main` of a command sets: a worker that gets SIGTERM would fail a test and go on."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def shared_school(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[SharedSchool]:
    shared = SharedSchool(tmp_path_factory.mktemp("shared"), template)
    yield shared
    shared.close()


@pytest.fixture
def school(request: pytest.FixtureRequest, template: Path) -> Iterator[School]:
    """Return an empty, migrated school; with the mark `own_school` an application of the test's own."""
    if request.node.get_closest_marker("own_school"):
        tmp_path: Path = request.getfixturevalue("tmp_path")  # a folder takes long: only here
        copy_template(template, tmp_path)
        yield make_school(settings_for(tmp_path), migrated=True)
        return
    shared: SharedSchool = request.getfixturevalue("shared_school")
    yield shared.lend()
    shared.reclaim()
