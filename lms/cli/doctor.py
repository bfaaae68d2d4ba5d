"""`flask doctor`: check the instance. Prints each check; exit code 1 when something is wrong."""

from __future__ import annotations

import stat
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from config import Settings
from lms import current
from lms.adapters import work_folder
from lms.adapters.store import Store, UnknownKey
from lms.clock import now
from lms.domain import outbox, stored_files
from lms.domain.booking import consistency, stored_conflicts
from lms.domain.calendars.consistency import find_calendar_faults
from lms.domain.homework import mailbox, preparation, uploads
from lms.domain.homework.consistency import find_homework_faults
from lms.domain.people.consistency import find_people_faults
from lms.extensions import db, journal_mode, sqlite
from lms.file_jobs import record_digests
from lms.schema_version import newest_version, stored_version
from lms.upload_jobs import orphans_of

# A file is stored before its row is written, so a recent one may not have a row yet.
FILE_YOUNG = timedelta(hours=1)
# `--fix` deletes nothing younger.
FIXABLE = timedelta(days=1)

Check = Callable[[Session, Settings], list[str]]


def integrity(session: Session, settings: Settings) -> list[str]:
    """Return the faults of a SQLite file: damaged pages, broken foreign keys."""
    if session.get_bind().dialect.name != "sqlite":
        return []
    found = [str(row[0]) for row in session.execute(text("PRAGMA integrity_check")) if row[0] != "ok"]
    return found + [
        f"{row[0]}: a row points to nothing" for row in session.execute(text("PRAGMA foreign_key_check"))
    ]


def versions(session: Session, settings: Settings) -> list[str]:
    """Return a fault when the database is not at the newest migration."""
    found = []
    revision, newest = stored_version(session.connection()), newest_version()
    if revision != newest:
        found.append(f"the database is at {revision}, the code at {newest}: flask db upgrade")
    return found


def engine(settings: Settings) -> str:
    """Return the name of the database engine. The rollback journal is slower, and no fault (ADR 15)."""
    if not settings.database_url.startswith("sqlite"):
        return "PostgreSQL"
    return f"SQLite {sqlite.sqlite_version}, journal {journal_mode()}"


def permissions(session: Session, settings: Settings) -> list[str]:
    """Return the files and folders that other users of the machine can read."""
    found = []
    for path in (settings.instance, settings.instance / "secret.key", settings.temp, settings.uploads):
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
        if mode & 0o007 or (path.is_file() and mode & 0o070):
            found.append(f"{path} can be read by others (mode {mode:o})")
    return found


def files(session: Session, settings: Settings) -> list[str]:
    """Return the rows without files (lost work), the files of another size, and what a crash left over."""
    old = _old_files(current.store(), now() - FILE_YOUNG)
    named = stored_files.list_named_files(session)
    missing, changed = [], []
    for file in named:
        try:
            if _is_other_size(current.store().size(file.key), file.size):
                changed.append(f"file of another size than its row says: {file.key}")
        except UnknownKey:
            missing.append(f"row without file: {file.key}")
    keys = {file.key for file in named}
    found = [*missing, *changed, *(f"file without row: {key}" for key in old if key not in keys)]
    unfinished = work_folder.left_over(settings.temp, now() - FILE_YOUNG)
    return found + [f"temporary file of no running process: {path}" for path in unfinished]


def content(session: Session, settings: Settings) -> list[str]:
    """Return the files whose SHA-256 is not that of their row; reads every file."""
    found = []
    for file in stored_files.list_named_files(session):
        with suppress(UnknownKey):  # another check says so
            if file.sha256 is not None and current.store().digest(file.key) != file.sha256:
                found.append(f"file with other content than its row says: {file.key}")
    for key, (_size, sha256) in preparation.list_waiting(session).items():
        with suppress(UnknownKey):
            if current.received_store().digest(key) != sha256:
                found.append(f"received file with other content than its row says: {key}")
    return found


def received(session: Session, settings: Settings) -> list[str]:
    """Return the received files that are lost, left over by a crash, or waiting too long for a worker."""
    old = _old_files(current.received_store(), now() - FILE_YOUNG)
    waiting = preparation.list_waiting(session)
    found = []
    for key, (size, _sha256) in waiting.items():
        try:
            if current.received_store().size(key) != size:
                found.append(f"received file of another size than its row says: {key}")
        except UnknownKey:
            found.append(f"row without received file: {key}")
    found += [f"received file without row: {key}" for key in old if key not in waiting]
    late = preparation.oldest_waiting(session, now=now())
    return found + ([f"a received file has waited for {late}"] if late and late > preparation.LATE else [])


def unfinished_uploads(session: Session, settings: Settings) -> list[str]:
    """Return the uploads whose partial file is lost, and the partial files of no upload."""
    orphans = orphans_of(session)
    found = [f"upload without partial file: {upload_id}" for upload_id in _without_partial(session)]
    return found + [f"partial file without upload: {name}" for name in orphans]


