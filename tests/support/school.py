"""The application for a test, with its own database, uploads and instance folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from config import Settings
from lms import create_app
from lms.access import cookie_name
from lms.clock import now
from lms.demo import builder
from lms.domain.people import logins
from lms.extensions import db, write
from lms.models import Person
from lms.models.people import LoginKind
from tests.support.pages import Visitor

T = TypeVar("T")
MakeOnce = Callable[[str, Callable[[Path], object]], Path]


class Undo(Exception):
    """Rolls a transaction or savepoint back that did what it should."""


class School:
    """The application, with the operations that tests need."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.settings: Settings = app.extensions["lms_settings"]

    def close(self) -> None:
        """Close every connection to its database; a later query opens new ones."""
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()

    @property
    def engine(self) -> Engine:
        with self.app.app_context():
            return db.engine

    def write(self, operation: Callable[[Session], T]) -> T:
        """Run a domain function in one transaction, as a request handler does; its result is detached."""
        with self.app.app_context():
            db.session.session_factory.configure(expire_on_commit=False)
            try:
                return write(operation)
            finally:
                db.session.session_factory.configure(expire_on_commit=True)

    def write_and_undo(self, operation: Callable[[Session], object]) -> None:
        """Run an operation in a transaction that is rolled back: the school stays as it was."""

        def undone(session: Session) -> None:
            operation(session)
            raise Undo

        with suppress(Undo):
            self.write(undone)

    def read(self, question: Callable[[Session], T]) -> T:
        with self.app.app_context():
            return question(db.session())

    def visitor(self, person: Person | str | None = None) -> Visitor:
        """Return a browser; with `person`, one that is logged in."""
        client = self.app.test_client()
        if person is not None:
            person_id = person if isinstance(person, str) else person.id

            def log_in(session: Session) -> str:
                found = session.get_one(Person, person_id)
                kind = LoginKind.STAFF if found.is_staff else LoginKind.OWN
                return logins.open_login(session, found, kind, device="test", now=now())

            client.set_cookie(cookie_name(self.settings, "session"), self.write(log_in))
        return Visitor(client)

    @contextmanager
    def counting_statements(self) -> Iterator[list[str]]:
        """Collect the SQL statements that are sent in the block, without BEGIN, COMMIT and the like."""
        sent: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
            if not statement.startswith(("BEGIN", "PRAGMA", "SAVEPOINT", "RELEASE")):
                sent.append(statement)

        event.listen(self.engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(self.engine, "before_cursor_execute", note)

    def deliver(self) -> int:
        """Send everything that is due now, as the worker does; return how many messages."""
        count: int = self.app.extensions["lms_jobs"].deliver_due()
        return count

    def prepare_files(self) -> int:
        """Check and clean every received file, as the worker does; return how many."""
        count: int = self.app.extensions["lms_jobs"].files.prepare_due()
        return count


def settings_for(folder: Path, **more: object) -> Settings:
    values: dict[str, object] = {
        "instance": folder / "instance",
        "uploads": folder / "uploads",
        "secret_key": "a secret of the tests, long enough to be one",
        "base_url": "http://localhost",
        "database_url": f"sqlite:///{folder / 'school.sqlite3'}",
        "queue_url": f"sqlite:///{folder / 'queue.sqlite3'}",
        "free_space_mb": 0,
        **more,
    }
    return Settings(**values)  # type: ignore[arg-type]


# Schools that are not closed yet: tests/conftest.py closes those that a test leaves open.
open_schools: list[School] = []


def make_school(settings: Settings, *, migrated: bool = False) -> School:
    settings.instance.mkdir(parents=True, exist_ok=True, mode=0o700)
    app = create_app(settings)
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False  # the error page is what a person sees
    if not migrated:
        with app.app_context():
            upgrade()
    school = School(app)
    open_schools.append(school)
    return school


def make_template(folder: Path) -> None:
    """Make an empty, migrated school to copy."""
    make_school(settings_for(folder)).close()


def make_demo_template(folder: Path) -> Path:
    """Make the demo school and return its database, for copies: drawing its sheets takes seconds."""
    school = make_school(settings_for(folder))
    builder.build(school.app, now())
    school.close()
    return folder / "school.sqlite3"


def copy_template(template: Path, folder: Path, database: str = "school.sqlite3") -> None:
    """Copy the database of a template, what it has stored and its compressed static files."""
    copy_static(template, folder)
    shutil.copyfile(template, folder / database)
    copy_uploads(template, folder / "uploads")


def copy_uploads(template: Path, uploads: Path) -> None:
    """Link the stored files: the store writes no file a second time."""
    if (template.parent / "uploads").is_dir():
        shutil.copytree(template.parent / "uploads", uploads, copy_function=os.link, dirs_exist_ok=True)


def copy_static(template: Path, folder: Path) -> None:
    """Link the compressed static files, so that the application finds them as at a second start."""
    built = template.parent / "instance" / "static"
    if built.is_dir():
        (folder / "instance").mkdir(mode=0o700, exist_ok=True)
        shutil.copytree(built, folder / "instance" / "static", copy_function=os.link, dirs_exist_ok=True)
