"""A test finds nothing of the test before."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from limits.storage import MemoryStorage
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from lms.adapters.store import LocalStore
from lms.domain import outbox
from lms.extensions import Base, limiter, sqlite
from lms.models import ExternalBusyTime, ExternalCalendar
from tests import factories
from tests.factories import NOW
from tests.support.engines import postgres_template, shared_postgres_school
from tests.support.narrow import of_type
from tests.support.school import School
from tests.support.shared_school import SharedSchool

__all__ = ["postgres_template", "shared_postgres_school"]


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest) -> SharedSchool:
    name = "shared_school" if request.param == "sqlite" else "shared_postgres_school"
    found: SharedSchool = request.getfixturevalue(name)
    return found


def rows(school: School) -> int:
    """In all tables together."""
    tables = Base.metadata.sorted_tables
    return school.read(
        lambda s: sum(s.scalar(select(func.count()).select_from(table)) or 0 for table in tables)
    )


def files(folder: Path) -> dict[str, int]:
    """Every path below a folder with its mode, without the compressed styles."""
    found = {path.relative_to(folder).as_posix(): path.stat().st_mode for path in folder.rglob("*")}
    return {name: mode for name, mode in found.items() if not name.startswith("instance/static/")}


def leave_traces(school: School) -> None:
    """Rows, files of every kind, a queued job, a counted attempt, and changes of the application."""
    school.write(
        lambda s: outbox.post(s, "feedback_returned", factories.samira(s), "abc", now=NOW, expires_at=None).id
    )
    store: LocalStore = school.app.extensions["lms_store"]
    store.put(BytesIO(b"a photo"))
    instance, uploads = school.settings.instance, school.settings.uploads
    (instance / "mail").mkdir()
    (instance / "mail" / "one.eml").write_text("an e-mail")
    (instance / "secret.key").write_text("a key")
    (uploads / ".incoming" / "half").write_bytes(b"half an upload")
    (instance.parent / "beside").symlink_to(instance)
    instance.chmod(0o755)
    uploads.chmod(0o755)
    visitor = school.visitor()
    page = visitor.get("/card")
    visitor.submit(page, {"code": "12345678", "pin": "0000"}, action="/card/login")
    with school.app.app_context():
        assert of_type(MemoryStorage, limiter.storage).storage
    app = school.app
    assert app.extensions["lms_jobs"].huey.storage.queue_size() == 1
    app.extensions["lms_jobs"].mailer = None
    app.extensions["lms_store"].root = instance
    app.extensions["of_this_test"] = True
    app.config["WTF_CSRF_ENABLED"] = False
    app.jinja_env.globals["asset"] = app.jinja_env.filters["own_day"] = str
    app.view_functions["health.process"] = app.wsgi_app = str  # type: ignore[method-assign, assignment]


def test_whatever_a_test_leaves_the_next_one_finds_an_empty_school(shared: SharedSchool) -> None:
    before = shared.lend()
    app = before.app
    contents = (app.extensions, app.config, app.view_functions, app.jinja_env.globals, app.jinja_env.filters)
    as_made = [dict(content) for content in contents]
    jobs, store, wsgi_app = (
        vars(app.extensions["lms_jobs"]).copy(),
        app.extensions["lms_store"].root,
        app.wsgi_app,
    )
    on_disk = files(shared.folder)
    leave_traces(before)
    assert rows(before) > 1
    shared.reclaim()

    school = shared.lend()
    assert school.app is app
    assert files(shared.folder) == on_disk
    assert rows(school) == 0
    assert [dict(content) for content in contents] == as_made
    assert vars(app.extensions["lms_jobs"]) == jobs
    assert app.extensions["lms_store"].root == store
    assert app.wsgi_app == wsgi_app
    assert app.extensions["lms_jobs"].huey.storage.queue_size() == 0
    with app.app_context():
        assert not of_type(MemoryStorage, limiter.storage).storage


def busy_number(session: Session) -> int:
    """The number that the database gives to a row."""
    calendar = ExternalCalendar(
        teacher_id=factories.nadia(session).id, address="https://a.example", created_at=NOW
    )
    session.add(calendar)
    session.flush()
    busy = ExternalBusyTime(calendar_id=calendar.id, starts=NOW, ends=NOW + timedelta(hours=1))
    session.add(busy)
    session.flush()
    return busy.id


def test_the_numbers_that_the_database_gives_begin_anew(shared: SharedSchool) -> None:
    assert shared.lend().write(busy_number) == 1
    assert shared.lend().write(busy_number) == 1


def test_a_database_that_somebody_still_has_open_is_not_the_next_one(shared_school: SharedSchool) -> None:
    school = shared_school.lend()
    path = school.settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite.connect(path)) as left_open:
        left_open.execute(
            "INSERT INTO level (id, code, name, name_key, cefr, blurb, position)"
            " VALUES ('a', 'N1', 'Un', 'un', '', '', 1)"
        )
        left_open.commit()
        assert rows(shared_school.lend()) == 0


def test_what_cannot_be_undone_is_refused(shared: SharedSchool) -> None:
    school = shared.lend()
    with pytest.raises(AssertionError, match="no longer be called"):
        school.app.add_url_rule("/of-this-test", view_func=str)

    def note(*_: object) -> None:
        """Stays on the pool."""

    event.listen(school.engine, "checkout", note)
    with pytest.raises(AssertionError, match="own_school"):
        shared.reclaim()
    event.remove(school.engine, "checkout", note)
    shared.reclaim()
