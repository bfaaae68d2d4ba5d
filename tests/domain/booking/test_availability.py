from __future__ import annotations

from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain.booking import availability, special_days
from lms.domain.booking.availability import WeeklyHours
from lms.domain.errors import Absent, Refused
from lms.models import AuditEvent, Availability, Person, Room, RuleMode, SpecialDay
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import School

MONDAY = date(2026, 11, 30)
NINE_TO_TWELVE = WeeklyHours(time(9), time(12))


def add(school: School, hours: WeeklyHours = NINE_TO_TWELVE, until: date | None = None) -> str:
    return school.write(
        lambda s: (
            availability.add_rule(
                s, factories.nadia(s), 0, hours, date(2026, 11, 1), until, now=NOW, zone=BRUSSELS
            ).id
        )
    )


def refusal(operation: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        operation()
    return caught.value.code


def booked(school: School, starts: str = "10:00", day: date = MONDAY) -> None:
    school.write(
        lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), wall(day.isoformat(), starts))
    )


def test_a_teacher_adds_ends_and_deletes_her_weekly_hours(school: School) -> None:
    rule = add(school)
    school.write(lambda s: availability.end_rule(s, factories.nadia(s), rule, MONDAY, now=NOW, zone=BRUSSELS))
    shown = school.read(lambda s: availability.rules_of(s, factories.nadia(s), MONDAY))
    assert [one.valid_until for one in shown] == [MONDAY]
    later = MONDAY + timedelta(days=1)
    assert school.read(lambda s: availability.rules_of(s, factories.nadia(s), later)) == []
    school.write(lambda s: availability.delete_rule(s, factories.nadia(s), rule, now=NOW, zone=BRUSSELS))
    assert school.read(lambda s: s.scalar(select(func.count()).select_from(Availability))) == 0
    notes = school.read(lambda s: s.scalars(select(AuditEvent.detail).order_by(AuditEvent.detail)).all())
    assert notes == ["added", "deleted", "ended"]


def test_hours_that_make_no_sense_are_refused_with_their_reason(school: School) -> None:
    assert refusal(lambda: add(school, WeeklyHours(time(12), time(9)))) == "hours_backward"
    assert refusal(lambda: add(school, WeeklyHours(time(9), time(9, 45)))) == "hours_too_short"
    assert refusal(lambda: add(school, WeeklyHours(time(9), None))) == "hours_missing"
    assert refusal(lambda: add(school, WeeklyHours(time(9), time(12), RuleMode.ONSITE))) == "room_missing"
    assert refusal(lambda: add(school, until=date(2026, 10, 1))) == "dates_backward"


@pytest.mark.parametrize("spelling", ["école", "Ecole", "E\u0301COLE", "\u200fÉcole\u00a0"])
def test_hours_in_another_spelling_of_a_room_are_in_that_room(school: School, spelling: str) -> None:
    """Otherwise one place would be two rooms, and booked twice."""
    add(school, WeeklyHours(time(9), time(11), RuleMode.ONSITE, "École"))
    add(school, WeeklyHours(time(13), time(15), RuleMode.ONSITE, spelling))
    assert school.read(lambda s: s.scalars(select(Room.name)).all()) == ["École"]
    assert len(school.read(lambda s: set(s.scalars(select(Availability.room_id))))) == 1


def test_a_room_is_made_once_by_its_name(school: School) -> None:
    add(school, WeeklyHours(time(9), time(12), RuleMode.ONSITE, "Salle 2"))
    add(school, WeeklyHours(time(13), time(15), RuleMode.BOTH, "SALLE 2"))
    assert school.read(lambda s: s.scalars(select(Room.name)).all()) == ["Salle 2"]


def test_nobody_changes_the_hours_of_another_teacher(school: School) -> None:
    rule = add(school)
    for operation in (
        lambda s: availability.delete_rule(s, factories.luc(s), rule, now=NOW, zone=BRUSSELS),
        lambda s: availability.end_rule(s, factories.luc(s), rule, MONDAY, now=NOW, zone=BRUSSELS),
    ):
        with pytest.raises(Absent):
            school.write(operation)


