"""What stands on the appointments is what covers them, whatever changed that."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import delete, event, select, update
from sqlalchemy.orm import Session

from lms.domain.booking import absence, appointments, availability, stored_conflicts
from lms.domain.booking.availability import WeeklyHours
from lms.domain.people import organisation
from lms.models import Availability, Booking, ConflictReason, Person, RuleMode
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import School

MONDAY = date(2026, 11, 30)
ALL_DAY = WeeklyHours(None, None)


def stored(school: School) -> list[ConflictReason | None]:
    """What stands on the appointments, the first one first; nothing of it is wrong."""

    def ask(s: Session) -> list[ConflictReason | None]:
        assert faults(s) == []
        return list(s.scalars(select(Booking.conflict).order_by(Booking.starts)))

    return school.read(ask)


def faults(session: Session) -> list[str]:
    return stored_conflicts.find_conflict_faults(session, now=NOW, zone=BRUSSELS)


def booked(school: School, clock: str, who: Any = factories.samira, day: date = MONDAY) -> str:
    at = wall(day.isoformat(), clock)
    return school.write(lambda s: factories.booked(s, who(s), factories.nadia(s), at).id)


def close(school: School, hours: WeeklyHours = ALL_DAY) -> str:
    return school.write(
        lambda s: (
            availability.close_days(
                s, factories.nadia(s), factories.nadia(s), (MONDAY, MONDAY), hours, "", now=NOW, zone=BRUSSELS
            ).id
        )
    )


def test_two_who_swap_leave_what_was_closed_at_its_hour(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:00"))
    first, second = booked(school, "09:00"), booked(school, "11:00", factories.oksana)
    close(school, WeeklyHours(time(9), time(10)))
    school.write(lambda s: absence.accept_conflict(s, factories.nadia(s), s.get_one(Booking, first), now=NOW))
    assert stored(school) == [None, None]

    def swap(s: Session) -> None:
        both = (s.get_one(Booking, first), s.get_one(Booking, second))
        appointments.swap(s, factories.nadia(s), *both, now=NOW, zone=BRUSSELS)

    school.write(swap)
    assert stored(school) == [ConflictReason.CLOSED, None], "nobody has kept this hour for Oksana"


def test_what_is_moved_or_cancelled_is_no_conflict_any_more(school: School) -> None:
    school.write(lambda s: factories.all_week(s, factories.nadia(s), "09:00", "12:00"))
    moved, cancelled = booked(school, "09:00"), booked(school, "10:00", factories.oksana)
    close(school)
    assert stored(school) == [ConflictReason.CLOSED, ConflictReason.CLOSED]

    def decide(s: Session) -> None:
        claire, at = factories.claire(s), wall("2026-12-01", "09:00")
        mode = s.get_one(Booking, moved).mode
        appointments.move(s, claire, s.get_one(Booking, moved), at, mode, now=NOW, zone=BRUSSELS)
        appointments.cancel(s, claire, s.get_one(Booking, cancelled), "", now=NOW, zone=BRUSSELS)

    school.write(decide)
    assert stored(school) == [None, None]


def test_hours_of_another_teacher_in_a_closed_room_open_it_for_all(school: School) -> None:
    def prepare(s: Session) -> str:
        nadia = factories.nadia(s)
        factories.rule(s, nadia, 0, "10:00", "11:00", "onsite")
        factories.booked(s, factories.samira(s), nadia, wall(MONDAY.isoformat(), "10:00"), "onsite")
        return factories.room(s).name

    def close_room(s: Session) -> None:
        organisation.close_room(s, factories.claire(s), factories.room(s).id, now=NOW)
        stored_conflicts.store_all(s, now=NOW, zone=BRUSSELS)

    name = school.write(prepare)
    school.write(close_room)
    assert stored(school) == [ConflictReason.ROOM]
    hours = WeeklyHours(time(9), time(12), RuleMode.ONSITE, name)
    school.write(
        lambda s: availability.add_rule(s, factories.luc(s), 2, hours, MONDAY, None, now=NOW, zone=BRUSSELS)
    )
    assert stored(school) == [None]


@pytest.mark.parametrize("school", ["postgresql"], indirect=True)
@pytest.mark.parametrize("of_all", [False, True])
def test_who_closes_hours_has_locked_the_teacher_before_the_appointments_are_looked_at(
    school: School, of_all: bool
) -> None:
    """Otherwise an appointment that is booked at this moment would say nothing."""
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:00"))
    booked(school, "09:00")
    nadia, free = school.read(lambda s: factories.nadia(s).id), list[list[str]]()

    def look(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "conflict_accepted_at" in statement and "room_closed_at" in statement:
            unlocked = select(Person.id).where(Person.id == nadia)
            with school.engine.connect() as other:
                free.append(list(other.scalars(unlocked.with_for_update(key_share=True, skip_locked=True))))

    def close_day(s: Session) -> None:
        actor = factories.claire(s)
        teacher = None if of_all else factories.nadia(s)
        availability.close_days(s, actor, teacher, (MONDAY, MONDAY), ALL_DAY, "", now=NOW, zone=BRUSSELS)

    event.listen(school.engine, "before_cursor_execute", look)
    try:
        school.write(close_day)
    finally:
        event.remove(school.engine, "before_cursor_execute", look)
    assert free == [[]]
    assert stored(school) == [ConflictReason.CLOSED]


@pytest.mark.parametrize("school", ["postgresql"], indirect=True)
def test_who_closes_a_day_of_all_has_locked_a_teacher_whom_nobody_has_booked_yet(school: School) -> None:
    """Otherwise the first appointment of that teacher, booked at this moment, would say nothing."""
    school.write(lambda s: (factories.rule(s, factories.luc(s), 0, "09:00", "12:00"), factories.claire(s)))
    luc = school.read(lambda s: factories.luc(s).id)

    def close_day(s: Session) -> list[str]:
        actor = factories.claire(s)
        availability.close_days(s, actor, None, (MONDAY, MONDAY), ALL_DAY, "", now=NOW, zone=BRUSSELS)
        with school.engine.connect() as other:
            unlocked = select(Person.id).where(Person.id == luc)
            return list(other.scalars(unlocked.with_for_update(key_share=True, skip_locked=True)))

    assert school.write(close_day) == []


@pytest.mark.parametrize("school", ["postgresql"], indirect=True)
def test_what_is_cancelled_or_decided_while_it_is_compared_stays_so(school: School) -> None:
    """Hours on site open a room for teachers who are not locked."""
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:00"))
    cancelled, decided = booked(school, "09:00"), booked(school, "11:00", factories.oksana)
    school.write(
        lambda s: s.execute(update(Booking).where(Booking.id == decided).values(conflict=ConflictReason.BUSY))
    )
    school.write(lambda s: s.execute(delete(Availability)))
    ways = (
        lambda s: appointments.cancel(
            s, factories.nadia(s), s.get_one(Booking, cancelled), "", now=NOW, zone=BRUSSELS
        ),
        lambda s: absence.accept_conflict(s, factories.nadia(s), s.get_one(Booking, decided), now=NOW),
    )

    def change(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("UPDATE booking") and not done:
            done.append(statement)
            with Session(school.engine) as other, other.begin():
                for way in ways:
                    way(other)

    done: list[str] = []
    event.listen(school.engine, "before_cursor_execute", change)
    try:
        school.write(lambda s: stored_conflicts.store_conflicts(s, now=NOW, zone=BRUSSELS))
    finally:
        event.remove(school.engine, "before_cursor_execute", change)
    assert done
    assert school.read(lambda s: s.scalars(select(Booking.conflict)).all()) == [None, None]


def test_an_appointment_that_says_something_wrong_is_named_and_put_right(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, "09:00", "12:00"))
    made = booked(school, "09:00")
    school.write(lambda s: s.execute(update(Booking).values(conflict=ConflictReason.BUSY)))
    assert school.read(faults) == [f"booking {made}: the conflict on it is busy instead of none"]
    school.write(lambda s: stored_conflicts.store_all(s, now=NOW, zone=BRUSSELS))
    assert stored(school) == [None]


def test_thirty_appointments_are_compared_in_as_many_statements_as_one(school: School) -> None:
    school.write(lambda s: factories.all_week(s, factories.nadia(s), "07:00", "22:00"))
    counts = []
    for number in (1, 30):
        for n in range(number):
            booked(
                school,
                f"{7 + n % 15:02}:00",
                lambda s, n=n, number=number: factories.learner(s, f"Learner {number} {n}"),
                date(2026, 12, 1 if number == 1 else 2 + n // 15),
            )
        with school.counting_statements() as sent:
            assert school.read(faults) == []
        counts.append(len(sent))
    assert counts[0] == counts[1]
