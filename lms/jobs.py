"""Work done after the answer: deliver what the outbox holds, seal the journal, tidy up.

The queue carries ids only and may lose them: every minute the sweep finds what is due.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from huey import Huey, RedisHuey, SqliteHuey, crontab
from huey.consumer import Consumer
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from config import Settings
from lms import limits
from lms.adapters.mailer import FolderMailer, Letter, Mailer, Postponed, SmtpMailer, Undeliverable
from lms.clock import now
from lms.domain import journal, outbox
from lms.domain.people import sessions
from lms.extensions import db, write
from lms.letters import Writer, address_of, compose
from lms.letters import booking as booking_letters
from lms.letters import homework as homework_letters
from lms.letters import people as people_letters
from lms.models import OutboxItem, Person

log = logging.getLogger("lms.jobs")

WRITERS: dict[str, Writer] = {
    **people_letters.WRITERS,
    **homework_letters.WRITERS,
    **booking_letters.WRITERS,
}
RECEIPTS_KEPT = timedelta(days=31)


class QuietConsumer(Consumer):
    """A consumer that may live in a thread: SIGTERM stays with the server."""

    def _set_signal_handlers(self) -> None:
        pass


class Jobs:
    """The queue of one house and the tasks it knows."""

    def __init__(self, app: Flask, settings: Settings, mailer: Mailer) -> None:
        self.app = app
        self.mailer = mailer
        self.huey = _queue(settings)
        self._deliver = self.huey.task()(self.deliver)
        self.huey.periodic_task(crontab(minute="*"))(self.every_minute)
        self.huey.periodic_task(crontab(minute="17", hour="3"))(self.every_night)

    def wake(self, item_ids: list[str]) -> None:
        """Hand fresh rows to the worker. If this fails, the sweep finds them within a minute."""
        try:
            for item_id in item_ids:
                self._deliver(item_id)
        except Exception:
            log.exception("the queue did not take %s rows; the sweep will", len(item_ids))

    def deliver(self, item_id: str) -> None:
        """Claim one row, look at the thing again, send with no transaction open, close the row."""
        with self.app.app_context():
            if not write(lambda session: outbox.claim(session, item_id, now())):
                return
            letter, outcome = self._letter(item_id)
            if letter is None:
                write(lambda session: outbox.close(session, item_id, outcome, now()))
                return
            self._close_after(item_id, lambda: self.mailer.send(letter))

    def _letter(self, item_id: str) -> tuple[Letter | None, str]:
        session: Session = db.session()
        item = session.scalars(
            select(OutboxItem)
            .where(OutboxItem.id == item_id)
            .options(joinedload(OutboxItem.person).selectinload(Person.role_rows))
        ).one()
        try:
            if item.expires_at <= now():
                return None, "expired"
            if address_of(item.person) is None:
                return None, "no_address"
            settings: Settings = self.app.extensions["lms_settings"]
            return compose(session, item, WRITERS[item.kind], settings, now()), "void"
        finally:
            session.rollback()  # no transaction stays open while the mail is on its way

    def _close_after(self, item_id: str, send: Callable[[], None]) -> None:
        try:
            send()
        except Undeliverable as error:
            reason = str(error)
            write(lambda session: outbox.close(session, item_id, "failed", now(), reason))
        except Postponed as error:
            reason = str(error)
            write(lambda session: outbox.postpone(session, item_id, now(), reason))
        else:
            write(lambda session: outbox.close(session, item_id, "sent", now()))

    def every_minute(self) -> None:
        with self.app.app_context():
            waiting = outbox.due(db.session(), now())
            db.session().rollback()
            for item_id in waiting:
                self._deliver(item_id)
            write(journal.seal)

    def every_night(self) -> None:
        with self.app.app_context():
            write(lambda session: outbox.forget_receipts(session, now() - RECEIPTS_KEPT))
            write(lambda session: sessions.forget_old(session, now()))
            write(lambda session: limits.forget_old(session, now()))
            self.app.extensions["lms_store"].sweep_temp(now() - timedelta(days=1))

    def deliver_due(self, at: datetime | None = None) -> int:
        """Deliver in this process everything that is due, instead of waiting for a worker."""
        with self.app.app_context():
            waiting = outbox.due(db.session(), at or now())
            db.session().rollback()
        for item_id in waiting:
            self.deliver(item_id)
        return len(waiting)

    def start_worker(self, workers: int = 1) -> Callable[[], None]:
        """Start worker threads; returns how to stop them (a task in hand is finished first)."""
        consumer = QuietConsumer(
            self.huey, workers=workers, periodic=True, max_delay=1.0, shutdown_timeout=10
        )
        self.every_minute()
        consumer.start()
        return lambda: consumer.stop(graceful=True)


def make_mailer(settings: Settings) -> Mailer:
    if settings.mail_host is None:
        return FolderMailer(settings.instance / "mail", settings.mail_from)
    return SmtpMailer(
        host=settings.mail_host,
        port=settings.mail_port,
        tls=settings.mail_security,
        sender=settings.mail_from,
        user=settings.mail_user,
        password=settings.mail_password,
        timeout=settings.mail_timeout,
        ca_file=settings.mail_ca_file,
    )


def _queue(settings: Settings) -> Huey:
    options: dict[str, Any] = {"results": False, "utc": True}
    if settings.queue_url.startswith("sqlite:///"):
        path = Path(settings.queue_url.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not WAL: this file goes through the standard library's SQLite, whose WAL may be an old one.
        return SqliteHuey("passerelle", filename=str(path), journal_mode="delete", **options)
    return RedisHuey("passerelle", url=settings.queue_url, **options)
