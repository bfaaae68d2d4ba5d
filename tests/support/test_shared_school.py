"""A test finds nothing of the test before."""

from __future__ import annotations

from io import BytesIO

import pytest
from sqlalchemy import func, select

from lms.adapters.store import LocalStore
from lms.domain import outbox
from lms.extensions import limiter
from lms.models import Person
from tests import factories
from tests.factories import NOW
from tests.support.engines import postgres_template, shared_postgres_school
from tests.support.school import School
from tests.support.shared_school import SharedSchool

__all__ = ["postgres_template", "shared_postgres_school"]


def leave_traces(school: School) -> None:
    """Rows, a stored file, an e-mail, a queued job, a counted attempt, and changes of the application."""
    school.write(
        lambda s: outbox.post(s, "feedback_returned", factories.samira(s), "abc", now=NOW, expires_at=None).id
    )
    store: LocalStore = school.app.extensions["lms_store"]
    store.put(BytesIO(b"a photo"))
    (school.settings.instance / "mail").mkdir()
    (school.settings.instance / "mail" / "one.eml").write_text("an e-mail")
    visitor = school.visitor()
    page = visitor.get("/card")
    visitor.submit(page, {"code": "12345678", "pin": "0000"}, action="/card/entry")
    with school.app.app_context():
        assert limiter.storage.storage
    school.app.extensions["lms_jobs"].mailer = None
    school.app.extensions["of_this_test"] = True
    school.app.config["WTF_CSRF_ENABLED"] = False


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_whatever_a_test_leaves_the_next_one_finds_an_empty_school(
    engine: str, request: pytest.FixtureRequest
) -> None:
    name = "shared_school" if engine == "sqlite" else "shared_postgres_school"
    shared: SharedSchool = request.getfixturevalue(name)
    before = shared.lend()
    leave_traces(before)
    assert before.app.extensions["lms_jobs"].huey.storage.queue_size() == 1
    school = shared.lend()
    assert school.app is before.app
    assert school.read(lambda s: s.scalar(select(func.count(Person.id)))) == 0
    assert list(school.app.extensions["lms_store"].keys()) == []
    assert [path.name for path in school.settings.instance.iterdir()] == ["static"]
    assert school.app.extensions["lms_jobs"].huey.storage.queue_size() == 0
    assert school.app.extensions["lms_jobs"].mailer is not None
    assert "of_this_test" not in school.app.extensions
    assert school.app.config["WTF_CSRF_ENABLED"]
    with school.app.app_context():
        assert not limiter.storage.storage
