from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

from lms import limits
from lms.clock import now
from lms.limits import SqlStorage
from lms.models import RateCount
from tests.fixtures_engines import house, postgres_template
from tests.house import House

__all__ = ["house", "postgres_template"]


def storage(house: House) -> SqlStorage:
    return SqlStorage("lms-sql://", app=house.app)


def test_tries_are_counted_together_whoever_counts(house: House) -> None:
    one, other = storage(house), storage(house)
    assert [one.incr("k", 60), other.incr("k", 60), one.incr("k", 60)] == [1, 2, 3]
    assert other.get("k") == 3
    assert other.get("another") == 0


def test_no_try_is_lost_when_many_come_at_once(house: House) -> None:
    threads = [threading.Thread(target=storage(house).incr, args=("k", 60)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert storage(house).get("k") == 16


def test_a_new_window_begins_at_one(house: House) -> None:
    counts = storage(house)
    counts.incr("k", 60)

    def long_past(session):  # type: ignore[no-untyped-def]
        session.get_one(RateCount, "k").expires = datetime(2020, 1, 1, tzinfo=UTC)

    house.write(long_past)
    assert counts.get("k") == 0
    assert counts.incr("k", 60) == 1


def test_what_is_over_is_forgotten(house: House) -> None:
    counts = storage(house)
    counts.incr("k", 0)
    counts.incr("living", 600)
    house.write(lambda s: limits.forget_old(s, now()))
    assert house.read(lambda s: [row.key for row in s.query(RateCount)]) == ["living"]


def test_a_missing_table_is_told_and_not_thrown(tmp_path: Path, house: House) -> None:
    assert storage(house).check()
    with house.app.app_context():
        RateCount.__table__.drop(storage(house).engine)  # type: ignore[attr-defined]
    assert not storage(house).check()
