"""One application for all tests of a worker, and for each test empty and as it was made.

Compiling its routes and its templates again for each test took most of the time of the tests.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import text

from lms import limits
from lms.extensions import Base, db, limiter
from tests.support.school import School, copy_template, make_school, open_schools, settings_for

# A test that waits for what another one left locked fails, and does not hang.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '10s'"


class SharedSchool:
    """`lend()` gives it to a test; whatever the test before changed is undone."""

    def __init__(self, folder: Path, template: Path, database_url: str | None = None) -> None:
        self.folder, self.template = folder, template
        self.is_sqlite = database_url is None
        copy_template(template, folder)
        settings = settings_for(folder, **({} if database_url is None else {"database_url": database_url}))
        self.school = make_school(settings, migrated=True)
        open_schools.remove(self.school)  # its connections are closed by lend() and close()
        app = self.school.app
        self._extensions, self._config = dict(app.extensions), dict(app.config)
        self._jobs = dict(vars(app.extensions["lms_jobs"]))
        self._empty_queue = (folder / "queue.sqlite3").read_bytes()

    def lend(self) -> School:
        app = self.school.app
        self.close()
        _replace(app.extensions, self._extensions)
        _replace(app.config, self._config)
        _replace(vars(app.extensions["lms_jobs"]), self._jobs)
        # Counts begin anew, in this application's storage: all applications of a process share the limiter.
        limits.init_app(app, limiter, self.school.settings)
        self._empty_folders()
        (self.folder / "queue.sqlite3").write_bytes(self._empty_queue)
        if self.is_sqlite:
            shutil.copyfile(self.template, self.folder / "school.sqlite3")
        else:
            self._empty_tables()
        return School(app)

    def close(self) -> None:
        self.school.close()

    def _empty_folders(self) -> None:
        """Files of the test before; the compressed styles stay, nobody changes them."""
        settings = self.school.settings
        for folder, kept in ((settings.instance, {"static"}), (settings.uploads, set())):
            for path in folder.iterdir():
                if path.is_dir() and path.name not in kept:
                    shutil.rmtree(path)
                elif path.is_file():
                    path.unlink()
        (settings.uploads / ".incoming").mkdir(mode=0o700)

    def _empty_tables(self) -> None:
        """Delete the rows, in the order that foreign keys ask for: quicker than TRUNCATE on small tables."""
        with self.school.app.app_context(), db.engine.begin() as connection:
            connection.execute(text(LOCK_TIMEOUT))
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())


def _replace(content: dict[str, object], before: dict[str, object]) -> None:
    content.clear()
    content.update(before)
