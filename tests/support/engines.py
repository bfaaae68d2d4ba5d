"""Fixtures that run tests of the domain with a database on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.school import School, copy_template, make_school, settings_for
from tests.support.servers import PostgresServer
from tests.support.shared_school import SharedSchool


@pytest.fixture(scope="session")
def postgres_template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the name of a migrated PostgreSQL database to copy."""
    server: PostgresServer = request.getfixturevalue("postgres")

    def migrate(url: str) -> None:
        make_school(settings_for(tmp_path_factory.mktemp("pg"), database_url=url)).close()

    return server.template("school", migrate)


@pytest.fixture(scope="session")
def shared_postgres_school(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, template: Path
) -> Iterator[SharedSchool]:
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.fresh_database(request.getfixturevalue("postgres_template"))
    shared = SharedSchool(tmp_path_factory.mktemp("shared"), template, url)
    yield shared
    shared.close()
    server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def school(request: pytest.FixtureRequest, template: Path) -> Iterator[School]:
    """Return an empty, migrated school, on each engine; with the mark `own_school` one of the test's own."""
    if not request.node.get_closest_marker("own_school"):
        name = "shared_school" if request.param == "sqlite" else "shared_postgres_school"
        shared: SharedSchool = request.getfixturevalue(name)
        yield shared.lend()
        shared.reclaim()
        return
    tmp_path: Path = request.getfixturevalue("tmp_path")
    copy_template(template, tmp_path)
    if request.param == "sqlite":
        yield make_school(settings_for(tmp_path), migrated=True)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.fresh_database(request.getfixturevalue("postgres_template"))
    opened = make_school(settings_for(tmp_path, database_url=url), migrated=True)
    yield opened
    opened.close()
    server.drop(url)
