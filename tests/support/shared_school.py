"""One application for all tests of a worker, reset for each test to an empty school or to a template.

Compiling routes and templates again for each test took most of the time of the tests.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from sqlalchemy import QueuePool, text

from lms.extensions import Base, db, limiter
from tests.support.narrow import of_type
from tests.support.school import School, copy_template, copy_uploads, make_school, open_schools, settings_for

# A test that waits for a lock that another one left fails instead of hanging.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '10s'"
TABLES = Base.metadata.sorted_tables
# What is final cannot be deleted, but by who empties the whole school.
_FINAL = "ALTER TABLE returned_feedback {} TRIGGER returned_feedback_is_final"
EMPTY_ALL = ";".join(
    [_FINAL.format("DISABLE")]
    + [f"DELETE FROM {table.name}" for table in reversed(TABLES)]  # noqa: S608 names of our own
    + [_FINAL.format("ENABLE")]
    + [
        f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), 1, false)"
        for table in TABLES
        if table.autoincrement_column is not None
    ]
)
# Events for which a test may register listeners.
EVENTS = ("begin", "before_cursor_execute", "after_cursor_execute", "commit", "rollback")
POOL_EVENTS = ("connect", "checkout", "checkin")


class SharedSchool:
    """A shared application: `lend()` gives it to a test, `reclaim()` undoes the changes of the test.

    Changes that cannot be undone are refused: new routes by Flask itself, database listeners by `reclaim()`.
    A test that needs either has the mark `own_school`.
    """

    def __init__(self, folder: Path, template: Path, database_url: str | None = None, **more: object) -> None:
        self.folder, self.template = folder, template
        self.is_sqlite = database_url is None
        copy_template(template, folder)
        settings = settings_for(
            folder, **({} if database_url is None else {"database_url": database_url}), **more
        )
        self.school = make_school(settings, migrated=True)
        open_schools.remove(self.school)  # lend() and close() close its connections
        app = self.school.app
        app.test_client().get("/healthz")  # after the first request Flask refuses new routes
        contents: list[MutableMapping[str, Any]] = [
            app.extensions,
            app.config,
            app.view_functions,
            app.jinja_env.globals,
            app.jinja_env.filters,
            vars(app.extensions["lms_jobs"]),
            vars(app.extensions["lms_store"]),
            vars(limiter),  # all applications of a process share the limiter: use this storage again
            vars(app),
        ]
        self._before = [(content, dict(content)) for content in contents]
        self._listeners = self._count_listeners()
        self._files = {"queue.sqlite3": (folder / "queue.sqlite3").read_bytes()}
        if self.is_sqlite:
            self._files["school.sqlite3"] = template.read_bytes()

    def lend(self) -> School:
        app = self.school.app
        self._let_go()
        for content, before in self._before:
            content.clear()
            content.update(before)
        # Not a new storage, which would start another thread.
        with app.app_context():
            limiter.reset()
        self._empty_folders()
        if not self.is_sqlite:
            self._empty_tables()
        return School(app)

    def reclaim(self) -> None:
        """Check that a test left nothing that cannot be undone, so that the faulty test itself fails."""
        self._let_go()
        assert self._count_listeners() == self._listeners, "a listener stays: mark the test own_school"

    def close(self) -> None:
        self.school.close()

    def _let_go(self) -> None:
        """Close what a test has open, but for an idle connection to PostgreSQL: a new one takes long."""
        with self.school.app.app_context():
            db.session.remove()
            pool = of_type(QueuePool, db.engine.pool)
            if self.is_sqlite or pool.checkedout() or pool.checkedin() > 1:
                db.engine.dispose()

    def _count_listeners(self) -> dict[str, int]:
        engine = self.school.engine
        counts = {name: len(list(getattr(engine.dispatch, name))) for name in EVENTS}
        return counts | {name: len(list(getattr(engine.pool.dispatch, name))) for name in POOL_EVENTS}

    def _empty_folders(self) -> None:
        """Delete the files of the previous test, except the compressed static files."""
        settings = self.school.settings
        _empty(self.folder, {settings.instance.name, settings.uploads.name})
        _empty(settings.instance, {"static"})
        _empty(settings.uploads, set())
        for store in (settings.uploads, settings.uploads / ".received"):
            (store / ".incoming").mkdir(mode=0o700, parents=True)
        copy_uploads(self.template, settings.uploads)
        for name, content in self._files.items():
            # A new file: a process that still has the old one open does not change it.
            descriptor = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)

    def _empty_tables(self) -> None:
        """Delete all rows in the order of foreign keys: faster than TRUNCATE on small tables."""
        with self.school.app.app_context(), db.engine.begin() as connection:
            connection.execute(text(LOCK_TIMEOUT))
            connection.exec_driver_sql(EMPTY_ALL)


def _empty(folder: Path, kept: set[str]) -> None:
    folder.chmod(0o700)
    for path in folder.iterdir():
        if path.name in kept:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
