"""A calendar elsewhere from the day it is added: read, unchanged, failing, told, mended, removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.booking import external_clashes, waitlist
from lms.domain.calendars.external import (
    MOST,
    Event,
    add,
    ask_again,
    begin,
    failed,
    remove,
    take,
    unchanged,
    wanting,
)
from lms.domain.errors import Absent, Refused
from lms.models import Booking, BusyCalendar, BusySpan, OutboxItem, Person
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import House

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ADDRESS = "https://cloud.example.be/remote.php/nadia?export"


def asked(house: House, ask: Callable[[Session, Person], None]) -> None:
    house.write(lambda s: ask(s, factories.nadia(s)))


def spans(session: Session) -> list[tuple[datetime, datetime]]:
    rows = session.execute(select(BusySpan.starts, BusySpan.ends).order_by(BusySpan.starts))
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
        ("https://école.example.be/a", "https://xn--cole-9oa.example.be/a"),
        ("https://[2001:db8::1]/a", "https://[2001:db8::1]/a"),
    ],
)
def test_an_address_is_kept_in_one_spelling(house: House, typed: str, kept: str) -> None:
    def ask(session: Session, nadia: Person) -> None:
        assert add(session, nadia, typed, NOW).address == kept
        with pytest.raises(Refused, match="calendar_known"):
            add(session, nadia, kept, NOW)

    asked(house, ask)


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
def test_what_is_no_address_of_a_calendar_is_refused(house: House, typed: str, code: str) -> None:
    def ask(session: Session, nadia: Person) -> None:
        with pytest.raises(Refused, match=code):
            add(session, nadia, typed, NOW)

    asked(house, ask)


def test_three_calendars_are_the_most(house: House) -> None:
    def ask(session: Session, nadia: Person) -> None:
        for number in range(MOST):
            add(session, nadia, f"https://cloud.example.be/{number}", NOW)
        with pytest.raises(Refused, match="calendar_too_many"):
            add(session, nadia, "https://cloud.example.be/more", NOW)
        add(session, factories.luc(session), "https://cloud.example.be/more", NOW)

    asked(house, ask)


def test_a_calendar_belongs_to_its_teacher(house: House) -> None:
    def ask(session: Session, nadia: Person) -> None:
        calendar, luc = add(session, nadia, ADDRESS, NOW), factories.luc(session)
        for verb in (lambda: remove(session, luc, calendar.id, NOW), lambda: ask_again(session, luc, "x")):
            with pytest.raises(Absent):
                verb()

    asked(house, ask)


def test_what_was_read_takes_the_place_of_what_was_known(house: House) -> None:
    def ask(session: Session, nadia: Person) -> None:
        calendar, at = add(session, nadia, ADDRESS, NOW), NOW
        other = add(session, nadia, ADDRESS + "&other", NOW)
        take(session, other.id, [Event("x", at + 9 * HOUR, at + 10 * HOUR)], "", NOW)
        first = [Event("a", at + 2 * HOUR, at + 3 * HOUR), Event("b", at, at + HOUR)]
        take(session, calendar.id, first, '"v1"', NOW)
        overlapping = [
            Event("a", at + 2 * HOUR, at + 4 * HOUR),
            Event("b", at + 3 * HOUR, at + 5 * HOUR),
            Event("c", at + 5 * HOUR, at + 6 * HOUR),
            Event("d", at + 8 * HOUR, at + 8 * HOUR),
        ]
        take(session, calendar.id, overlapping, '"v2"', NOW + HOUR)
        assert spans(session) == [(at + 2 * HOUR, at + 6 * HOUR), (at + 9 * HOUR, at + 10 * HOUR)]
        assert (calendar.etag, calendar.read_at) == ('"v2"', NOW + HOUR)
        take(session, calendar.id, [], "", NOW + 2 * HOUR)
        remove(session, nadia, other.id, NOW)
        assert spans(session) == []

    asked(house, ask)


def test_the_school_s_own_appointments_do_not_make_her_busy(house: House) -> None:
    """She subscribes to her own feed elsewhere, and that calendar is read here."""

    def ask(session: Session, nadia: Person) -> None:
        factories.all_week(session, nadia, "09:00", "12:00")
        booking = factories.booked(session, factories.samira(session), nadia, wall("2026-11-25", "10:00"))
        calendar = add(session, nadia, ADDRESS, NOW)
        events = [Event(f"more-{n}", NOW + n * DAY, NOW + n * DAY + HOUR) for n in range(1, 3)]
        take(session, calendar.id, [Event(booking.uid, booking.starts, booking.ends), *events], "", NOW)
        assert len(spans(session)) == 2
        assert external_clashes.conflicts(session, nadia, NOW) == []

    asked(house, ask)


def test_a_calendar_is_read_every_half_hour_the_longest_waiting_first(house: House) -> None:
    def ask(session: Session, nadia: Person) -> None:
        one, two, three = (add(session, nadia, f"{ADDRESS}{n}", NOW) for n in range(3))
        left = add(session, factories.luc(session), ADDRESS, NOW)
        factories.luc(session).deactivated_at = NOW
        session.flush()
        assert len(wanting(session, NOW)) == 2
        assert left.id not in wanting(session, NOW, limit=9)
        for number, calendar in enumerate((two, one, three)):
            assert begin(session, calendar.id, NOW + timedelta(minutes=number)) is not None
        session.flush()
        # Another worker that was given the same calendar finds it in hand.
        assert begin(session, two.id, NOW + timedelta(minutes=3)) is None
        assert wanting(session, NOW + timedelta(minutes=29)) == []
        assert wanting(session, NOW + timedelta(minutes=45)) == [two.id, one.id]
        ask_again(session, nadia, three.id)
        session.flush()
        assert wanting(session, NOW + timedelta(minutes=4)) == [three.id]
        assert begin(session, "no such", NOW) is None

    asked(house, ask)


def test_once_a_day_and_after_a_failure_it_is_read_whole(house: House) -> None:
    def ask(session: Session, nadia: Person) -> None:
        factories.school(session).horizon_days = 60
        calendar = add(session, nadia, ADDRESS, NOW)

        def said(after: timedelta) -> str:
            errand = begin(session, calendar.id, NOW + after)
            assert errand is not None
            assert errand.address == ADDRESS
            assert errand.first <= NOW + after - DAY
            assert errand.last > NOW + after + 66 * DAY
            return errand.etag

        assert said(timedelta()) == ""
        take(session, calendar.id, [], '"v1"', NOW)
        assert said(HOUR) == '"v1"'
        unchanged(session, calendar.id, NOW + HOUR)
        assert calendar.read_at == NOW + HOUR
        assert said(2 * HOUR) == '"v1"'
        failed(session, calendar.id, "calendar_broken", NOW + 2 * HOUR)
        assert said(3 * HOUR) == ""
        take(session, calendar.id, [], '"v2"', NOW + 3 * HOUR)
        assert said(DAY) == ""

    asked(house, ask)


def test_what_fails_keeps_what_was_known_and_is_told_once_after_a_day(house: House) -> None:
    def ask(session: Session, nadia: Person) -> None:
        calendar = add(session, nadia, ADDRESS, NOW)
        take(session, calendar.id, [Event("a", NOW, NOW + HOUR)], '"v1"', NOW)
        for hours in (1, 12, 24):
            failed(session, calendar.id, "calendar_broken", NOW + hours * HOUR)
        assert (calendar.failing_since, calendar.error) == (NOW + HOUR, "calendar_broken")
        assert calendar.read_at == NOW
        assert told(session) == []
        for hours in (25, 26, 49, 99):
            failed(session, calendar.id, "calendar_denied", NOW + hours * HOUR)
        assert [row[:2] for row in told(session)] == [("calendar_failing", calendar.id)]
        assert spans(session) == [(NOW, NOW + HOUR)]

        unchanged(session, calendar.id, NOW + 100 * HOUR)
        assert (calendar.failing_since, calendar.error) == (None, "")
        failed(session, calendar.id, "calendar_denied", NOW + 101 * HOUR)
        assert len(told(session)) == 1
        failed(session, calendar.id, "calendar_denied", NOW + 125 * HOUR)
        assert len(told(session)) == 2

    asked(house, ask)


def test_what_is_read_after_the_calendar_was_removed_is_dropped(house: House) -> None:
    def ask(session: Session, nadia: Person) -> None:
        calendar = add(session, nadia, ADDRESS, NOW)
        remove(session, nadia, calendar.id, NOW)
        session.flush()
        take(session, calendar.id, [Event("a", NOW, NOW + HOUR)], "", NOW)
        unchanged(session, calendar.id, NOW)
        failed(session, calendar.id, "calendar_broken", NOW)
        assert session.scalars(select(BusyCalendar)).all() == []
        assert spans(session) == []

    asked(house, ask)


@pytest.mark.parametrize("how", ["moved", "removed"])
def test_an_hour_that_is_free_again_is_offered_to_who_waits(house: House, how: str) -> None:
    def ask(session: Session, nadia: Person) -> None:
        factories.all_week(session, nadia, "09:00", "10:00")
        calendar, samira = add(session, nadia, ADDRESS, NOW), factories.samira(session)
        whole = Event("leave", wall("2026-11-24", "00:00"), wall("2027-03-01", "00:00"))
        take(session, calendar.id, [whole], "", NOW)
        waitlist.join(session, samira, samira, None, 7, None, NOW)
        take(session, calendar.id, [whole], "", NOW)
        assert session.scalars(select(Booking)).all() == []
        if how == "moved":
            take(session, calendar.id, [whole._replace(starts=wall("2026-11-26", "00:00"))], "", NOW)
        else:
            remove(session, nadia, calendar.id, NOW)
        (offer,) = session.scalars(select(Booking)).all()
        assert (offer.state, offer.learner_id) == ("offered", samira.id)
        assert offer.starts == wall("2026-11-24", "09:00")

    asked(house, ask)
