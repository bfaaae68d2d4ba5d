"""Every test of the domain runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.support.school import School, copy_static, copy_template, make_school, settings_for


@pytest.fixture(scope="session")
def postgres_template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a migrated PostgreSQL database to copy."""
    server = request.getfixturevalue("postgres")
    url: str = server.fresh_database()
    make_school(settings_for(tmp_path_factory.mktemp("pg"), database_url=url)).close()
    return str(make_url(url).database)


@pytest.fixture(params=["sqlite", "postgresql"])
def school(request: pytest.FixtureRequest, tmp_path: Path, template: Path) -> Iterator[School]:
    """An empty, migrated school, once on each engine."""
    if request.param == "sqlite":
        copy_template(template, tmp_path)
        settings = settings_for(tmp_path)
    else:
        name = request.getfixturevalue("postgres_template")
        server = request.getfixturevalue("postgres")
        copy_static(template, tmp_path)
        settings = settings_for(tmp_path, database_url=server.fresh_database(name))
    opened = make_school(settings, migrated=True)
    yield opened
    opened.close()
    if request.param == "postgresql":
        server.drop(settings.database_url)
