"""The job of Monday morning, run as the worker runs it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from lms import digest_job
from lms.models import OutboxItem
from tests import factories
from tests.support.school import School


def test_the_job_posts_on_monday_once(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    school.write(lambda s: factories.sent(s, factories.samira(s), factories.assignment(s)).id)

    def run(day: int, hour: int) -> int:
        monkeypatch.setattr(digest_job, "now", lambda: datetime(2026, 11, day, hour, tzinfo=UTC))
        school.app.extensions["lms_jobs"].digest.post()
        return len(school.read(lambda s: s.scalars(select(OutboxItem)).all()))

    assert [run(29, 6), run(30, 5), run(30, 6), run(30, 7)] == [0, 0, 1, 1]
