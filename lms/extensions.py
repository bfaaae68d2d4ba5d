"""Shared extensions of the application: database, login, CSRF protection, languages, rate limits.

`write` is the only place that commits.
"""

from __future__ import annotations

import math
import random
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar, TypeVarTuple

from flask import Flask, current_app, has_request_context
from flask_babel import Babel
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import BigInteger, Dialect, Engine, MetaData, Row, String, TypeDecorator, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, registry
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.selectable import TypedReturnsRows

from lms.write_gate import LockStuck, write_gate

try:
    import pysqlite3 as sqlite
except ImportError:  # there is no wheel for this machine (see ADR 3)
    import sqlite3 as sqlite

__all__ = ["Base", "Identified", "UTCDateTime", "babel", "csrf", "db", "limiter", "login"]
__all__ += ["journal_mode", "new_id", "on_outbox_commit", "on_received_files", "pool_limits", "read_rows"]
__all__ += ["refuse_writes", "release_connection", "sqlite", "tune", "write", "write_refusal"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# Before this version a WAL file can be corrupted by two connections (sqlite.org/wal.html).
SAFE_WAL = (3, 51, 3)

# No 0/o, 1/l/i: an id is sometimes read aloud on the phone.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def new_id() -> str:
    """Return a random id of 69 bits: ids are visible in addresses, where a counter would tell too much."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(14))


class UTCDateTime(TypeDecorator[datetime]):
    """An instant: whole seconds since 1970 in the database, an aware datetime in Python.

    A number, so that the quarter-hour CHECK is the same arithmetic on SQLite and PostgreSQL.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime has no instant: {value}")
        return int(value.timestamp())

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value, UTC)


class Base(DeclarativeBase):
    # Given as a registry: Flask-SQLAlchemy copies the class body, which must not declare it twice.
    registry = registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={datetime: UTCDateTime()},
    )


class Identified:
    """A row with a random id, which may be used in an address."""

    id: Mapped[str] = mapped_column(String(14), primary_key=True, default=new_id)


class CurrentPerson(LoginManager):
    """Flask-Login without its remember cookie.

    That cookie outlives logout and a changed password, and a malformed one would cause an error page.
    """

    def _load_user_from_remember_cookie(self, cookie: str) -> None:
        return None


db = SQLAlchemy(model_class=Base, disable_autonaming=True)
login = CurrentPerson()
csrf = CSRFProtect()
babel = Babel()
limiter = Limiter(key_func=get_remote_address)

RETRIES = 6
# Seconds that one statement waits for a lock, and a write that can be left out.
BUSY = 5.0
BRIEF = 0.1
# Seconds. A longer attempt has waited for a lock; another one would only delay the answer.
PATIENCE = 3.0
# Connections of one process: as many as it has threads, or more; those beyond `KEPT` are closed after use.
CONNECTIONS = 40
KEPT = 10
# Seconds that a request waits for a connection; then 503 with the form kept.
POOL_WAIT = 3
_pause = threading.Event()


def on_outbox_commit(app: Flask, wake: Callable[[list[str]], None]) -> None:
    """Register the function that gets the outbox ids of a committed transaction; no page imports `jobs`."""
    app.extensions["lms_on_outbox_commit"] = wake


def on_received_files(app: Flask, wake: Callable[[], None]) -> None:
    """Register the function that is called after a transaction that has received files."""
    app.extensions["lms_on_received_files"] = wake


