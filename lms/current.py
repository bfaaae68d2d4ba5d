"""Typed access to what belongs to the running application and to the current request.

The functions that take an application are for code that holds one and runs outside of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from flask import Flask, current_app, g

from config import Settings
from lms.adapters.partial_files import PartialFiles
from lms.adapters.store import Store
from lms.extensions import db
from lms.models import Organisation


class JobRunner(Protocol):
    """The part of `lms.jobs.Jobs` that a process needs (that module stands above this one)."""

    def start_worker(self, workers: int = 1) -> Callable[[], None]: ...

    def free_overdue(self) -> None: ...

    def store_conflicts(self) -> None: ...


def settings() -> Settings:
    """Return the settings of the running application."""
    return settings_of(current_app)


def settings_of(app: Flask) -> Settings:
    """Return the settings of an application."""
    found: Settings = app.extensions["lms_settings"]
    return found


def store() -> Store:
    """Return the file store of the running application."""
    return store_of(current_app)


def store_of(app: Flask) -> Store:
    """Return the file store of an application."""
    found: Store = app.extensions["lms_store"]
    return found


def received_store() -> Store:
    """Return the store of the files as they were sent: nothing of it is ever delivered."""
    return received_store_of(current_app)


def received_store_of(app: Flask) -> Store:
    """Return the store of received files of an application."""
    found: Store = app.extensions["lms_received_store"]
    return found


def partial_files() -> PartialFiles:
    """Return what has come of uploads that are not whole."""
    return partial_files_of(current_app)


def partial_files_of(app: Flask) -> PartialFiles:
    """Return the partial files of an application."""
    found: PartialFiles = app.extensions["lms_partial_files"]
    return found


def jobs() -> JobRunner:
    """Return the background jobs of the running application."""
    return jobs_of(current_app)


def jobs_of(app: Flask) -> JobRunner:
    """Return the background jobs of an application."""
    found: JobRunner = app.extensions["lms_jobs"]
    return found


def organisation() -> Organisation:
    """Return the organisation, read once a request; a nameless one before `flask init`."""
    if "organisation" not in g:
        g.organisation = db.session().get(Organisation, 1) or Organisation(
            name="Passerelle", pin_required=True, hygiene_notice=False
        )
    found: Organisation = g.organisation
    return found
