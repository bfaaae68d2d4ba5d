from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.booking import appointments
from lms.domain.calendars import feeds
from lms.models import AuditEvent, Booking, CalendarFeed, Person, WaitlistEntry
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import House

FRIDAY = wall("2026-11-27", "14:00")
MONTHS = timedelta(days=60)


@pytest.fixture(autouse=True)
def teachers(house: House) -> None:
    def offer(session: Session) -> None:
        factories.samira(session)
        factories.all_week(session, factories.nadia(session))
        factories.all_week(session, factories.luc(session))

    house.write(offer)


def with_feed(house: House, token: str = "a token", who: Any = factories.samira, now: datetime = NOW) -> None:
    house.write(lambda s: feeds.make(s, who(s), token, now))


def person(house: House, who: Callable[[Session], Person]) -> Person:
    return house.write(who)


def known(house: House, token: str) -> bool:
    return house.read(lambda s: feeds.by_token(s, token)) is not None


def shown(house: House, who: Any, now: datetime = NOW) -> list[tuple[str, str]]:
    """Whose first name and in which state, as her calendar reads it."""
    me = person(house, who).id

    def names(session: Session) -> list[tuple[str, str]]:
        return [
            ((one.learner if one.teacher_id == me else one.teacher).first_name, one.state)
            for one in feeds.shown(session, me, now)
        ]

    return house.read(names)


def book(house: House, who: Any, teacher: Any, starts: datetime = FRIDAY) -> str:
    return house.write(lambda s: factories.booked(s, who(s), teacher(s), starts).id)


def cancel(house: House, booking_id: str, now: datetime = NOW) -> None:
    house.write(lambda s: appointments.cancel(s, s.get_one(Booking, booking_id), factories.nadia(s), "", now))


def test_an_address_is_known_by_its_secret_and_only_the_digest_is_kept(house: House) -> None:
    with_feed(house)
    assert known(house, "a token")
    assert not known(house, "another token")
    kept = house.read(lambda s: s.scalars(select(CalendarFeed.token_hash)).one())
    assert len(kept) == 64
    assert "token" not in kept


def test_the_secret_has_256_bits_and_is_another_each_time() -> None:
    tokens = {feeds.new_token() for _ in range(50)}
    assert len(tokens) == 50
    assert {len(token) for token in tokens} == {43}


def test_a_new_address_kills_the_old_one(house: House) -> None:
    with_feed(house, "old")
    with_feed(house, "new")
    assert (known(house, "old"), known(house, "new")) == (False, True)


def test_who_stops_has_no_address_and_stopping_twice_is_no_fault(house: House) -> None:
    with_feed(house)
    for _ in range(2):
        house.write(lambda s: feeds.revoke(s, factories.samira(s), NOW))
    assert not known(house, "a token")
    assert house.read(lambda s: feeds.of(s, factories.samira(s))) is None


def test_the_journal_says_that_it_was_made_and_stopped_and_no_secret(house: House) -> None:
    with_feed(house)
    house.write(lambda s: feeds.revoke(s, factories.samira(s), NOW + timedelta(minutes=1)))
    lines = house.read(
        lambda s: s.execute(select(AuditEvent.action, AuditEvent.detail).order_by(AuditEvent.at)).all()
    )
    assert [tuple(line) for line in lines] == [("feed_made", ""), ("feed_revoked", "")]


def test_who_left_has_no_calendar_here_any_more(house: House) -> None:
    with_feed(house)

    def leave(session: Session) -> None:
        factories.samira(session).deactivated_at = NOW

    house.write(leave)
    assert not known(house, "a token")


def test_everybody_reads_her_own_appointments(house: House) -> None:
    book(house, factories.samira, factories.nadia)
    book(house, factories.oksana, factories.nadia, FRIDAY + timedelta(hours=1))
    book(house, factories.oksana, factories.luc, FRIDAY - timedelta(hours=1))
    assert shown(house, factories.samira) == [("Nadia", "booked")]
    assert shown(house, factories.nadia) == [("Samira", "booked"), ("Oksana", "booked")]
    assert shown(house, factories.luc) == [("Oksana", "booked")]
    assert shown(house, factories.claire) == []


def test_an_hour_that_was_is_read_for_two_months(house: House) -> None:
    book(house, factories.samira, factories.nadia)
    over = FRIDAY + timedelta(hours=1)
    assert shown(house, factories.samira, over + MONTHS - timedelta(hours=1))
    assert not shown(house, factories.samira, over + MONTHS)


def test_a_cancelled_hour_is_read_as_cancelled_for_two_months(house: House) -> None:
    cancel(house, book(house, factories.samira, factories.nadia))
    for who, other in ((factories.samira, "Nadia"), (factories.nadia, "Samira")):
        assert shown(house, who, NOW + MONTHS - timedelta(hours=1)) == [(other, "cancelled")]
        assert shown(house, who, NOW + MONTHS) == []


@pytest.mark.parametrize("state", ["offered", "declined", "expired"])
def test_an_hour_that_was_only_offered_is_in_nobodys_calendar(house: House, state: str) -> None:
    booked = book(house, factories.samira, factories.nadia)

    def offer(session: Session) -> None:
        samira = factories.samira(session)
        entry = WaitlistEntry(learner_id=samira.id, made_by_id=samira.id, made_at=NOW)
        session.add(entry)
        session.flush()
        booking = session.get_one(Booking, booked)
        booking.state, booking.waitlist_entry_id, booking.expires_at = state, entry.id, FRIDAY

    house.write(offer)
    assert shown(house, factories.samira) == shown(house, factories.nadia) == []


def test_reading_is_noted_and_not_more_than_every_ten_minutes(house: House) -> None:
    with_feed(house)

    def read(minutes: int) -> bool:
        now = NOW + timedelta(minutes=minutes)

        def note(session: Session) -> bool:
            feed = feeds.by_token(session, "a token")
            assert feed is not None
            wanted = feeds.wants_note(feed, now)
            if wanted:
                feeds.note_read(session, feed.id, now)
            return wanted

        return house.write(note)

    assert [read(minutes) for minutes in (0, 9, 10, 19, 20)] == [True, False, True, False, True]


def test_a_feed_lives_while_a_calendar_reads_it(house: House) -> None:
    samira = person(house, factories.samira).id

    def live(hours: int = 0) -> bool:
        return house.read(lambda s: feeds.live(s, samira, NOW + timedelta(hours=hours)))

    assert not live()
    with_feed(house)
    assert not live()  # made, but no calendar came
    house.write(lambda s: feeds.note_read(s, feeds.of(s, factories.samira(s)).id, NOW))  # type: ignore[union-attr]
    assert live()
    assert live(47)
    assert not live(48)
    house.write(lambda s: feeds.revoke(s, factories.samira(s), NOW))
    assert not live()


def test_a_calendar_that_still_asks_at_a_dead_address_is_not_alive(house: House) -> None:
    with_feed(house)
    old = house.read(lambda s: feeds.of(s, factories.samira(s)).id)  # type: ignore[union-attr]
    with_feed(house, "new")
    house.write(lambda s: feeds.note_read(s, old, NOW))
    samira = person(house, factories.samira).id
    assert not house.read(lambda s: feeds.live(s, samira, NOW))
