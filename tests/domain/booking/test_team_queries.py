from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from lms.domain.booking import absence, appointments, attendance, team_queries
from lms.domain.errors import Absent
from lms.models import Booking, Person
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import House

TUESDAY = wall("2026-11-24", "10:00")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def hours(house: House) -> None:
    """Nadia and Luc receive by video, on every weekday from 9 to 17."""

    def offer(session: Session) -> None:
        factories.all_week(session, factories.nadia(session))
        factories.all_week(session, factories.luc(session))

    house.write(offer)


def book(
    house: House,
    starts: datetime,
    who: Callable[[Session], Person] = factories.samira,
    teacher: Callable[[Session], Person] = factories.nadia,
) -> str:
    return house.write(lambda s: factories.booked(s, who(s), teacher(s), starts).id)


def test_what_was_not_marked_is_asked_for_a_week(house: House) -> None:
    made = book(house, TUESDAY)
    book(house, TUESDAY, factories.oksana, factories.luc)

    def asked(now: datetime) -> list[str]:
        return house.read(lambda s: [one.id for one in team_queries.unmarked(s, factories.nadia(s), now)])

    assert asked(TUESDAY + HOUR / 2) == []
    assert asked(TUESDAY + HOUR) == [made]
    assert asked(TUESDAY + timedelta(days=7)) == []
    after = TUESDAY + HOUR
    house.write(lambda s: attendance.mark(s, s.get_one(Booking, made), factories.nadia(s), "done", after))
    assert asked(after) == []


def test_hours_are_exchanged_with_other_learners_of_the_same_teacher_ahead(house: House) -> None:
    mine = book(house, TUESDAY)
    book(house, TUESDAY + 24 * HOUR)  # her own other hour
    book(house, TUESDAY + 48 * HOUR, factories.oksana, factories.luc)
    other = book(house, TUESDAY + 3 * HOUR, factories.oksana)
    gone = book(house, TUESDAY + 7 * 24 * HOUR, factories.oksana)
    house.write(lambda s: appointments.cancel(s, s.get_one(Booking, gone), factories.oksana(s), "", NOW))

    def found(now: datetime) -> list[str]:
        return house.read(
            lambda s: [one.id for one in team_queries.exchangeable(s, s.get_one(Booking, mine), now)]
        )

    assert found(NOW) == [other]
    assert found(TUESDAY + 3 * HOUR) == []


def test_the_teacher_and_the_coordinator_exchange(house: House) -> None:
    mine = book(house, TUESDAY)
    for who, may in (
        (factories.nadia, True),
        (factories.claire, True),
        (factories.luc, False),
        (factories.farid, False),
    ):

        def asked(session: Session, who: Callable[[Session], Person] = who) -> str:
            return team_queries.to_swap(session, who(session), session.get_one(Booking, mine)).id

        if may:
            assert house.write(asked) == mine
        else:
            with pytest.raises(Absent):
                house.write(asked)


def test_the_page_before_names_exactly_those_whom_the_deed_cancels(house: House) -> None:
    book(house, TUESDAY)
    book(house, TUESDAY + 4 * HOUR, factories.oksana)
    now, day = TUESDAY + HOUR / 2, date(2026, 11, 24)
    before = house.read(lambda s: team_queries.day_of(s, factories.nadia(s), day, now))
    off = house.write(lambda s: absence.call_off(s, factories.nadia(s), factories.nadia(s), day, now))
    after = house.read(lambda s: team_queries.day_of(s, factories.nadia(s), day, now))
    assert [one.id for one in before.ahead] == [one.id for one in off] == [one.id for one in after.called_off]
    assert [one.learner.name for one in before.ahead] == ["Oksana Bondar"]
    assert (before.closed, before.called_off) == (False, [])
    assert (after.closed, after.ahead, after.offers) == (True, [], 0)
