from __future__ import annotations

from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain.booking import availability
from lms.domain.booking.availability import Hours
from lms.domain.errors import Absent, Refused
from lms.models import AuditEvent, Availability, Booking, Room, SpecialDay
from tests import make
from tests.house import House
from tests.make import BRUSSELS, NOW, wall

MONDAY = date(2026, 11, 30)
NINE_TO_TWELVE = Hours(time(9), time(12))


def add(house: House, hours: Hours = NINE_TO_TWELVE, until: date | None = None) -> str:
    return house.write(
        lambda s: availability.add_rule(s, make.nadia(s), 0, hours, date(2026, 11, 1), until, NOW).id
    )


def refusal(deed: Callable[[], object]) -> str:
    with pytest.raises(Refused) as no:
        deed()
    return no.value.code


def strays(house: House, teacher: Any = make.nadia) -> list[bool]:
    return house.read(
        lambda s: [stray.closed for stray in availability.strays(s, teacher and teacher(s), NOW, BRUSSELS)]
    )


def booked(house: House, starts: str = "10:00", day: date = MONDAY) -> None:
    house.write(lambda s: make.booked(s, make.samira(s), make.nadia(s), wall(day.isoformat(), starts)))


def test_a_teacher_adds_ends_and_deletes_her_weekly_hours(house: House) -> None:
    rule = add(house)
    house.write(lambda s: availability.end_rule(s, make.nadia(s), rule, MONDAY, NOW))
    shown = house.read(lambda s: availability.rules_of(s, make.nadia(s), MONDAY))
    assert [one.valid_until for one in shown] == [MONDAY]
    later = MONDAY + timedelta(days=1)
    assert house.read(lambda s: availability.rules_of(s, make.nadia(s), later)) == []
    house.write(lambda s: availability.delete_rule(s, make.nadia(s), rule, NOW))
    assert house.read(lambda s: s.scalar(select(func.count()).select_from(Availability))) == 0
    notes = house.read(lambda s: s.scalars(select(AuditEvent.detail).order_by(AuditEvent.detail)).all())
    assert notes == ["added", "deleted", "ended"]


def test_hours_that_make_no_sense_are_refused_with_their_reason(house: House) -> None:
    assert refusal(lambda: add(house, Hours(time(12), time(9)))) == "hours_backward"
    assert refusal(lambda: add(house, Hours(time(9), time(9, 45)))) == "hours_too_short"
    assert refusal(lambda: add(house, Hours(time(9), None))) == "hours_missing"
    assert refusal(lambda: add(house, Hours(time(9), time(12), "onsite"))) == "room_missing"
    assert refusal(lambda: add(house, until=date(2026, 10, 1))) == "dates_backward"


def test_a_room_is_made_once_by_its_name(house: House) -> None:
    add(house, Hours(time(9), time(12), "onsite", "Salle 2"))
    add(house, Hours(time(13), time(15), "both", "SALLE 2"))
    assert house.read(lambda s: s.scalars(select(Room.name)).all()) == ["Salle 2"]


def test_nobody_changes_the_hours_of_another_teacher(house: House) -> None:
    rule = add(house)
    for verb in (
        lambda s: availability.delete_rule(s, make.luc(s), rule, NOW),
        lambda s: availability.end_rule(s, make.luc(s), rule, MONDAY, NOW),
    ):
        with pytest.raises(Absent):
            house.write(verb)


def test_deleting_hours_touches_no_booking_but_shows_it(house: House) -> None:
    rule = add(house)
    booked(house)
    assert strays(house) == []
    house.write(lambda s: availability.delete_rule(s, make.nadia(s), rule, NOW))
    assert strays(house) == [False]
    assert house.read(lambda s: s.scalars(select(Booking.state)).all()) == ["booked"]
    assert strays(house, make.luc) == []
    assert strays(house, None) == [False]


def close(
    house: House, by: Any, teacher: Any, hours: Hours, first: date = MONDAY, days: int = 0
) -> SpecialDay:
    return house.write(
        lambda s: availability.close(
            s, by(s), teacher and teacher(s), (first, first + timedelta(days=days)), hours, "Congé", NOW
        )
    )


ALL_DAY = Hours(None, None)


def test_a_closure_cancels_nothing_and_warns_of_what_it_covers(house: House) -> None:
    add(house)
    booked(house)
    close(house, make.nadia, make.nadia, Hours(time(11), time(12)))
    assert strays(house) == []
    closing = close(house, make.nadia, make.nadia, ALL_DAY, days=3)
    assert strays(house) == [True]
    house.write(lambda s: availability.delete_special(s, make.nadia(s), closing.id, NOW))
    assert strays(house) == []


def test_only_the_coordinator_closes_the_whole_service(house: House) -> None:
    with pytest.raises(Absent):
        close(house, make.nadia, None, ALL_DAY)
    closing = close(house, make.claire, None, ALL_DAY)
    with pytest.raises(Absent):
        house.write(lambda s: availability.delete_special(s, make.nadia(s), closing.id, NOW))
    add(house)
    assert refusal(lambda: booked(house)) == "slot_gone"


def test_an_extra_opening_makes_a_holiday_bookable(house: House) -> None:
    armistice = date(2026, 12, 25)
    assert refusal(lambda: booked(house, day=armistice)) == "slot_gone"

    def opening(session: Session) -> None:
        nadia = make.nadia(session)
        availability.open_extra(session, nadia, nadia, (armistice, armistice), NINE_TO_TWELVE, "", NOW)

    house.write(opening)
    booked(house, day=armistice)
    assert strays(house) == []


def test_the_holidays_within_the_horizon_are_named(house: House) -> None:
    service = house.write(make.school)
    found = availability.holidays_ahead(service, NOW.date(), "fr")
    assert (date(2026, 12, 25), "Noël") in found
    assert all(NOW.date() <= day <= NOW.date() + timedelta(days=60) for day, _name in found)


def test_an_exception_touches_its_people_only(house: House) -> None:
    close(house, make.nadia, make.nadia, ALL_DAY)
    close(house, make.claire, None, ALL_DAY)
    counts = [
        len(house.read(lambda s, who=who: availability.specials_for(s, who(s), MONDAY)))
        for who in (make.nadia, make.luc, make.claire)
    ]
    assert counts == [2, 1, 1]
