"""Whatever frees or opens an hour, those who wait are asked in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time

import pytest
from sqlalchemy.orm import Session

from lms.domain.booking import absence, appointments, availability, occupancy, waitlist
from lms.domain.booking.availability import Hours
from lms.domain.errors import Absent
from lms.models import MORNING, Booking, Person
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import House
from tests.support.waitlist import (
    HOUR,
    TUESDAY,
    WHOLE_DAY,
    book,
    give_back,
    grace,
    offered_slots,
    refusal,
    someone,
    the_offer,
    wait,
)

SATURDAY = wall("2026-11-28", "10:00")
TEN = Hours(time(10), time(11))


def rule(house: House, *when: object, **more: object) -> None:
    house.write(lambda s: factories.rule(s, factories.nadia(s), *when, **more) and None)  # type: ignore[arg-type]


def test_an_hour_left_by_a_move_is_offered(house: House) -> None:
    rule(house, 1, "10:00", "12:00")
    made = book(house, TUESDAY)
    wait(house, factories.samira)
    house.write(
        lambda s: (
            appointments.move(
                s, s.get_one(Booking, made), factories.oksana(s), TUESDAY + HOUR, "video", NOW, BRUSSELS
            )
            and None
        )
    )
    assert offered_slots(house) == {"Samira": TUESDAY}


def test_half_an_hour_left_by_a_move_is_no_hour_to_offer(house: House) -> None:
    rule(house, 1, "10:00", "11:00")
    rule(house, 1, "10:30", "11:30")
    made = book(house, TUESDAY)
    wait(house, factories.samira)
    house.write(
        lambda s: (
            appointments.move(
                s, s.get_one(Booking, made), factories.oksana(s), TUESDAY + HOUR / 2, "video", NOW, BRUSSELS
            )
            and None
        )
    )
    assert offered_slots(house) == {}


def test_new_weekly_hours_are_offered_one_to_each_who_waits(house: House) -> None:
    wait(house, factories.samira, now=NOW - HOUR)
    wait(house, grace)
    house.write(
        lambda s: availability.add_rule(s, factories.nadia(s), 1, TEN, date(2026, 11, 23), None, NOW) and None
    )
    assert sorted(offered_slots(house).values()) == [TUESDAY, wall("2026-12-01", "10:00")]


def test_extra_hours_of_one_day_are_offered(house: House) -> None:
    wait(house, factories.samira)
    day = (SATURDAY.date(), SATURDAY.date())
    house.write(
        lambda s: (
            availability.open_extra(s, factories.nadia(s), factories.nadia(s), day, TEN, "", NOW) and None
        )
    )
    assert offered_slots(house) == {"Samira": SATURDAY}


@pytest.mark.parametrize("whose", [factories.nadia, None], ids=["of a teacher", "of the service"])
def test_a_closed_day_that_opens_again_is_offered(
    house: House, whose: Callable[[Session], Person] | None
) -> None:
    rule(house, 1, "10:00", "11:00", valid_until=TUESDAY.date())

    def closed(session: Session) -> str:
        claire = factories.claire(session)
        teacher = whose(session) if whose else None
        return factories.closed(session, teacher, "2026-11-24", "2026-11-24", claire).id

    day = house.write(closed)
    wait(house, factories.samira)
    house.write(lambda s: availability.delete_special(s, factories.claire(s), day, NOW))
    assert offered_slots(house) == {"Samira": TUESDAY}


def test_a_room_that_is_given_back_frees_the_hour_of_another_teacher_in_it(house: House) -> None:
    rule(house, 5, "10:00", "11:00", "onsite")
    house.write(lambda s: factories.rule(s, factories.luc(s), 5, "10:15", "11:15", "onsite") and None)
    made = book(house, SATURDAY, mode="onsite")
    wait(house, factories.samira, teacher=factories.luc)
    give_back(house, made)
    offer = the_offer(house)
    assert offer.teacher.first_name == "Luc"
    assert offer.starts == wall("2026-11-28", "10:15")
    assert offer.room is not None
    assert house.read(occupancy.broken) == []


def test_a_room_of_an_offer_that_is_taken_back_serves_another_teacher(house: House) -> None:
    rule(house, 5, "10:00", "11:00", "onsite")
    house.write(lambda s: factories.rule(s, factories.luc(s), 5, "10:15", "11:15", "onsite") and None)
    made = book(house, SATURDAY, mode="onsite")
    wait(house, factories.samira, teacher=factories.nadia)
    give_back(house, made)
    wait(house, grace, teacher=factories.luc)
    assert offered_slots(house) == {"Samira": SATURDAY}
    house.write(lambda s: absence.call_off(s, factories.nadia(s), factories.nadia(s), SATURDAY.date(), NOW))
    assert offered_slots(house) == {"Grace": wall("2026-11-28", "10:15")}


def test_an_hour_beyond_the_horizon_is_offered_to_nobody(house: House) -> None:
    rule(house, 1, "10:00", "11:00")
    made = book(house, wall("2026-12-01", "10:00"))
    house.write(lambda s: setattr(factories.school(s), "horizon_days", 5))
    wait(house, factories.samira)
    give_back(house, made)
    assert offered_slots(house) == {}


def test_the_day_that_comes_into_sight_is_offered_before_others_look(house: House) -> None:
    rule(house, 1, "10:00", "11:00")
    house.write(lambda s: setattr(factories.school(s), "horizon_days", 5))
    wait(house, factories.samira, parts=MORNING)
    book(house, TUESDAY)
    week_later = wall("2026-12-01", "10:00")
    for morning in ("2026-11-25", "2026-11-26"):
        house.write(lambda s, day=morning: waitlist.day_in_sight(s, wall(day, "08:17")))
        assert offered_slots(house) == {}
    house.write(lambda s: waitlist.day_in_sight(s, wall("2026-11-27", "08:17")))
    assert offered_slots(house) == {"Samira": week_later}


def test_an_hour_that_the_teacher_closed_meanwhile_is_offered_to_nobody(house: House) -> None:
    rule(house, 1, "10:00", "11:00")
    made = book(house, TUESDAY)
    house.write(
        lambda s: (
            factories.closed(s, factories.nadia(s), "2026-11-24", "2026-11-24", factories.nadia(s)) and None
        )
    )
    wait(house, factories.samira)
    give_back(house, made)
    assert offered_slots(house) == {}


# -- the wish itself -----------------------------------------------------------------------------


def test_a_wish_that_cannot_be_is_refused(house: House) -> None:
    house.write(lambda s: factories.samira(s) and None)
    for parts in (0, -1, 8):
        assert refusal(lambda parts=parts: wait(house, factories.samira, parts=parts)) == "no_part_of_day"
    assert refusal(lambda: wait(house, factories.samira, teacher=factories.oksana)) == "teacher_gone"
    house.write(lambda s: setattr(factories.luc(s), "deactivated_at", NOW))
    assert refusal(lambda: wait(house, factories.samira, teacher=factories.luc)) == "teacher_gone"
    assert refusal(lambda: wait(house, factories.nadia)) == "not_bookable"


def test_the_team_sees_the_line_in_its_order(house: House) -> None:
    house.write(lambda s: factories.nadia(s) and None)
    wait(house, grace, parts=MORNING, now=NOW)
    wait(house, factories.samira, teacher=factories.nadia, now=NOW - HOUR)
    shown = house.read(
        lambda s: [(e.learner.name, e.teacher and e.teacher.name) for e, _ in waitlist.line(s)]
    )
    assert shown == [("Samira", "Nadia Dubois"), ("Grace Mbala", None)]


def test_an_offer_is_found_by_the_learner_to_whom_it_was_made_and_nobody_else(house: House) -> None:
    rule(house, 1, "10:00", "11:00")
    made = book(house, TUESDAY)
    wait(house, factories.samira)
    give_back(house, made)
    offer = the_offer(house)
    assert house.read(lambda s: waitlist.offer_for(s, factories.samira(s), offer.id).id) == offer.id
    for who, what in ((factories.oksana, offer.id), (factories.nadia, offer.id), (factories.oksana, made)):
        with pytest.raises(Absent):
            house.read(lambda s, who=who, what=what: waitlist.offer_for(s, who(s), what).id)


def test_it_takes_as_many_statements_for_one_who_waits_as_for_thirty(house: House) -> None:
    rule(house, 1, "09:00", "18:00")
    counts = []
    for count in (1, 30):
        made = book(house, TUESDAY + len(counts) * HOUR)
        for number in range(count):
            # Everybody is looked at: only the last one would come then.
            last = number == count - 1
            wait(house, someone(f"Learner-{count}-{number}"), parts=WHOLE_DAY if last else 4)
        with house.counting_statements() as sent:
            give_back(house, made)
        counts.append(len(sent))
        assert len(offered_slots(house)) == len(counts)
    assert counts[0] == counts[1]
