from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests import factories
from tests.faults.fault_log import FaultLog
from tests.support.engines import postgres_template
from tests.support.live_server import LiveServer
from tests.support.servers import PostgresServer

__all__ = ["postgres_template"]  # a fixture


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def track(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, template: Path
) -> Iterator[FaultLog]:
    folder = tmp_path_factory.mktemp(f"race-{request.param}")
    settings: dict[str, str] = {}
    postgres: PostgresServer | None = None
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        settings["LMS_DATABASE_URL"] = postgres.fresh_database(request.getfixturevalue("postgres_template"))
    server = LiveServer(folder, template, **settings)
    school = server.school()

    def offer(session: Session) -> None:
        factories.all_week(session, factories.nadia(session), "09:00", "17:00", mode="both")
        factories.all_week(session, factories.luc(session), "09:30", "17:30")
        factories.rule(session, factories.luc(session), 5, "09:15", "12:15", "onsite")
        factories.rule(session, factories.nadia(session), 5, "09:00", "12:00", "onsite")

    school.write(offer)
    with server:
        yield FaultLog(server, school)
    school.close()
    if postgres is not None:
        postgres.drop(settings["LMS_DATABASE_URL"])
