from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from tests import make
from tests.faults.track import Track
from tests.served import Served


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
        make.all_week(session, make.nadia(session), "09:00", "17:00", mode="both")
        make.all_week(session, make.luc(session), "09:30", "17:30")
        make.rule(session, make.luc(session), 5, "09:15", "12:15", "onsite")
        make.rule(session, make.nadia(session), 5, "09:00", "12:00", "onsite")

    house.write(offer)
    with server:
        yield Track(server, house)
    house.close()
    if settings:
        postgres.drop(settings["LMS_DATABASE_URL"])
