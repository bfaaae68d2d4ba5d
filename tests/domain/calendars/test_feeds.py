from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import appointments
from lms.domain.calendars import feeds
from lms.models import AuditEvent, Booking, BookingState, CalendarFeed, Person, WaitlistEntry
from tests import factories
from tests.factories import NOW, wall
from tests.support.narrow import present
from tests.support.school import School

FRIDAY = wall("2026-11-27", "14:00")
MONTHS = timedelta(days=60)


@pytest.fixture
def school(school: School) -> School:
    def offer(session: Session) -> None:
        factories.samira(session)
        factories.all_week(session, factories.nadia(session))
        factories.all_week(session, factories.luc(session))

    school.write(offer)
    return school


def with_feed(
    school: School, token: str = "a token", who: Any = factories.samira, now: datetime = NOW
) -> None:
    school.write(lambda s: feeds.create_feed(s, who(s), token, now=now))


def person(school: School, who: Callable[[Session], Person]) -> Person:
    return school.write(who)


def known(school: School, token: str) -> bool:
    return school.read(lambda s: feeds.feed_by_token(s, token)) is not None


def shown(school: School, who: Any, now: datetime = NOW) -> list[tuple[str, str]]:
    """Whose first name and in which state, as her calendar reads it."""
    me = person(school, who).id

    def names(session: Session) -> list[tuple[str, str]]:
        return [
            ((one.learner if one.teacher_id == me else one.teacher).first_name, one.state)
            for one in feeds.feed_bookings(session, me, now=now)
        ]

    return school.read(names)


def book(school: School, who: Any, teacher: Any, starts: datetime = FRIDAY) -> str:
    return school.write(lambda s: factories.booked(s, who(s), teacher(s), starts).id)


def cancel(school: School, booking_id: str, now: datetime = NOW) -> None:
    school.write(
        lambda s: appointments.cancel(
            s, factories.nadia(s), s.get_one(Booking, booking_id), "", now=now, zone=BRUSSELS
        )
    )


def test_an_address_is_known_by_its_secret_and_only_the_digest_is_kept(school: School) -> None:
    with_feed(school)
    assert known(school, "a token")
    assert not known(school, "another token")
    kept = school.read(lambda s: s.scalars(select(CalendarFeed.token_hash)).one())
    assert len(kept) == 64
    assert "token" not in kept


def test_the_secret_has_256_bits_and_is_another_each_time() -> None:
    tokens = {feeds.new_token() for _ in range(50)}
    assert len(tokens) == 50
    assert {len(token) for token in tokens} == {43}


def test_a_new_address_kills_the_old_one(school: School) -> None:
    with_feed(school, "old")
    with_feed(school, "new")
    assert (known(school, "old"), known(school, "new")) == (False, True)


def test_who_stops_has_no_address_and_stopping_twice_is_no_fault(school: School) -> None:
    with_feed(school)
    for _ in range(2):
        school.write(lambda s: feeds.revoke_feed(s, None, factories.samira(s), now=NOW))
    assert not known(school, "a token")
    assert school.read(lambda s: feeds.feed_of(s, factories.samira(s))) is None


def test_the_journal_says_that_it_was_made_and_stopped_and_no_secret(school: School) -> None:
    with_feed(school)
    school.write(lambda s: feeds.revoke_feed(s, None, factories.samira(s), now=NOW + timedelta(minutes=1)))
    lines = school.read(
        lambda s: s.execute(select(AuditEvent.action, AuditEvent.detail).order_by(AuditEvent.at)).all()
    )
    assert [tuple(line) for line in lines] == [("feed_made", ""), ("feed_revoked", "")]


def test_who_left_has_no_calendar_here_any_more(school: School) -> None:
    with_feed(school)

    def leave(session: Session) -> None:
        factories.samira(session).deactivated_at = NOW

    school.write(leave)
    assert not known(school, "a token")


