from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from tests import factories
from tests.faults.fault_log import Track
from tests.support.live_server import Served


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def track(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Track]:
    folder = tmp_path_factory.mktemp(f"race-{request.param}")
    settings = {}
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
        settings["LMS_DATABASE_URL"] = postgres.fresh_database()
    server = Served(folder, **settings)
    house = server.house()

    def offer(session: Session) -> None:
        factories.all_week(session, factories.nadia(session), "09:00", "17:00", mode="both")
        factories.all_week(session, factories.luc(session), "09:30", "17:30")
        factories.rule(session, factories.luc(session), 5, "09:15", "12:15", "onsite")
        factories.rule(session, factories.nadia(session), 5, "09:00", "12:00", "onsite")

    house.write(offer)
    with server:
        yield Track(server, house)
    house.close()
    if settings:
        postgres.drop(settings["LMS_DATABASE_URL"])