def close(
    school: School, by: Any, teacher: Any, hours: WeeklyHours, first: date = MONDAY, days: int = 0
) -> SpecialDay:
    return school.write(
        lambda s: availability.close_days(
            s,
            by(s),
            teacher and teacher(s),
            (first, first + timedelta(days=days)),
            hours,
            "Congé",
            now=NOW,
            zone=BRUSSELS,
        )
    )


ALL_DAY = WeeklyHours(None, None)


def test_only_the_coordinator_closes_the_whole_service(school: School) -> None:
    with pytest.raises(Absent):
        close(school, factories.nadia, None, ALL_DAY)
    closing = close(school, factories.claire, None, ALL_DAY)
    with pytest.raises(Absent):
        school.write(
            lambda s: availability.delete_special(s, factories.nadia(s), closing.id, now=NOW, zone=BRUSSELS)
        )
    add(school)
    assert refusal(lambda: booked(school)) == "slot_gone"


def test_an_extra_opening_makes_a_holiday_bookable(school: School) -> None:
    christmas = date(2026, 12, 25)
    assert refusal(lambda: booked(school, day=christmas)) == "slot_gone"

    def opening(session: Session) -> None:
        nadia = factories.nadia(session)
        availability.add_extra_hours(
            session, nadia, nadia, (christmas, christmas), NINE_TO_TWELVE, "", now=NOW, zone=BRUSSELS
        )

    school.write(opening)
    booked(school, day=christmas)


def test_a_holiday_is_opened_for_one_teacher_or_by_the_coordinator_for_all(school: School) -> None:
    christmas = date(2026, 12, 25)
    teachers = (factories.nadia, factories.luc)
    school.write(lambda s: [factories.rule(s, who(s), 4, "09:00", "12:00") for who in teachers])

    def open_for(by: Any, teacher: Any) -> SpecialDay:
        dates = (christmas, christmas)
        return school.write(
            lambda s: availability.add_extra_hours(
                s, by(s), teacher and teacher(s), dates, ALL_DAY, "", now=NOW, zone=BRUSSELS
            )
        )

    mine = open_for(factories.nadia, factories.nadia)
    assert open_for(factories.nadia, factories.nadia).id == mine.id
    booked(school, day=christmas)
    at = wall("2026-12-25", "10:00")
    with pytest.raises(Refused):
        school.write(lambda s: factories.booked(s, factories.oksana(s), factories.luc(s), at))
    with pytest.raises(Absent):
        open_for(factories.luc, None)
    open_for(factories.claire, None)
    school.write(lambda s: factories.booked(s, factories.oksana(s), factories.luc(s), at))


def test_extra_hours_that_differ_in_their_way_are_two(school: School) -> None:
    def opening(session: Session, mode: RuleMode, room: str) -> str:
        nadia, hours = factories.nadia(session), WeeklyHours(time(9), time(12), mode, room)
        return availability.add_extra_hours(
            session, nadia, nadia, (MONDAY, MONDAY), hours, "", now=NOW, zone=BRUSSELS
        ).id

    by_video = school.write(lambda s: opening(s, RuleMode.VIDEO, ""))
    on_site = school.write(lambda s: opening(s, RuleMode.ONSITE, "Salle 2"))
    assert by_video != on_site
    assert school.write(lambda s: opening(s, RuleMode.ONSITE, "SALLE 2")) == on_site


def test_the_coordinator_sees_whose_each_exception_is(school: School) -> None:
    close(school, factories.nadia, factories.nadia, ALL_DAY)
    close(school, factories.claire, None, ALL_DAY)
    close(school, factories.claire, factories.luc, ALL_DAY)

    def names(session: Session, who: Callable[[Session], Person]) -> list[str]:
        _cut, shown = special_days.specials_page(session, who(session), None, MONDAY)
        return [one.teacher for one in shown]

    assert school.read(lambda s: names(s, factories.claire)) == ["", "Luc Lambert", "Nadia Dubois"]
    assert school.read(lambda s: names(s, factories.nadia)) == ["", "Nadia Dubois"], "her own and everybody’s"


