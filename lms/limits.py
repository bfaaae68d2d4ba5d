"""How often something may be tried: counted where every process sees it.

A small SQL table by default; Redis when the queue is there already. The `limits` library has no
storage for SQL, so this is ours: one upsert in its own short transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Flask
from flask_limiter import Limiter
from limits.storage import Storage
from sqlalchemy import Engine, case, delete, select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from config import Settings
from lms.clock import now
from lms.extensions import db
from lms.models import RateCount


class SqlStorage(Storage):
    """Fixed windows in the table `rate_count`."""

    STORAGE_SCHEME = ["lms-sql"]  # noqa: RUF012  (the library's own declaration)

    def __init__(self, uri: str | None = None, *, app: Flask, **options: Any) -> None:
        super().__init__(uri, **options)
        self.app = app

    @property
    def base_exceptions(self) -> type[Exception]:
        return SQLAlchemyError

    @property
    def engine(self) -> Engine:
        with self.app.app_context():
            return db.engine

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        moment = now()
        insert = sqlite_insert if self.engine.dialect.name == "sqlite" else postgres_insert
        fresh = insert(RateCount).values(
            key=key[:200], count=amount, expires=moment + timedelta(seconds=expiry)
        )
        over = RateCount.expires <= moment
        statement = fresh.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "count": case((over, fresh.excluded.count), else_=RateCount.count + fresh.excluded.count),
                "expires": case((over, fresh.excluded.expires), else_=RateCount.expires),
            },
        ).returning(RateCount.count)
        with self._begin() as connection:
            return int(connection.execute(statement).scalar_one())

    def get(self, key: str) -> int:
        with self.engine.connect() as connection:
            found = connection.execute(
                select(RateCount.count).where(RateCount.key == key[:200], RateCount.expires > now())
            ).scalar()
        return int(found or 0)

    def get_expiry(self, key: str) -> float:
        with self.engine.connect() as connection:
            found = connection.execute(select(RateCount.expires).where(RateCount.key == key[:200])).scalar()
        return found.timestamp() if isinstance(found, datetime) else now().timestamp()

    def check(self) -> bool:
        try:
            with self.engine.connect() as connection:
                connection.execute(select(RateCount.key).limit(1))
        except SQLAlchemyError:
            return False
        return True

    def reset(self) -> int | None:
        with self._begin() as connection:
            return int(connection.execute(delete(RateCount)).rowcount)

    def clear(self, key: str) -> None:
        with self._begin() as connection:
            connection.execute(delete(RateCount).where(RateCount.key == key[:200]))

    def _begin(self) -> Any:
        return self.engine.execution_options(immediate=True).begin()


def forget_old(session: Session, now: datetime) -> None:
    """Windows that are over count for nothing. (Redis forgets by itself.)"""
    session.execute(delete(RateCount).where(RateCount.expires <= now))


def init_app(app: Flask, limiter: Limiter, settings: Settings) -> None:
    redis = settings.queue_url.startswith(("redis://", "rediss://"))
    app.config.update(
        RATELIMIT_STORAGE_URI=settings.queue_url if redis else "lms-sql://",
        RATELIMIT_STORAGE_OPTIONS={} if redis else {"app": app},
        RATELIMIT_STRATEGY="fixed-window",
        # When the counting itself is down, people still get in; the PIN lock does not live here.
        RATELIMIT_SWALLOW_ERRORS=True,
    )
    limiter.init_app(app)
