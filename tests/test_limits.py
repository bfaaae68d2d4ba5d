"""How often something may be tried, and where that is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import redis

from tests.support.narrow import present
from tests.support.school import School, copy_template, make_school, settings_for
from tests.support.servers import free_port


def tries(school: School, count: int) -> list[int]:
    """What somebody is answered who types a card of nobody, again and again."""
    visitor = school.visitor()
    page = visitor.get("/card")
    typed = {"code": "12345678", "pin": "0000"}
    return [visitor.submit(page, typed, action="/card/login").status for _ in range(count)]


def with_queue(folder: Path, template: Path, queue_url: str) -> School:
    copy_template(template, folder)
    return make_school(replace(settings_for(folder), queue_url=queue_url), migrated=True)


def test_one_process_counts_for_itself_and_another_begins_anew(tmp_path: Path, template: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        school = with_queue(tmp_path / name, template, settings_for(tmp_path).queue_url)
        assert tries(school, 13) == [422] * 12 + [429]


def test_where_the_queue_is_in_redis_all_processes_count_together(
    tmp_path: Path, template: Path, redis_url: str
) -> None:
    for name, expected in (("one", [422] * 7), ("other", [422] * 5 + [429])):
        (tmp_path / name).mkdir()
        assert tries(with_queue(tmp_path / name, template, redis_url), len(expected)) == expected
    with redis.Redis.from_url(redis_url) as client:
        kept = list(client.scan_iter())
    assert kept
    assert not any(b"12345678" in key for key in kept)


def test_while_redis_is_away_tries_are_counted_all_the_same_and_the_monitor_is_told(
    tmp_path: Path, template: Path
) -> None:
    school = with_queue(tmp_path, template, f"redis://127.0.0.1:{free_port()}/0")
    assert tries(school, 13) == [422] * 12 + [429]
    ready = school.app.test_client().get("/readyz")
    assert (ready.status_code, present(ready.json)["ok"], present(ready.json)["limits"]) == (200, True, False)
