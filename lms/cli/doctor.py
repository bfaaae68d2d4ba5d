"""`flask doctor`: check the instance. Prints each check; exit code 1 when something is wrong."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import timedelta

import click
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask.cli import with_appcontext
from sqlalchemy import select, text, union_all
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from config import Settings
from lms import current
from lms.clock import now
from lms.domain import outbox
from lms.domain.booking import consistency
from lms.extensions import db, journal_mode, migrate, sqlite
from lms.models import Attachment, Organisation, Rendition

# A file is stored before its row is written, so a recent one may not have a row yet.
FILE_YOUNG = timedelta(hours=1)

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
    script = ScriptDirectory.from_config(migrate.get_config())
    revision = MigrationContext.configure(session.connection()).get_current_revision()
    newest = script.get_current_head()
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
    for path in (settings.instance, settings.instance / "secret.key", settings.uploads):
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
        if mode & 0o007 or (path.is_file() and mode & 0o070):
            found.append(f"{path} can be read by others (mode {mode:o})")
    return found


def files(session: Session, settings: Settings) -> list[str]:
    """Return the rows without files (lost work) and the files without rows (left over from a crash)."""
    door_photo = select(Organisation.door_photo_key).where(Organisation.door_photo_key.is_not(None))
    named = set(
        session.scalars(union_all(select(Attachment.store_key), select(Rendition.store_key), door_photo))
    )
    stored = dict(current.store().keys())
    missing = sorted(named - set(stored))
    old = now() - FILE_YOUNG
    left_over = sorted(key for key, changed_at in stored.items() if key not in named and changed_at < old)
    return [f"row without file: {key}" for key in missing] + [f"file without row: {key}" for key in left_over]


def bookings(session: Session, settings: Settings) -> list[str]:
    """Return the faults of the consistency check."""
    return consistency.find_faults(session, now=now())


def mail(session: Session, settings: Settings) -> list[str]:
    """Return a fault when a message has waited too long for a worker."""
    waiting = outbox.oldest_waiting(session, now=now())
    late = waiting is not None and waiting > outbox.LATE
    return [f"a mail has waited for {waiting}"] if late else []


CHECKS: tuple[Check, ...] = (integrity, versions, permissions, files, bookings, mail)


def examine(session: Session, settings: Settings) -> dict[str, list[str]]:
    """Return the faults that each check found; empty lists mean a healthy instance."""
    return {check.__name__: _run_check(check, session, settings) for check in CHECKS}


def _run_check(check: Check, session: Session, settings: Settings) -> list[str]:
    """Return the faults of one check; a check that fails is a fault too, and stops no other."""
    try:
        return check(session, settings)
    except (SQLAlchemyError, OSError) as error:
        session.rollback()
        cause = getattr(error, "orig", None) or error
        return [f"this could not be looked at: {str(cause).splitlines()[0]}"]


@click.command("doctor")
@with_appcontext
def command() -> None:
    """Check the instance; exit code 1 when something is wrong."""
    found = examine(db.session(), current.settings())
    click.echo(f"      {engine(current.settings())}")
    for name, faults in found.items():
        click.echo(f"{'ill ' if faults else 'well'}  {name.replace('_', ' ')}")
        for fault in faults:
            click.echo(f"      {fault}")
    if any(found.values()):
        raise SystemExit(1)


__all__ = ["command", "examine"]
