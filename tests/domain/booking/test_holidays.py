from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import availability, special_days
from lms.domain.booking.availability import WeeklyHours
from lms.domain.booking.holidays import DayOff, bridge_days, days_off
from tests import factories
from tests.factories import NOW
from tests.support.school import School

CHRISTMAS, ASCENSION = date(2026, 12, 25), date(2027, 5, 6)  # a Friday, a Thursday
BRIDGE = date(2027, 5, 7)
TODAY = NOW.date()


def shown(school: School, today: date = TODAY) -> dict[date, DayOff]:
    def asked(session: Session) -> list[DayOff]:
        nadia = factories.nadia(session)
        return days_off(nadia, special_days.own_specials(session, nadia, today), today, "fr")

    return {day.date: day for day in school.write(asked)}


def test_the_holidays_of_a_year_are_named_with_their_bridge_days(school: School) -> None:
    found = shown(school)
    assert found[CHRISTMAS].name == "Noël"
    assert found[BRIDGE].name == ""
    assert date(2026, 12, 24) not in found  # a Friday makes no bridge
    assert list(found) == sorted(found)
    assert all(TODAY <= day <= date(2027, 11, 23) for day in found)


def test_the_bridge_of_yesterdays_holiday_is_still_ahead(school: School) -> None:
    assert next(iter(shown(school, BRIDGE))) == BRIDGE


def test_what_was_decided_stands_beside_its_day(school: School) -> None:
    def decide(session: Session) -> None:
        nadia, claire = factories.nadia(session), factories.claire(session)
        whole = WeeklyHours(None, None)
        availability.add_extra_hours(
            session, nadia, nadia, (CHRISTMAS, CHRISTMAS), whole, "", now=NOW, zone=BRUSSELS
        )
        availability.close_days(
            session, claire, None, (BRIDGE, BRIDGE), whole, "Pont", now=NOW, zone=BRUSSELS
        )
        # A closed holiday is no opening, and an opened bridge no closure.
        availability.close_days(
            session, nadia, nadia, (ASCENSION, ASCENSION), whole, "", now=NOW, zone=BRUSSELS
        )

    school.write(decide)
    found = shown(school)
    assert found[CHRISTMAS].mine is not None
    assert found[CHRISTMAS].whole is None
    assert found[BRIDGE].mine is None
    assert found[BRIDGE].whole is not None
    assert found[ASCENSION].mine is None
    assert found[ASCENSION].whole is None


def test_bridge_days_lie_between_a_holiday_and_the_weekend() -> None:
    ascension, monday, tuesday = date(2027, 5, 6), date(2027, 5, 17), date(2027, 9, 21)
    assert bridge_days([ascension, monday, tuesday]) == [date(2027, 5, 7), date(2027, 9, 20)]
    assert bridge_days([ascension, date(2027, 5, 7)]) == []
