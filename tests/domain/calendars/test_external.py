"""A calendar elsewhere from the day it is added: read, unchanged, failing, told, mended, removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import external_clashes, waitlist
from lms.domain.calendars.external import (
    MOST,
    MOST_MISREAD_DAYS,
    Event,
    add_calendar,
    due_calendars,
    misread_days,
    record_failure,
    record_unchanged,
    remove_calendar,
    request_refresh,
    start_fetch,
    store_events,
)
from lms.domain.errors import Absent, Refused
from lms.models import Booking, BookingState, ExternalBusyTime, ExternalCalendar, OutboxItem, Person
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ADDRESS = "https://cloud.example.be/remote.php/nadia?export"


def asked(school: School, ask: Callable[[Session, Person], None]) -> None:
    school.write(lambda s: ask(s, factories.nadia(s)))


def spans(session: Session) -> list[tuple[datetime, datetime]]:
    rows = session.execute(
        select(ExternalBusyTime.starts, ExternalBusyTime.ends).order_by(ExternalBusyTime.starts)
    )
    return [(starts, ends) for starts, ends in rows]


def told(session: Session) -> list[tuple[str, str, int]]:
    rows = session.scalars(select(OutboxItem).order_by(OutboxItem.sequence))
    return [(row.kind, row.about_id, row.sequence) for row in rows]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://cloud.example.be/a?b=c", "https://cloud.example.be/a?b=c"),
        ("  webcal://Cloud.Example.BE:443/a#top ", "https://cloud.example.be/a"),
        ("WEBCALS://cloud.example.be", "https://cloud.example.be/"),
        ("https://cloud.example.be:8443/a", "https://cloud.example.be:8443/a"),
        ("\u200ehttps://cloud.example.be/\u200ba\u200f", "https://cloud.example.be/a"),
        ("https://école.example.be/a", "https://xn--cole-9oa.example.be/a"),
        ("https://[2001:db8::1]/a", "https://[2001:db8::1]/a"),
    ],
)
def test_an_address_is_kept_in_one_spelling(school: School, typed: str, kept: str) -> None:
    def ask(session: Session, nadia: Person) -> None:
        assert add_calendar(session, nadia, typed, now=NOW).address == kept
        with pytest.raises(Refused, match="calendar_known"):
            add_calendar(session, nadia, kept, now=NOW)

    asked(school, ask)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("http://cloud.example.be/a", "calendar_not_https"),
        ("file:///etc/passwd", "calendar_address"),
        ("ftp://cloud.example.be/a", "calendar_address"),
        ("cloud.example.be/a", "calendar_address"),
        ("https://nadia:secret@cloud.example.be/a", "calendar_address"),
        ("https://@cloud.example.be/a", "calendar_address"),
        ("https:///a", "calendar_address"),
        ("https://cloud.example.be:99999/a", "calendar_address"),
        ("https://[x/a", "calendar_address"),
        ("https://cloud.example.be/a b", "calendar_address"),
        ("https://cloud.example.be/é", "calendar_address"),
        ("https://" + "x" * 70 + ".example.be/", "calendar_address"),
        ("https://cloud.example.be/" + "x" * 1000, "calendar_address"),
        ("", "calendar_address"),
    ],
)
def test_what_is_no_address_of_a_calendar_is_refused(school: School, typed: str, code: str) -> None:
    def ask(session: Session, nadia: Person) -> None:
        with pytest.raises(Refused, match=code):
            add_calendar(session, nadia, typed, now=NOW)

    asked(school, ask)


def test_three_calendars_are_the_most(school: School) -> None:
    def ask(session: Session, nadia: Person) -> None:
        for number in range(MOST):
            add_calendar(session, nadia, f"https://cloud.example.be/{number}", now=NOW)
        with pytest.raises(Refused, match="calendar_too_many"):
            add_calendar(session, nadia, "https://cloud.example.be/more", now=NOW)
        add_calendar(session, factories.luc(session), "https://cloud.example.be/more", now=NOW)

    asked(school, ask)


def test_a_calendar_belongs_to_its_teacher(school: School) -> None:
    def ask(session: Session, nadia: Person) -> None:
        calendar, luc = add_calendar(session, nadia, ADDRESS, now=NOW), factories.luc(session)
        operations: tuple[Callable[[], object], ...] = (
            lambda: remove_calendar(session, luc, calendar.id, now=NOW, zone=BRUSSELS),
            lambda: request_refresh(session, luc, "x"),
        )
        for operation in operations:
            with pytest.raises(Absent):
                operation()

    asked(school, ask)


def test_what_was_read_takes_the_place_of_what_was_known(school: School) -> None:
    def ask(session: Session, nadia: Person) -> None:
        calendar, at = add_calendar(session, nadia, ADDRESS, now=NOW), NOW
        other = add_calendar(session, nadia, ADDRESS + "&other", now=NOW)
        store_events(
            session, other.id, [Event("x", at + 9 * HOUR, at + 10 * HOUR)], "", now=NOW, zone=BRUSSELS
        )
        first = [Event("a", at + 2 * HOUR, at + 3 * HOUR), Event("b", at, at + HOUR)]
        store_events(session, calendar.id, first, '"v1"', now=NOW, zone=BRUSSELS)
        overlapping = [
            Event("a", at + 2 * HOUR, at + 4 * HOUR),
            Event("b", at + 3 * HOUR, at + 5 * HOUR),
            Event("c", at + 5 * HOUR, at + 6 * HOUR),
            Event("d", at + 8 * HOUR, at + 8 * HOUR),
        ]
        store_events(session, calendar.id, overlapping, '"v2"', now=NOW + HOUR, zone=BRUSSELS)
        assert spans(session) == [(at + 2 * HOUR, at + 6 * HOUR), (at + 9 * HOUR, at + 10 * HOUR)]
        assert (calendar.etag, calendar.read_at) == ('"v2"', NOW + HOUR)
        store_events(session, calendar.id, [], "", now=NOW + 2 * HOUR, zone=BRUSSELS)
        remove_calendar(session, nadia, other.id, now=NOW, zone=BRUSSELS)
        assert spans(session) == []

    asked(school, ask)


def test_the_school_s_own_appointments_do_not_make_her_busy(school: School) -> None:
    """She subscribes to her own feed elsewhere, and that calendar is read here."""

    def ask(session: Session, nadia: Person) -> None:
        factories.all_week(session, nadia, "09:00", "12:00")
        booking = factories.booked(session, factories.samira(session), nadia, wall("2026-11-25", "10:00"))
        calendar = add_calendar(session, nadia, ADDRESS, now=NOW)
        events = [Event(f"more-{n}", NOW + n * DAY, NOW + n * DAY + HOUR) for n in range(1, 3)]
        store_events(
            session,
            calendar.id,
            [Event(booking.uid, booking.starts, booking.ends), *events],
            "",
            now=NOW,
            zone=BRUSSELS,
        )
        assert len(spans(session)) == 2
        assert external_clashes.upcoming_clashes(session, nadia, now=NOW) == []

    asked(school, ask)


def test_a_calendar_is_read_every_half_hour_the_longest_waiting_first(school: School) -> None:
    def ask(session: Session, nadia: Person) -> None:
        one, two, three = (add_calendar(session, nadia, f"{ADDRESS}{n}", now=NOW) for n in range(3))
        left = add_calendar(session, factories.luc(session), ADDRESS, now=NOW)
        factories.luc(session).deactivated_at = NOW
        session.flush()
        assert len(due_calendars(session, now=NOW)) == 2
        assert left.id not in due_calendars(session, limit=9, now=NOW)
        for number, calendar in enumerate((two, one, three)):
            assert start_fetch(session, calendar.id, now=NOW + timedelta(minutes=number)) is not None
        session.flush()
        # Another worker that was given the same calendar finds it in hand.
        assert start_fetch(session, two.id, now=NOW + timedelta(minutes=3)) is None
        assert due_calendars(session, now=NOW + timedelta(minutes=29)) == []
        assert due_calendars(session, now=NOW + timedelta(minutes=45)) == [two.id, one.id]
        request_refresh(session, nadia, three.id)
        session.flush()
        assert due_calendars(session, now=NOW + timedelta(minutes=4)) == [three.id]
        assert start_fetch(session, "no such", now=NOW) is None

    asked(school, ask)


def test_once_a_day_and_after_a_failure_it_is_read_whole(school: School) -> None:
    def ask(session: Session, nadia: Person) -> None:
        factories.organisation(session).horizon_days = 60
        calendar = add_calendar(session, nadia, ADDRESS, now=NOW)

        def said(after: timedelta) -> str:
            job = start_fetch(session, calendar.id, now=NOW + after)
            assert job is not None
            assert job.address == ADDRESS
            assert job.first <= NOW + after - DAY
            assert job.last > NOW + after + 66 * DAY
            return job.etag

        assert said(timedelta()) == ""
        store_events(session, calendar.id, [], '"v1"', now=NOW, zone=BRUSSELS)
        assert said(HOUR) == '"v1"'
        record_unchanged(session, calendar.id, now=NOW + HOUR)
        assert calendar.read_at == NOW + HOUR
        assert said(2 * HOUR) == '"v1"'
        record_failure(session, calendar.id, RefusalCode.CALENDAR_BROKEN, now=NOW + 2 * HOUR)
        assert said(3 * HOUR) == ""
        store_events(session, calendar.id, [], '"v2"', now=NOW + 3 * HOUR, zone=BRUSSELS)
        assert said(DAY) == ""

    asked(school, ask)


def test_what_fails_keeps_what_was_known_and_is_told_once_after_a_day(school: School) -> None:
    def ask(session: Session, nadia: Person) -> None:
        calendar = add_calendar(session, nadia, ADDRESS, now=NOW)
        store_events(session, calendar.id, [Event("a", NOW, NOW + HOUR)], '"v1"', now=NOW, zone=BRUSSELS)
        for hours in (1, 12, 24):
            record_failure(session, calendar.id, RefusalCode.CALENDAR_BROKEN, now=NOW + hours * HOUR)
        assert (calendar.failing_since, calendar.error) == (NOW + HOUR, "calendar_broken")
        assert calendar.read_at == NOW
        assert told(session) == []
        for hours in (25, 26, 49, 99):
            record_failure(session, calendar.id, RefusalCode.CALENDAR_DENIED, now=NOW + hours * HOUR)
        assert [row[:2] for row in told(session)] == [("calendar_failing", calendar.id)]
        assert spans(session) == [(NOW, NOW + HOUR)]

        record_unchanged(session, calendar.id, now=NOW + 100 * HOUR)
        assert (calendar.failing_since, calendar.error) == (None, "")
        record_failure(session, calendar.id, RefusalCode.CALENDAR_DENIED, now=NOW + 101 * HOUR)
        assert len(told(session)) == 1
        record_failure(session, calendar.id, RefusalCode.CALENDAR_DENIED, now=NOW + 125 * HOUR)
        assert len(told(session)) == 2

    asked(school, ask)


def test_misread_events_are_counted_with_their_days_until_the_next_good_reading(school: School) -> None:
    def ask(session: Session, nadia: Person) -> None:
        calendar = add_calendar(session, nadia, ADDRESS, now=NOW)
        today = NOW.date()
        bad = [None, today - DAY, today + DAY, today, today + DAY, *(today + n * DAY for n in range(2, 20))]
        store_events(session, calendar.id, [], "", bad, now=NOW, zone=BRUSSELS)
        assert calendar.misread == 23
        assert misread_days(calendar) == [today + n * DAY for n in range(MOST_MISREAD_DAYS)]
        record_failure(session, calendar.id, RefusalCode.CALENDAR_NOT_UNDERSTOOD, now=NOW + HOUR)
        record_unchanged(session, calendar.id, now=NOW + 2 * HOUR)
        assert calendar.misread == 23
        store_events(session, calendar.id, [], "", [today - DAY], now=NOW + 3 * HOUR, zone=BRUSSELS)
        assert (calendar.misread, misread_days(calendar)) == (1, [today - DAY])
        store_events(session, calendar.id, [], "", now=NOW + 4 * HOUR, zone=BRUSSELS)
        assert (calendar.misread, misread_days(calendar)) == (0, [])

    asked(school, ask)


def test_what_is_read_after_the_calendar_was_removed_is_dropped(school: School) -> None:
    def ask(session: Session, nadia: Person) -> None:
        calendar = add_calendar(session, nadia, ADDRESS, now=NOW)
        remove_calendar(session, nadia, calendar.id, now=NOW, zone=BRUSSELS)
        session.flush()
        store_events(session, calendar.id, [Event("a", NOW, NOW + HOUR)], "", now=NOW, zone=BRUSSELS)
        record_unchanged(session, calendar.id, now=NOW)
        record_failure(session, calendar.id, RefusalCode.CALENDAR_BROKEN, now=NOW)
        assert session.scalars(select(ExternalCalendar)).all() == []
        assert spans(session) == []

    asked(school, ask)


@pytest.mark.parametrize("how", ["moved", "removed"])
def test_an_hour_that_is_free_again_is_offered_to_who_waits(school: School, how: str) -> None:
    def ask(session: Session, nadia: Person) -> None:
        factories.all_week(session, nadia, "09:00", "10:00")
        calendar, samira = add_calendar(session, nadia, ADDRESS, now=NOW), factories.samira(session)
        whole = Event("leave", wall("2026-11-24", "00:00"), wall("2027-03-01", "00:00"))
        store_events(session, calendar.id, [whole], "", now=NOW, zone=BRUSSELS)
        waitlist.join_waitlist(session, samira, samira, None, 7, None, now=NOW)
        store_events(session, calendar.id, [whole], "", now=NOW, zone=BRUSSELS)
        assert session.scalars(select(Booking)).all() == []
        if how == "moved":
            store_events(
                session,
                calendar.id,
                [whole._replace(starts=wall("2026-11-26", "00:00"))],
                "",
                now=NOW,
                zone=BRUSSELS,
            )
        else:
            remove_calendar(session, nadia, calendar.id, now=NOW, zone=BRUSSELS)
        (offer,) = session.scalars(select(Booking)).all()
        assert (offer.state, offer.learner_id) == (BookingState.OFFERED, samira.id)
        assert offer.starts == wall("2026-11-24", "09:00")

    asked(school, ask)
