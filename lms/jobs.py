"""Background jobs: deliver the outbox, expire offers, read external calendars, delete old rows.

The queue holds ids only and may lose them: a periodic job finds the due rows every minute.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from huey import Huey, RedisHuey, crontab
from huey.consumer import Consumer
from huey.storage import SqliteStorage
from sqlalchemy import select, text
from sqlalchemy.orm import Session, joinedload

from config import Settings
from lms.adapters import external_calendar, work_folder
from lms.adapters.mail.folder import MailFolder
from lms.adapters.mail.message import InlinePicture, Mailer, Postponed, Undeliverable
from lms.adapters.mail.smtp import SmtpMailer
from lms.adapters.marked_pages import draw_pages
from lms.adapters.sms.folder import SmsFolder
from lms.adapters.sms.gateway import HttpSmsGateway
from lms.adapters.sms.message import SmsSender
from lms.clock import now
from lms.current import received_store_of, settings_of, store_of
from lms.digest_job import DigestJob
from lms.domain import notices, outbox
from lms.domain.booking import kept, stored_conflicts, waitlist
from lms.domain.booking.quiet_hours import is_quiet
from lms.domain.calendars import external
from lms.domain.homework import phrases, signed_views
from lms.domain.people import kept_forms, logins
from lms.domain.people.contact import mail_address, preferred_channel, sms_number
from lms.extensions import db, write
from lms.file_jobs import DIGESTS_A_NIGHT, FileJobs, record_digests
from lms.i18n.mark_codes import CODES
from lms.inbox_job import InboxJob
from lms.models import Channel, Organisation, OutboxItem, Outcome, Person
from lms.notifications import InFeed, MailRenderer, render_email, sms
from lms.notifications import booking as booking_notifications
from lms.notifications import calendars as calendar_notifications
from lms.notifications import digest as digest_notifications
from lms.notifications import homework as homework_notifications
from lms.notifications import people as people_notifications
from lms.upload_jobs import UploadJobs

log = logging.getLogger("lms.jobs")

MAIL_RENDERERS: dict[str, MailRenderer] = {
    **people_notifications.MAIL_RENDERERS,
    **homework_notifications.MAIL_RENDERERS,
    **booking_notifications.MAIL_RENDERERS,
    **calendar_notifications.MAIL_RENDERERS,
    **digest_notifications.MAIL_RENDERERS,
}
# Kinds of messages that may leave as an SMS too.
SMS_RENDERERS = booking_notifications.SMS_RENDERERS
RECEIPTS_KEPT = timedelta(days=31)


class QueueFile(SqliteStorage):
    """The queue in an SQLite file, with a connection for each operation.

    The library would keep one connection open as long as the process lives.
    """

    @contextmanager
    def db(self, commit: bool = False, close: bool = False) -> Iterator[Any]:
        with super().db(commit=commit, close=True) as cursor:
            yield cursor


class QuietConsumer(Consumer):
    """A consumer that can run in a thread: the server handles SIGTERM."""

    def _set_signal_handlers(self) -> None:
        pass


@dataclass(frozen=True)
class Delivery:
    """A message and its channel. `send` None: the row is handed over to the team, at most `until` then."""

    channel: Channel
    send: Callable[[], None] | None = None
    invited: bool = False
    until: datetime | None = None


class Jobs:
    """The queue of an instance and its tasks."""

    def __init__(
        self, app: Flask, settings: Settings, mailer: Mailer, sms_sender: SmsSender | None = None
    ) -> None:
        self.app = app
        self.mailer = mailer
        self.sms_sender = sms_sender
        self.files = FileJobs(app)
        self.uploads = UploadJobs(app)
        self.inbox = InboxJob(app)
        self.digest = DigestJob(app)
        self.huey = _queue(settings)
        self._deliver = self.huey.task()(self.deliver)
        self._read_calendars = self.huey.task()(self.read_calendars)
        self._read_inbox = self.huey.task()(self.inbox.read)
        self.files.call_worker = self.huey.task()(self.files.wake)
        self._reading = threading.Lock()
        self.huey.periodic_task(crontab(minute="*"))(self.every_minute)
        self.huey.periodic_task(crontab(minute="17", hour="3"))(self.every_night)
        self.huey.periodic_task(crontab(minute="17"))(self.every_hour)
        self.huey.periodic_task(crontab(minute="0"))(self.digest.post)
        self.huey.periodic_task(crontab(minute="47"))(self.delete_orphans)

    def wake(self, item_ids: list[str]) -> None:
        """Put new rows into the queue. If this fails, the periodic job finds them within a minute."""
        try:
            for item_id in item_ids:
                self._deliver(item_id)
        except Exception:
            log.exception("the queue did not take %s rows; the periodic job will", len(item_ids))

    def deliver(self, item_id: str) -> None:
        """Claim one row, render its message, send it with no transaction open, close the row."""
        with self.app.app_context():
            if not write(lambda session: outbox.claim_item(session, item_id, now=now())):
                return
            delivery = self._prepare(item_id)
            if isinstance(delivery, Outcome):
                write(lambda session: outbox.close_item(session, item_id, delivery, now=now()))
            elif delivery.send is None:
                until = delivery.until
                write(lambda session: outbox.hand_over(session, item_id, until=until, now=now()))
            else:
                self._close_after(item_id, delivery, delivery.send)

    def _prepare(self, item_id: str) -> Delivery | Outcome:
        """Return the delivery of the row, or the outcome that closes it without one."""
        pictures = self._draw_pictures(item_id)
        session: Session = db.session()
        item = session.scalars(
            select(OutboxItem)
            .where(OutboxItem.id == item_id)
            .options(joinedload(OutboxItem.person).selectinload(Person.role_rows))
        ).one()
        try:
            if item.expires_at <= now():
                return Outcome.EXPIRED
            channel = self._channel(item)
            if channel is None:
                return Outcome.NO_ADDRESS
            if channel == Channel.MAIL:
                return self._mail(session, item, pictures) or Outcome.VOID
            by = self._text if channel == Channel.SMS else self._by_hand
            return by(session, item) or Outcome.VOID
        except InFeed:
            return Outcome.IN_FEED
        finally:
            session.rollback()  # no transaction stays open while the message is sent

    def _channel(self, item: OutboxItem) -> Channel | None:
        if item.kind in homework_notifications.ANSWERS:
            return Channel.MAIL
        if item.kind not in SMS_RENDERERS:
            return Channel.MAIL if mail_address(item.person) else None
        channel = preferred_channel(item.person, gateway=self.sms_sender is not None)
        if channel is None and item.kind in booking_notifications.IN_PERSON and not item.person.is_staff:
            return Channel.HAND
        return channel

    @property
    def settings(self) -> Settings:
        return settings_of(self.app)

    def _draw_pictures(self, item_id: str) -> list[InlinePicture]:
        """Draw what the mail of the row shows, with no transaction open."""
        session = db.session()
        try:
            pages = homework_notifications.pages_to_draw(session, item_id)
        finally:
            session.rollback()
        letters = {str(code): words.letter for code, words in CODES.items()}
        return draw_pages(store_of(self.app), self.settings.temp, pages, letters)

    def _mail(self, session: Session, item: OutboxItem, pictures: Sequence[InlinePicture]) -> Delivery | None:
        renderer = MAIL_RENDERERS[item.kind]
        email = render_email(session, item, renderer, self.settings, now(), pictures)
        if email is None:
            return None
        return Delivery(Channel.MAIL, lambda: self.mailer.send(email), invited=email.calendar is not None)

    def _by_hand(self, session: Session, item: OutboxItem) -> Delivery | None:
        until = booking_notifications.hand_deadline(session, item, self.settings, now())
        return None if until is None else Delivery(Channel.HAND, until=until)

    def _text(self, session: Session, item: OutboxItem) -> Delivery | None:
        message = sms.render_sms(session, item, SMS_RENDERERS[item.kind], self.settings, now())
        sms_sender, number, key = self.sms_sender, sms_number(item.person), item.id
        if message is None or number is None or sms_sender is None:
            return None
        return Delivery(Channel.SMS, lambda: sms_sender.send(number, message, key))

    def _close_after(self, item_id: str, delivery: Delivery, send: Callable[[], None]) -> None:
        outcome, reason = Outcome.SENT, ""
        try:
            send()
        except Undeliverable as error:
            outcome, reason = Outcome.FAILED, str(error)
        except Postponed as error:
            reason = str(error)
            write(lambda session: outbox.postpone(session, item_id, reason, now=now()))
            return
        write(
            lambda session: outbox.close_item(
                session,
                item_id,
                outcome,
                reason,
                channel=delivery.channel,
                invited=delivery.invited and outcome == Outcome.SENT,
                now=now(),
            )
        )

    def every_minute(self) -> None:
        """Deliver due rows, end uploads, prepare files, free what is over, read calendars and the mailbox."""
        with self.app.app_context():
            waiting = outbox.due_items(db.session(), now=now())
            db.session().rollback()
            for item_id in waiting:
                self._deliver(item_id)
            self.free_overdue()
            write(lambda session: kept_forms.delete_old_forms(session, now=now()))
        self.uploads.end_whole()
        self.files.wake()
        self._read_calendars()
        if self.settings.has_inbox:
            self._read_inbox()

    def free_overdue(self) -> None:
        """Expire overdue offers and end what is kept too long, each in a transaction of its own.

        The requests that book do it too: what is over blocks nothing, whether a worker runs or not.
        """
        over, zone = waitlist.overdue_offers(db.session(), now=now()), self.settings.time_zone
        kept_too_long = kept.overdue_kept(db.session(), now=now())
        db.session().rollback()
        for offer_id in over:
            write(partial(waitlist.expire_offer, offer_id=offer_id, now=now(), zone=zone))
        for booking_id in kept_too_long:
            write(partial(kept.end_kept, booking_id=booking_id, now=now(), zone=zone))

    def read_calendars(self) -> None:
        """Read the due calendars in one worker at a time: a slow remote server must not delay messages."""
        if not self._reading.acquire(blocking=False):
            return  # the next periodic job tries again
        try:
            with self.app.app_context():
                due = external.due_calendars(db.session(), now=now())
                db.session().rollback()
            for calendar_id in due:
                self.read_calendar(calendar_id)
        finally:
            self._reading.release()

    def read_calendar(self, calendar_id: str) -> None:
        """Claim a calendar, fetch it with no transaction open, store its busy times."""
        settings = self.settings
        with self.app.app_context():
            job = write(lambda session: external.start_fetch(session, calendar_id, now=now()))
            if job is None:
                return
            try:
                found = external_calendar.read_calendar(
                    job.address,
                    job.etag,
                    job.first,
                    job.last,
                    zone=settings.time_zone.key,
                    hosts=settings.calendar_hosts,
                    ca_file=settings.calendar_ca_file,
                )
            except external_calendar.CalendarError as refusal:
                code = refusal.code
                write(lambda session: external.record_failure(session, calendar_id, code, now=now()))
                return
            if found is None:
                write(lambda session: external.record_unchanged(session, calendar_id, now=now()))
                return
            events = [external.Event(*event) for event in found.events]
            etag, misread = found.etag, found.misread
            write(
                lambda session: external.store_events(
                    session, calendar_id, events, etag, misread, now=now(), zone=settings.time_zone
                )
            )

    def every_night(self) -> None:
        """Close stale messages; delete what is old; let the database count its rows; read old pictures."""
        with self.app.app_context():
            write(lambda session: outbox.close_stale(session, now=now()))
            write(lambda session: outbox.delete_old_receipts(session, now() - RECEIPTS_KEPT))
            write(lambda session: notices.delete_old_notices(session, now=now()))
            write(lambda session: logins.delete_old_logins(session, now=now()))
            write(lambda session: signed_views.delete_expired_views(session, now=now()))
            write(lambda session: phrases.delete_forgotten(session, now=now()))
            write(lambda session: session.execute(text("ANALYZE")))
        self.uploads.delete_expired()
        self.inbox.delete_old()
        self.files.delete_unused_voices()
        record_digests(self.app, DIGESTS_A_NIGHT)
        self.delete_temporary_files(now() - timedelta(days=1))

    def delete_orphans(self) -> None:
        """Delete the received and the partial files of no row: a process was killed before it had one."""
        self.files.delete_orphans()
        self.uploads.delete_orphans()

    def delete_temporary_files(self, older_than: datetime | None = None) -> None:
        """Delete the temporary files of killed processes; those of running ones are locked.

        `older_than`: of unfinished files in the store only those that did not change since.
        """
        work_folder.delete_unused(self.settings.temp)
        for store in (store_of(self.app), received_store_of(self.app)):
            store.sweep_temp(older_than)
        for name in ("mail", "sms"):  # written in an instant, so they carry no lock
            work_folder.delete_unused(self.settings.instance / name, now() - timedelta(days=1), "*.part")

    def every_hour(self) -> None:
        """Look at all appointments again; offer the new days of the horizon to the waitlist.

        No offers in the quiet hours: an SMS makes a sound.
        """
        zone = self.settings.time_zone
        self.store_conflicts()
        with self.app.app_context():
            organisation = db.session().get(Organisation, 1)
            if organisation is None or is_quiet(organisation, now(), zone=zone):
                return
            db.session().rollback()
            write(lambda session: waitlist.offer_new_days(session, now=now(), zone=zone))

    def store_conflicts(self) -> None:
        """Look at all appointments again: another release, zone or list of holidays opens other hours."""
        with self.app.app_context():
            zone = self.settings.time_zone
            write(lambda session: stored_conflicts.store_all(session, now=now(), zone=zone))

    def deliver_due(self, at: datetime | None = None) -> int:
        """Deliver in this process everything that is due, instead of waiting for a worker."""
        with self.app.app_context():
            waiting = outbox.due_items(db.session(), now=at or now())
            db.session().rollback()
        for item_id in waiting:
            self.deliver(item_id)
        return len(waiting)

    def start_worker(self, workers: int = 1) -> Callable[[], None]:
        """Start worker threads; return a function that stops them once the current tasks are finished.

        Starts one more than `workers`, because one may be waiting for an external calendar, one more with a
        mailbox; and `files`.
        """
        waiting = 2 if self.settings.has_inbox else 1
        consumer = QuietConsumer(
            self.huey, workers=workers + waiting, periodic=True, max_delay=1.0, shutdown_timeout=10
        )
        self.delete_temporary_files()
        self.delete_orphans()
        self.every_minute()
        self.files.start()
        consumer.start()
        return partial(self.files.stop, partial(consumer.stop, graceful=True))


def make_mailer(settings: Settings) -> Mailer:
    """Return the SMTP mailer of the settings, or a folder when no mail server is configured."""
    if settings.mail_host is None:
        return MailFolder(settings.instance / "mail", settings.mail_from)
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


def make_sms_sender(settings: Settings) -> SmsSender | None:
    """Return the SMS sender of the settings; None when the instance sends no SMS."""
    if settings.sms_url is not None:
        return HttpSmsGateway(
            settings.sms_url, token=settings.sms_token, sender=settings.sms_from, timeout=settings.sms_timeout
        )
    return SmsFolder(settings.instance / "sms") if settings.sends_texts else None


def _queue(settings: Settings) -> Huey:
    options: dict[str, Any] = {"results": False, "utc": True}
    if settings.queue_url.startswith("sqlite:///"):
        path = Path(settings.queue_url.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not WAL: the library uses the standard library's SQLite, which may be older than `SAFE_WAL`.
        return Huey(
            "passerelle", storage_class=QueueFile, filename=str(path), journal_mode="delete", **options
        )
    return RedisHuey("passerelle", url=settings.queue_url, **options)