def test_everybody_reads_her_own_appointments(school: School) -> None:
    book(school, factories.samira, factories.nadia)
    book(school, factories.oksana, factories.nadia, FRIDAY + timedelta(hours=1))
    book(school, factories.oksana, factories.luc, FRIDAY - timedelta(hours=1))
    assert shown(school, factories.samira) == [("Nadia", BookingState.BOOKED)]
    assert shown(school, factories.nadia) == [
        ("Samira", BookingState.BOOKED),
        ("Oksana", BookingState.BOOKED),
    ]
    assert shown(school, factories.luc) == [("Oksana", BookingState.BOOKED)]
    assert shown(school, factories.claire) == []


def test_an_hour_that_was_is_read_for_two_months(school: School) -> None:
    book(school, factories.samira, factories.nadia)
    over = FRIDAY + timedelta(hours=1)
    assert shown(school, factories.samira, over + MONTHS - timedelta(hours=1))
    assert not shown(school, factories.samira, over + MONTHS)


def test_a_cancelled_hour_is_read_as_cancelled_for_two_months(school: School) -> None:
    cancel(school, book(school, factories.samira, factories.nadia))
    for who, other in ((factories.samira, "Nadia"), (factories.nadia, "Samira")):
        assert shown(school, who, NOW + MONTHS - timedelta(hours=1)) == [(other, BookingState.CANCELLED)]
        assert shown(school, who, NOW + MONTHS) == []


@pytest.mark.parametrize("state", [BookingState.OFFERED, BookingState.DECLINED, BookingState.EXPIRED])
def test_an_hour_that_was_only_offered_is_in_nobodys_calendar(school: School, state: BookingState) -> None:
    booked = book(school, factories.samira, factories.nadia)

    def offer(session: Session) -> None:
        samira = factories.samira(session)
        entry = WaitlistEntry(learner_id=samira.id, created_by_id=samira.id, created_at=NOW)
        session.add(entry)
        session.flush()
        booking = session.get_one(Booking, booked)
        booking.state, booking.waitlist_entry_id, booking.expires_at = state, entry.id, FRIDAY

    school.write(offer)
    assert shown(school, factories.samira) == shown(school, factories.nadia) == []


def test_reading_is_noted_and_not_more_than_every_ten_minutes(school: School) -> None:
    with_feed(school)

    def read(minutes: int) -> bool:
        now = NOW + timedelta(minutes=minutes)

        def note(session: Session) -> bool:
            feed = feeds.feed_by_token(session, "a token")
            assert feed is not None
            wanted = feeds.needs_read_mark(feed, now=now)
            if wanted:
                feeds.record_read(session, feed.id, now=now)
            return wanted

        return school.write(note)

    assert [read(minutes) for minutes in (0, 9, 10, 19, 20)] == [True, False, True, False, True]


def test_a_feed_lives_while_a_calendar_reads_it(school: School) -> None:
    samira = person(school, factories.samira).id

    def live(hours: int = 0) -> bool:
        return school.read(lambda s: feeds.has_active_feed(s, samira, now=NOW + timedelta(hours=hours)))

    assert not live()
    with_feed(school)
    assert not live()  # made, but no calendar came
    school.write(lambda s: feeds.record_read(s, feeds.feed_of(s, factories.samira(s)).id, now=NOW))  # type: ignore[union-attr]
    assert live()
    assert live(47)
    assert not live(48)
    school.write(lambda s: feeds.revoke_feed(s, None, factories.samira(s), now=NOW))
    assert not live()


def test_a_calendar_that_still_asks_at_a_dead_address_is_not_alive(school: School) -> None:
    with_feed(school)
    old = school.read(lambda s: present(feeds.feed_of(s, factories.samira(s))).id)
    with_feed(school, "new")
    school.write(lambda s: feeds.record_read(s, old, now=NOW))
    samira = person(school, factories.samira).id
    assert not school.read(lambda s: feeds.has_active_feed(s, samira, now=NOW))
