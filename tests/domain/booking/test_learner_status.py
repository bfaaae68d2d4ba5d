from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain.booking import absence, appointments, learner_status, waitlist
from lms.domain.booking.learner_status import Pending
from lms.models import Booking, WaitlistEntry
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import House

TUESDAY = wall("2026-11-24", "10:00")
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def teachers(house: House) -> None:
    def offer(session: Session) -> None:
        factories.all_week(session, factories.nadia(session))
        factories.all_week(session, factories.luc(session))

    house.write(offer)


def hers(house: House, now: datetime = NOW) -> Pending:
    return house.read(lambda s: learner_status.of(s, factories.samira(s), now))


def book(house: House, now: datetime = NOW) -> str:
    return house.write(
        lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), TUESDAY + 7 * DAY, now=now).id
    )


def wait(house: House, now: datetime = NOW) -> str:
    return house.write(
        lambda s: waitlist.join(s, factories.samira(s), factories.samira(s), None, 7, None, now).id
    )


def offer(house: House) -> str:
    """Oksana gives an hour back for which Samira waits."""

    def deed(session: Session) -> str:
        oksana = factories.oksana(session)
        hour = factories.booked(session, oksana, factories.nadia(session), TUESDAY)
        waitlist.join(session, factories.samira(session), factories.samira(session), None, 7, None, NOW)
        appointments.cancel(session, hour, oksana, "", NOW)
        return waitlist.open_offers(session, factories.samira(session), NOW)[0].id

    return house.write(deed)


def fall_ill(house: House, now: datetime = NOW) -> None:
    def deed(session: Session) -> None:
        nadia = factories.nadia(session)
        absence.call_off(session, nadia, nadia, (TUESDAY + 7 * DAY).date(), now)

    house.write(deed)


def test_who_asked_for_nothing_has_nothing_open(house: House) -> None:
    house.write(lambda s: factories.samira(s) and None)
    assert hers(house) == Pending([], None, None, None)


def test_a_living_wish_and_an_offer_are_open(house: House) -> None:
    one = offer(house)
    found = hers(house)
    assert [booking.id for booking in found.offers] == [one]
    assert found.wish is not None
    assert found.wish.teacher is None
    assert found.offers[0].teacher.first_name == "Nadia", "read without another statement"


def test_an_offer_whose_time_is_over_is_not_open_even_before_the_worker_saw_it(house: House) -> None:
    offer(house)
    assert hers(house, NOW + DAY).offers == []


def test_for_a_week_who_did_not_answer_is_asked_whether_she_still_waits(house: House) -> None:
    one = offer(house)
    over = NOW + timedelta(hours=13)
    house.write(lambda s: waitlist.expire(s, one, over))
    assert hers(house, over + 6 * DAY).lapsed is not None
    assert hers(house, over + 8 * DAY).lapsed is None
    wait(house, over)
    assert hers(house, over).lapsed is None
    house.write(lambda s: waitlist.leave(s, factories.samira(s), factories.samira(s), over + DAY))
    assert hers(house, over + DAY).lapsed is None, "she said herself that she waits no longer"


def test_a_called_off_hour_stays_in_sight_until_three_days_after_it(house: House) -> None:
    one = book(house)
    fall_ill(house)
    found = hers(house).called_off
    assert found is not None
    assert found.id == one
    assert hers(house, TUESDAY + 9 * DAY).called_off is not None
    assert hers(house, TUESDAY + 11 * DAY).called_off is None


def test_a_called_off_hour_is_forgotten_once_she_has_a_new_one(house: House) -> None:
    book(house)
    fall_ill(house)
    house.write(lambda s: factories.booked(s, factories.samira(s), factories.luc(s), TUESDAY + DAY).id)
    assert hers(house).called_off is None


def test_what_she_or_the_service_cancelled_is_not_called_off(house: House) -> None:
    one = book(house)
    house.write(
        lambda s: appointments.cancel(s, s.get_one(Booking, one), factories.claire(s), "", NOW) and None
    )
    assert hers(house).called_off is None


def test_nothing_of_others_is_hers(house: House) -> None:
    offer(house)
    book(house)
    fall_ill(house)
    found = house.read(lambda s: learner_status.of(s, factories.oksana(s), NOW))
    assert found == Pending([], None, None, None)


def test_two_statements_tell_it_whatever_there_is(house: House) -> None:
    house.write(lambda s: factories.samira(s) and None)
    counts = []
    for step in (lambda: None, lambda: offer(house)):
        step()

        def ask(session: Session) -> None:
            samira = factories.samira(session)
            assert samira.role_rows
            with house.counting_statements() as sent:
                found = learner_status.of(session, samira, NOW)
                assert [one.teacher.first_name for one in found.offers] in ([], ["Nadia"])
            counts.append(len(sent))

        house.read(ask)
    assert counts == [2, 2]


def test_of_several_wishes_the_living_one_counts_and_then_the_last_that_ended(house: House) -> None:
    first = wait(house)
    house.write(lambda s: waitlist.leave(s, factories.samira(s), factories.samira(s), NOW))
    second = wait(house, NOW + DAY)

    def last(session: Session) -> str:
        found = learner_status.last_wish(session, factories.samira(session).id)
        assert found is not None
        return found.id

    assert house.read(last) == second
    house.write(lambda s: waitlist.leave(s, factories.samira(s), factories.samira(s), NOW + 2 * DAY))
    assert house.read(last) == second
    assert house.read(lambda s: s.get_one(WaitlistEntry, first).outcome) == "withdrawn"
