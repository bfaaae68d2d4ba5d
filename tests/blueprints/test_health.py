from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from lms.clock import now
from lms.domain import outbox
from tests import factories
from tests.support.narrow import present
from tests.support.school import School, copy_template, make_school, settings_for


def test_a_house_that_can_work_says_so(school: School) -> None:
    client = school.app.test_client()
    assert client.get("/healthz").json == {"ok": True}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json) == (
        200,
        {"ok": True, "database": True, "queue": True, "disk": True, "limits": True},
    )


def test_a_mail_that_waits_for_long_makes_the_house_unready(school: School) -> None:
    long_ago = now() - outbox.LATE - timedelta(minutes=1)
    school.write(lambda s: outbox.post(s, "feedback_returned", factories.samira(s), "abc", now=long_ago))
    ready = school.app.test_client().get("/readyz")
    assert (ready.status_code, present(ready.json)["queue"]) == (503, False)


def test_a_disk_without_room_makes_the_house_unready(tmp_path: Path, template: Path) -> None:
    copy_template(template, tmp_path)
    school = make_school(settings_for(tmp_path, free_space_mb=10**9), migrated=True)
    ready = school.app.test_client().get("/readyz")
    assert (ready.status_code, present(ready.json)["disk"]) == (503, False)


def test_a_lost_database_makes_the_house_unready_and_not_broken(tmp_path: Path) -> None:
    school = make_school(settings_for(tmp_path), migrated=True)  # a file without a single table
    ready = school.app.test_client().get("/readyz")
    assert (ready.status_code, present(ready.json)["database"]) == (503, False)
    assert school.app.test_client().get("/healthz").status_code == 200