def _without_partial(session: Session) -> list[str]:
    opened = uploads.open_lengths(session)  # before the files, which are older than their rows
    present = current.partial_files().changed()
    return sorted(upload_id for upload_id in opened if upload_id not in present)


def _is_other_size(stored: int, size: int | None) -> bool:
    """Return whether a stored file has another size; of one whose size no row says, whether it is empty."""
    return stored == 0 if size is None else stored != size


def _old_files(store: Store, older_than: datetime) -> list[str]:
    """Return the keys of old files. Ask for them before the rows that name them, which are written later."""
    stored = dict(store.keys())
    return sorted(key for key, changed_at in stored.items() if changed_at < older_than)


def bookings(session: Session, settings: Settings) -> list[str]:
    """Return the faults of the consistency check."""
    moment, zone = now(), settings.time_zone
    return [
        *consistency.find_faults(session, now=moment),
        *stored_conflicts.find_conflict_faults(session, now=moment, zone=zone),
    ]


def people(session: Session, settings: Settings) -> list[str]:
    """Return the faults of people, their cards and their logins."""
    return find_people_faults(session, now=now())


def homework(session: Session, settings: Settings) -> list[str]:
    """Return the faults of attempts and feedback."""
    return find_homework_faults(session)


def calendars(session: Session, settings: Settings) -> list[str]:
    """Return the faults of calendar feeds."""
    return find_calendar_faults(session)


def mail(session: Session, settings: Settings) -> list[str]:
    """Return a fault when a message has waited too long for a worker, or the mailbox cannot be read."""
    waiting = outbox.oldest_waiting(session, now=now())
    late = waiting is not None and waiting > outbox.LATE
    found = [f"a mail has waited for {waiting}"] if late else []
    failing = mailbox.find_failing(session) if settings.has_inbox else None
    if failing is not None:
        found.append(f"the mailbox cannot be read since {failing.failing_since}: {failing.error}")
    return found


CHECKS: tuple[Check, ...] = (
    integrity,
    versions,
    permissions,
    files,
    received,
    unfinished_uploads,
    people,
    homework,
    bookings,
    calendars,
    mail,
)


def examine(session: Session, settings: Settings, *, deep: bool = False) -> dict[str, list[str]]:
    """Return the faults that each check found; empty lists mean a healthy instance.

    `deep`: read the content of every file too.
    """
    checks = (*CHECKS, content) if deep else CHECKS
    return {check.__name__: _run_check(check, session, settings) for check in checks}


def fix(session: Session, settings: Settings) -> list[str]:
    """Delete what a crash left over more than a day ago, record missing digests; return what was done.

    Raises click.ClickException for a damaged database or one of another version: it may lack rows, and the
    files of those would be deleted.
    """
    if _run_check(integrity, session, settings) or _run_check(versions, session, settings):
        raise click.ClickException("nothing is deleted while the database is damaged or of another version")
    old = now() - FIXABLE
    done = []
    stores = (current.store(), current.received_store())
    stored = [(store, key) for store in stores for key in _old_files(store, old)]
    named = {file.key for file in stored_files.list_named_files(session)}
    named |= preparation.list_waiting(session).keys()
    for store, key in stored:
        if key not in named:
            store.delete(key)
            done.append(f"deleted, a file without row: {key}")
    count = work_folder.delete_unused(settings.temp, old)
    count += current.store().sweep_temp(old) + current.received_store().sweep_temp(old)
    done += [f"deleted, temporary files: {count}"] if count else []
    for name in orphans_of(session, FIXABLE):
        current.partial_files().delete(name)
        done.append(f"deleted, a partial file without upload: {name}")
    for upload_id in _without_partial(session):
        current.partial_files().create(upload_id)
        done.append(f"made empty, the partial file of an upload: {upload_id}")
    session.rollback()
    read = record_digests(current_app)
    return done + ([f"recorded, digests of older pictures: {read}"] if read else [])


def _run_check(check: Check, session: Session, settings: Settings) -> list[str]:
    """Return the faults of one check; a check that fails is a fault too, and stops no other."""
    try:
        return check(session, settings)
    except (SQLAlchemyError, OSError) as error:
        session.rollback()
        cause = getattr(error, "orig", None) or error
        return [f"this could not be looked at: {str(cause).splitlines()[0]}"]


@click.command("doctor")
@click.option("--deep", is_flag=True, help="Read the content of every file too.")
@click.option(
    "--fix",
    "fixes",
    is_flag=True,
    help="Delete what a crash left over more than a day ago, record missing digests.",
)
@with_appcontext
def command(deep: bool, fixes: bool) -> None:
    """Check the instance; exit code 1 when something is wrong."""
    for done in fix(db.session(), current.settings()) if fixes else ():
        click.echo(done)
    found = examine(db.session(), current.settings(), deep=deep)
    click.echo(f"      {engine(current.settings())}")
    for name, faults in found.items():
        click.echo(f"{'ill ' if faults else 'well'}  {name.replace('_', ' ')}")
        for fault in faults:
            click.echo(f"      {fault}")
    if any(found.values()):
        raise SystemExit(1)


__all__ = ["command", "examine"]
