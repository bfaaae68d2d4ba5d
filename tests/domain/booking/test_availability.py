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
from lms.models import AuditEvent, Availability, Room, SpecialDay
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import House

MONDAY = date(2026, 11, 30)
NINE_TO_TWELVE = Hours(time(9), time(12))


def add(house: House, hours: Hours = NINE_TO_TWELVE, until: date | None = None) -> str:
    return house.write(
        lambda s: availability.add_rule(s, factories.nadia(s), 0, hours, date(2026, 11, 1), until, NOW).id
    )


def refusal(deed: Callable[[], object]) -> str:
    with pytest.raises(Refused) as no:
        deed()
    return no.value.code


def booked(house: House, starts: str = "10:00", day: date = MONDAY) -> None:
    house.write(
        lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), wall(day.isoformat(), starts))
    )


def test_a_teacher_adds_ends_and_deletes_her_weekly_hours(house: House) -> None:
    rule = add(house)
    house.write(lambda s: availability.end_rule(s, factories.nadia(s), rule, MONDAY, NOW))
    shown = house.read(lambda s: availability.rules_of(s, factories.nadia(s), MONDAY))
    assert [one.valid_until for one in shown] == [MONDAY]
    later = MONDAY + timedelta(days=1)
    assert house.read(lambda s: availability.rules_of(s, factories.nadia(s), later)) == []
    house.write(lambda s: availability.delete_rule(s, factories.nadia(s), rule, NOW))
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
        lambda s: availability.delete_rule(s, factories.luc(s), rule, NOW),
        lambda s: availability.end_rule(s, factories.luc(s), rule, MONDAY, NOW),
    ):
        with pytest.raises(Absent):
            house.write(verb)


def close(
    house: House, by: Any, teacher: Any, hours: Hours, first: date = MONDAY, days: int = 0
) -> SpecialDay:
    return house.write(
        lambda s: availability.close(
            s, by(s), teacher and teacher(s), (first, first + timedelta(days=days)), hours, "Congé", NOW
        )
    )


ALL_DAY = Hours(None, None)


def test_only_the_coordinator_closes_the_whole_service(house: House) -> None:
    with pytest.raises(Absent):
        close(house, factories.nadia, None, ALL_DAY)
    closing = close(house, factories.claire, None, ALL_DAY)
    with pytest.raises(Absent):
        house.write(lambda s: availability.delete_special(s, factories.nadia(s), closing.id, NOW))
    add(house)
    assert refusal(lambda: booked(house)) == "slot_gone"


def test_an_extra_opening_makes_a_holiday_bookable(house: House) -> None:
    christmas = date(2026, 12, 25)
    assert refusal(lambda: booked(house, day=christmas)) == "slot_gone"

    def opening(session: Session) -> None:
        nadia = factories.nadia(session)
        availability.open_extra(session, nadia, nadia, (christmas, christmas), NINE_TO_TWELVE, "", NOW)

    house.write(opening)
    booked(house, day=christmas)


def test_a_holiday_is_opened_for_one_teacher_or_by_the_coordinator_for_all(house: House) -> None:
    christmas = date(2026, 12, 25)
    for who in (factories.nadia, factories.luc):
        house.write(lambda s, who=who: factories.rule(s, who(s), 4, "09:00", "12:00"))

    def open_for(by: Any, teacher: Any) -> SpecialDay:
        dates = (christmas, christmas)
        return house.write(
            lambda s: availability.open_extra(
                s, by(s), teacher and teacher(s), dates, ALL_DAY, "", NOW, BRUSSELS
            )
        )

    mine = open_for(factories.nadia, factories.nadia)
    assert open_for(factories.nadia, factories.nadia).id == mine.id
    booked(house, day=christmas)
    at = wall("2026-12-25", "10:00")
    with pytest.raises(Refused):
        house.write(lambda s: factories.booked(s, factories.oksana(s), factories.luc(s), at))
    with pytest.raises(Absent):
        open_for(factories.luc, None)
    open_for(factories.claire, None)
    house.write(lambda s: factories.booked(s, factories.oksana(s), factories.luc(s), at))


def test_extra_hours_that_differ_in_their_way_are_two(house: House) -> None:
    def opening(session: Session, mode: str, room: str) -> str:
        nadia, hours = factories.nadia(session), Hours(time(9), time(12), mode, room)
        return availability.open_extra(session, nadia, nadia, (MONDAY, MONDAY), hours, "", NOW, BRUSSELS).id

    by_video = house.write(lambda s: opening(s, "video", ""))
    on_site = house.write(lambda s: opening(s, "onsite", "Salle 2"))
    assert by_video != on_site
    assert house.write(lambda s: opening(s, "onsite", "SALLE 2")) == on_site


def test_the_coordinator_sees_whose_each_exception_is(house: House) -> None:
    close(house, factories.nadia, factories.nadia, ALL_DAY)
    close(house, factories.claire, None, ALL_DAY)
    close(house, factories.claire, factories.luc, ALL_DAY)
    shown = house.read(lambda s: [name for _one, name in availability.everybodys_specials(s, MONDAY)])
    assert sorted(shown) == ["", "Luc Lambert", "Nadia Dubois"]


def test_who_teaches_now_is_named_in_order(house: House) -> None:
    def cast(session: Session) -> None:
        for who in (factories.nadia, factories.luc, factories.claire, factories.samira):
            who(session)
        factories.person(session, "Ancien", "teacher").deactivated_at = NOW

    house.write(cast)
    assert [one.name for one in house.read(availability.teaching)] == ["Luc Lambert", "Nadia Dubois"]


def test_an_exception_touches_its_people_only(house: House) -> None:
    close(house, factories.nadia, factories.nadia, ALL_DAY)
    close(house, factories.claire, None, ALL_DAY)
    counts = [
        len(house.read(lambda s, who=who: availability.specials_for(s, who(s), MONDAY)))
        for who in (factories.nadia, factories.luc, factories.claire)
    ]
    assert counts == [2, 1, 1]