def write(operation: Callable[[Session], T], *, brief: bool = False) -> T:
    """Run the operation in one transaction that has the write lock from its beginning, and commit it.

    Objects loaded before belong to an older snapshot, so the operation loads its objects again. After a
    timeout of a lock or a deadlock it runs again, up to six times; a request within `PATIENCE`, and it may
    be refused by the `write_gate`. Then the OperationalError is raised, and the page answers 503 with the
    typed values. `brief`: for a write that can be left out; it is tried once and waits for `BRIEF`.

    In a request that may not write (`refuse_writes`) the refusal is raised instead.
    """
    if (refusal := write_refusal()) is not None:
        raise refusal
    began, in_request = time.monotonic(), has_request_context()
    retries, patience = (1 if brief else RETRIES), (PATIENCE if in_request else math.inf)
    session: Session = db.session()
    for attempt in range(retries):
        session.rollback()
        session.info["outbox"] = []
        session.info["files"] = []
        try:
            with write_gate.passed(session.get_bind().dialect.name, refuse=in_request):
                session.connection(execution_options={"immediate": BRIEF if brief else BUSY})
                session.info["write_transaction"] = session.get_transaction()
                result = operation(session)
                posted: list[str] = session.info["outbox"]
                received: list[str] = session.info["files"]
                session.commit()
        except LockStuck:
            session.rollback()
            raise
        except OperationalError:
            session.rollback()
            if attempt == retries - 1 or time.monotonic() - began > patience:
                raise
            _pause.wait(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311
        except BaseException:
            session.rollback()
            raise
        else:
            if posted:
                current_app.extensions["lms_on_outbox_commit"](posted)
            if received:
                current_app.extensions["lms_on_received_files"]()
            return result
    raise AssertionError("unreachable")


def release_connection() -> None:
    """Give the connection of this request back, and end its read transaction; the next query takes one again.

    For whatever waits for a network. What was loaded stays as it is. Raises RuntimeError within a `write`.
    """
    session: Session = db.session()
    transaction = session.get_transaction()
    if transaction is None:
        return
    if transaction is session.info.get("write_transaction"):
        raise RuntimeError("a transaction that writes cannot be left while the network is waited for")
    transaction.close()


def pool_limits() -> dict[str, int]:
    """Return the options of SQLAlchemy for the connections of a process."""
    return {"pool_size": KEPT, "max_overflow": CONNECTIONS - KEPT, "pool_timeout": POOL_WAIT}


def read_rows(
    session: Session, query: TypedReturnsRows[*Ts], values: Mapping[str, object]
) -> Sequence[Row[*Ts]]:
    """Return the rows of a query that selects columns and no entities.

    Twice as fast as `session.execute`, which prepares to build objects. What the session holds is written
    before, as there.
    """
    session.flush()
    return session.connection().execute(query, values).all()


def refuse_writes(refusal: Exception) -> None:
    """Let every `write` of this request raise the refusal: it only shows a form again."""
    db.session().info["write_refusal"] = refusal


def write_refusal() -> Exception | None:
    """Return why this request may not write; None for nearly every request."""
    found: Exception | None = db.session().info.get("write_refusal")
    return found


def journal_mode() -> str:
    """Return the journal mode of SQLite: WAL where this version is safe with it, else DELETE (slower)."""
    return "WAL" if sqlite.sqlite_version_info >= SAFE_WAL else "DELETE"


def tune(engine: Engine) -> None:
    """Configure SQLite for durable, serial write transactions (ADR 3), and how long a lock is waited for."""
    if engine.dialect.name != "sqlite":
        event.listen(engine, "begin", _limit_waiting)
        return

    @event.listens_for(engine, "connect")
    def _connect(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # our own BEGIN, see below
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY * 1000:.0f}",
            f"journal_mode={journal_mode()}",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            # With samples of the rows SQLite would make most plans anew each time they run (ADR 35).
            "analysis_limit=1000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        seconds = connection.get_execution_options().get("immediate")
        if not seconds:
            # Straight to the driver, for each page does this: it takes no lock and cannot fail.
            connection.connection.cursor().execute("BEGIN")
            return
        if seconds != BRIEF:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        usual = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
        connection.exec_driver_sql(f"PRAGMA busy_timeout={BRIEF * 1000:.0f}")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={usual}")


def _limit_waiting(connection: Connection) -> None:
    """Limit how long a write transaction waits for locks of others in PostgreSQL."""
    seconds = connection.get_execution_options().get("immediate")
    if seconds:
        connection.connection.cursor().execute(f"SET LOCAL lock_timeout = {seconds * 1000:.0f}")
