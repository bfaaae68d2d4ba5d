"""The worker reads calendars elsewhere: a real server, a real child, and what of it reaches the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms import clock
from lms.adapters.external_calendar import CODES
from lms.domain import outbox
from lms.domain.booking import occupancy
from lms.domain.calendars import external
from lms.extensions import Base, on_outbox_commit
from lms.i18n.refusals import SENTENCES
from lms.jobs import Jobs, make_mailer
from lms.models import ExternalBusyTime, ExternalCalendar, OutboxItem
from tests import factories
from tests.support.calendars import CalendarServer, calendar, event
from tests.support.school import School
from tests.support.servers import wait_until
from tests.support.smtp import SmtpServer

SOON = clock.now() + timedelta(days=3)
MEETING = event(
    f"DTSTART:{SOON:%Y%m%dT100000Z}", f"DTEND:{SOON:%Y%m%dT113000Z}", "SUMMARY:Rendez-vous chez Me Peeters"
)


def allow(school: School, server: CalendarServer) -> None:
    """Say in the settings that this server may be read although it is private."""
    school.settings = replace(school.settings, calendar_hosts=(server.door,), calendar_ca_file=server.ca_file)
    school.app.extensions["lms_settings"] = school.settings


def added(school: School, address: str) -> str:
    return school.write(lambda s: external.add_calendar(s, factories.nadia(s), address, now=clock.now()).id)


def sweep(school: School, *, later: timedelta = timedelta(0)) -> ExternalCalendar:
    """What the worker does every minute, some time later, until the queue is empty."""
    school.write(partial(_waited, later=later))
    jobs = school.app.extensions["lms_jobs"]
    jobs.every_minute()
    while (task := jobs.huey.dequeue()) is not None:
        jobs.huey.execute(task)
    return school.read(lambda s: s.scalars(select(ExternalCalendar)).one())


def _waited(session: Session, later: timedelta) -> None:
    for one in session.scalars(select(ExternalCalendar)):
        if one.tried_at is not None:
            one.tried_at -= later


def _a_mail_to_nadia(session: Session) -> None:
    calendar = session.scalars(select(ExternalCalendar).order_by(ExternalCalendar.id)).all()[-1]
    calendar.error, calendar.failing_since = "calendar_denied", clock.now() - timedelta(hours=25)
    outbox.post(session, "calendar_failing", factories.nadia(session), calendar.id, now=clock.now())


def spans(school: School) -> int:
    return len(school.read(lambda s: s.scalars(select(ExternalBusyTime)).all()))


def test_what_the_calendar_holds_hides_hours_and_leaves_no_title(
    school: School, calendars: CalendarServer
) -> None:
    allow(school, calendars)
    added(school, calendars.says(calendar(MEETING)))
    read = sweep(school)
    assert read.read_at is not None
    assert read.error == ""
    at = SOON.replace(hour=10, minute=0, second=0, microsecond=0)
    hours = school.read(
        lambda s: occupancy.externally_occupied(s, at, at + timedelta(hours=5), [factories.nadia(s).id])
    )
    assert len(hours) == 6
    everything = school.read(
        lambda s: [str(row) for table in Base.metadata.sorted_tables for row in s.execute(table.select())]
    )
    assert any("nadia.ics" in row for row in everything)
    assert not [row for row in everything if "Peeters" in row]


def test_a_calendar_that_did_not_change_is_asked_with_its_mark(
    school: School, calendars: CalendarServer
) -> None:
    allow(school, calendars)
    added(school, calendars.says(calendar(MEETING), headers={"ETag": '"v1"'}))
    first = sweep(school)
    sweep(school)
    assert len(calendars.asked) == 1
    before = clock.now() - timedelta(hours=2)
    school.write(lambda s: s.execute(update(ExternalCalendar).values(tried_at=clock.now(), read_at=before)))
    minutes = clock.now() - clock.now().replace(hour=0, minute=0, second=0)
    again = sweep(school, later=timedelta(minutes=31))
    assert len(calendars.asked) == 2
    # After midnight it is read whole once.
    assert ("If-None-Match" in calendars.asked[1][1]) is (minutes > timedelta(minutes=31))
    assert again.etag == first.etag
    assert again.read_at is not None
    assert again.read_at > before
    assert spans(school) == 1


def test_events_that_nobody_understands_keep_the_hours_that_were_read(
    school: School, calendars: CalendarServer
) -> None:
    allow(school, calendars)
    address = calendars.says(calendar(MEETING))
    added(school, address)
    sweep(school)
    lost = event("DTSTART:garbage", uid="lost")
    calendars.says(calendar(lost))
    failing = sweep(school, later=timedelta(hours=1))
    assert (failing.error, failing.misread, spans(school)) == ("calendar_not_understood", 0, 1)
    calendars.says(calendar(lost, MEETING))
    mended = sweep(school, later=timedelta(hours=1))
    assert (mended.error, mended.misread, spans(school)) == ("", 1, 1)


def test_a_login_page_keeps_what_was_read_and_after_a_day_the_teacher_is_told_once(
    school: School, calendars: CalendarServer
) -> None:
    allow(school, calendars)
    address = calendars.says(calendar(MEETING))
    added(school, address)
    sweep(school)
    calendars.says("<!doctype html><title>Sign in</title>")
    failing = sweep(school, later=timedelta(hours=1))
    assert (failing.error, spans(school)) == ("calendar_broken", 1)
    school.write(
        lambda s: s.execute(update(ExternalCalendar).values(failing_since=clock.now() - timedelta(hours=25)))
    )
    for _ in range(3):
        sweep(school, later=timedelta(hours=1))
    kinds = school.read(lambda s: s.scalars(select(OutboxItem.kind)).all())
    assert kinds == ["calendar_failing"]
    assert spans(school) == 1
    calendars.says(calendar())
    mended = sweep(school, later=timedelta(hours=1))
    assert (mended.error, mended.failing_since, spans(school)) == ("", None, 0)


def test_mails_leave_while_two_calendars_let_us_wait(school: School, smtp: SmtpServer) -> None:
    with CalendarServer() as slow:
        allow(school, slow)
        for path in ("/one.ics", "/two.ics"):
            added(school, slow.says(calendar(MEETING), path, drip=60))
        settings = replace(
            school.settings, mail_host=smtp.host, mail_port=smtp.port, mail_security="none", mail_timeout=5
        )
        jobs = Jobs(school.app, settings, make_mailer(settings))
        on_outbox_commit(school.app, jobs.wake)
        stop = jobs.start_worker()
        try:
            wait_until(lambda: bool(slow.asked), "the first calendar is asked")
            jobs.every_minute()  # nobody goes and waits for the second one meanwhile
            school.write(_a_mail_to_nadia)
            assert smtp.wait_for(1, limit=5)
        finally:
            slow.stop()
            stop()


def test_without_the_setting_a_private_server_is_never_asked(
    school: School, calendars: CalendarServer
) -> None:
    added(school, calendars.says(calendar(MEETING)))
    assert sweep(school).error == "calendar_port"
    assert calendars.asked == []


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_way_to_fail_has_its_sentence(code: str) -> None:
    assert code in SENTENCES