def test_who_teaches_now_is_named_in_order(school: School) -> None:
    def cast(session: Session) -> None:
        for who in (factories.nadia, factories.luc, factories.claire, factories.samira):
            who(session)
        factories.person(session, "Ancien", "teacher").deactivated_at = NOW

    school.write(cast)
    assert [one.name for one in school.read(availability.active_teachers)] == ["Luc Lambert", "Nadia Dubois"]


def test_an_exception_touches_its_people_only(school: School) -> None:
    close(school, factories.nadia, factories.nadia, ALL_DAY)
    close(school, factories.claire, None, ALL_DAY)
    people = (factories.nadia, factories.luc, factories.claire)
    counts = school.read(lambda s: [len(special_days.own_specials(s, who(s), MONDAY)) for who in people])
    assert counts == [2, 1, 1]


def test_the_same_weekly_hours_entered_twice_are_one_rule(school: School) -> None:
    add(school, until=date(2026, 12, 31))
    add(school)
    last = add(school, WeeklyHours(time(9), time(12)), until=date(2026, 11, 30))
    shown = school.read(lambda s: availability.rules_of(s, factories.nadia(s), MONDAY))
    assert [(rule.id, rule.valid_until) for rule in shown] == [(last, None)]
    school.write(lambda s: availability.delete_rule(s, factories.nadia(s), last, now=NOW, zone=BRUSSELS))
    assert refusal(lambda: booked(school)) == "slot_gone"


def test_other_hours_of_the_day_are_another_rule(school: School) -> None:
    add(school)
    add(school, WeeklyHours(time(9), time(13)))
    assert len(school.read(lambda s: availability.rules_of(s, factories.nadia(s), MONDAY))) == 2


def add_days(school: School, weekdays: list[int], first: date, last: date | None = None) -> Any:
    return school.write(
        lambda s: availability.add_rules(
            s, factories.nadia(s), weekdays, NINE_TO_TWELVE, (first, last), now=NOW, zone=BRUSSELS
        )
    )


def test_hours_of_several_days_are_added_and_those_that_exist_are_told_apart(school: School) -> None:
    add(school)
    assert add_days(school, [0, 1, 2], MONDAY) == ([1, 2], [0])
    assert add_days(school, [1], MONDAY, MONDAY) == ([], [1]), "without end covers one day"
    assert add_days(school, [1], MONDAY - timedelta(days=7)) == ([1], []), "they begin earlier now"
    rules = school.read(lambda s: s.scalars(select(Availability).order_by(Availability.weekday)).all())
    assert [(rule.weekday, rule.valid_until) for rule in rules] == [(0, None), (1, None), (2, None)]


def test_hours_of_a_day_are_copied_with_their_end_and_without_a_closed_room(school: School) -> None:
    add(school, until=MONDAY)
    add(school, WeeklyHours(time(14), time(16), RuleMode.ONSITE, "Salle 9"))

    def close_and_copy(session: Session) -> list[int]:
        session.scalars(select(Room)).one().closed_at = NOW
        session.flush()
        nadia = factories.nadia(session)
        return availability.copy_day(session, nadia, 0, [0, 3], NOW.date(), now=NOW, zone=BRUSSELS)

    assert school.write(close_and_copy) == [3]
    thursday = school.read(lambda s: s.scalars(select(Availability).where(Availability.weekday == 3)).one())
    assert (thursday.start_wall, thursday.valid_from, thursday.valid_until) == (time(9), NOW.date(), MONDAY)
    assert school.read(lambda s: s.scalars(select(Room)).one().closed_at) is not None
