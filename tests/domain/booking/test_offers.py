"""Whatever frees or opens an hour, those who wait are asked in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from functools import partial

import pytest
from sqlalchemy.orm import Session

from lms.domain.booking import absence, appointments, availability, occupancy, waitlist
from lms.domain.booking.availability import WeeklyHours
from lms.domain.errors import Absent
from lms.models import MORNING, Booking, Mode, Person
from tests import factories
from tests.factories import BRUSSELS, NOW, Who, wall
from tests.support.school import School
from tests.support.waitlist import (
    HOUR,
    TUESDAY,
    WHOLE_DAY,
    book,
    entries_in_order,
    give_back,
    grace,
    offered_slots,
    refusal,
    someone,
    the_offer,
    wait,
)

SATURDAY = wall("2026-11-28", "10:00")
TEN = WeeklyHours(time(10), time(11))


def rule(
    school: School,
    weekday: int,
    start: str,
    end: str,
    mode: str = "video",
    *,
    valid_until: date | None = None,
) -> None:
    school.write(
        lambda s: factories.rule(s, factories.nadia(s), weekday, start, end, mode, valid_until=valid_until)
    )


def test_an_hour_left_by_a_move_is_offered(school: School) -> None:
    rule(school, 1, "10:00", "12:00")
    made = book(school, TUESDAY)
    wait(school, factories.samira)
    school.write(
        lambda s: appointments.move(
            s,
            factories.oksana(s),
            s.get_one(Booking, made),
            TUESDAY + HOUR,
            Mode.VIDEO,
            now=NOW,
            zone=BRUSSELS,
        )
    )
    assert offered_slots(school) == {"Samira": TUESDAY}


def test_half_an_hour_left_by_a_move_is_no_hour_to_offer(school: School) -> None:
    rule(school, 1, "10:00", "11:00")
    rule(school, 1, "10:30", "11:30")
    made = book(school, TUESDAY)
    wait(school, factories.samira)
    school.write(
        lambda s: appointments.move(
            s,
            factories.oksana(s),
            s.get_one(Booking, made),
            TUESDAY + HOUR / 2,
            Mode.VIDEO,
            now=NOW,
            zone=BRUSSELS,
        )
    )
    assert offered_slots(school) == {}


def test_new_weekly_hours_are_offered_one_to_each_who_waits(school: School) -> None:
    wait(school, factories.samira, now=NOW - HOUR)
    wait(school, grace)
    school.write(
        lambda s: availability.add_rule(
            s, factories.nadia(s), 1, TEN, date(2026, 11, 23), None, now=NOW, zone=BRUSSELS
        )
    )
    assert sorted(offered_slots(school).values()) == [TUESDAY, wall("2026-12-01", "10:00")]


def test_extra_hours_of_one_day_are_offered(school: School) -> None:
    wait(school, factories.samira)
    day = (SATURDAY.date(), SATURDAY.date())
    school.write(
        lambda s: availability.add_extra_hours(
            s, factories.nadia(s), factories.nadia(s), day, TEN, "", now=NOW, zone=BRUSSELS
        )
    )
    assert offered_slots(school) == {"Samira": SATURDAY}


@pytest.mark.parametrize("whose", [factories.nadia, None], ids=["of a teacher", "of the service"])
def test_a_closed_day_that_opens_again_is_offered(
    school: School, whose: Callable[[Session], Person] | None
) -> None:
    rule(school, 1, "10:00", "11:00", valid_until=TUESDAY.date())

    def closed(session: Session) -> str:
        claire = factories.claire(session)
        teacher = whose(session) if whose else None
        return factories.closed(session, teacher, "2026-11-24", "2026-11-24", claire).id

    day = school.write(closed)
    wait(school, factories.samira)
    school.write(lambda s: availability.delete_special(s, factories.claire(s), day, now=NOW, zone=BRUSSELS))
    assert offered_slots(school) == {"Samira": TUESDAY}


def test_a_room_that_is_given_back_frees_the_hour_of_another_teacher_in_it(school: School) -> None:
    rule(school, 5, "10:00", "11:00", "onsite")
    school.write(lambda s: factories.rule(s, factories.luc(s), 5, "10:15", "11:15", "onsite"))
    made = book(school, SATURDAY, mode="onsite")
    wait(school, factories.samira, teacher=factories.luc)
    give_back(school, made)
    offer = the_offer(school)
    assert offer.teacher.first_name == "Luc"
    assert offer.starts == wall("2026-11-28", "10:15")
    assert offer.room is not None
    assert school.read(occupancy.find_mismatches) == []


def test_a_room_of_an_offer_that_is_taken_back_serves_another_teacher(school: School) -> None:
    rule(school, 5, "10:00", "11:00", "onsite")
    school.write(lambda s: factories.rule(s, factories.luc(s), 5, "10:15", "11:15", "onsite"))
    made = book(school, SATURDAY, mode="onsite")
    wait(school, factories.samira, teacher=factories.nadia)
    give_back(school, made)
    wait(school, grace, teacher=factories.luc)
    assert offered_slots(school) == {"Samira": SATURDAY}
    school.write(
        lambda s: absence.cancel_day(
            s, factories.nadia(s), factories.nadia(s), SATURDAY.date(), now=NOW, zone=BRUSSELS
        )
    )
    assert offered_slots(school) == {"Grace": wall("2026-11-28", "10:15")}


def test_an_hour_beyond_the_horizon_is_offered_to_nobody(school: School) -> None:
    rule(school, 1, "10:00", "11:00")
    made = book(school, wall("2026-12-01", "10:00"))
    school.write(lambda s: setattr(factories.organisation(s), "horizon_days", 5))
    wait(school, factories.samira)
    give_back(school, made)
    assert offered_slots(school) == {}


def test_the_day_that_comes_into_sight_is_offered_before_others_look(school: School) -> None:
    rule(school, 1, "10:00", "11:00")
    school.write(lambda s: setattr(factories.organisation(s), "horizon_days", 5))
    wait(school, factories.samira, parts=MORNING)
    book(school, TUESDAY)
    week_later = wall("2026-12-01", "10:00")
    for morning in ("2026-11-25", "2026-11-26"):
        school.write(partial(waitlist.offer_new_days, now=wall(morning, "08:17"), zone=BRUSSELS))
        assert offered_slots(school) == {}
    school.write(lambda s: waitlist.offer_new_days(s, now=wall("2026-11-27", "08:17"), zone=BRUSSELS))
    assert offered_slots(school) == {"Samira": week_later}


def test_a_day_that_came_into_sight_while_no_worker_ran_is_offered_later(school: School) -> None:
    rule(school, 1, "10:00", "11:00", valid_until=date(2026, 12, 1))
    school.write(lambda s: setattr(factories.organisation(s), "horizon_days", 5))
    wait(school, factories.samira, parts=MORNING)
    book(school, TUESDAY)
    late = wall("2026-11-30", "14:17")  # the day has been in sight since Friday
    school.write(partial(waitlist.offer_new_days, now=late, zone=BRUSSELS))
    assert offered_slots(school) == {"Samira": wall("2026-12-01", "10:00")}


def test_an_hour_that_the_teacher_closed_meanwhile_is_offered_to_nobody(school: School) -> None:
    rule(school, 1, "10:00", "11:00")
    made = book(school, TUESDAY)
    school.write(
        lambda s: factories.closed(s, factories.nadia(s), "2026-11-24", "2026-11-24", factories.nadia(s))
    )
    wait(school, factories.samira)
    give_back(school, made)
    assert offered_slots(school) == {}


# -- the wish itself -----------------------------------------------------------------------------


def test_a_wish_that_cannot_be_is_refused(school: School) -> None:
    school.write(factories.samira)
    for parts in (0, -1, 8):
        assert refusal(partial(wait, school, factories.samira, parts=parts)) == "no_part_of_day"
    assert refusal(lambda: wait(school, factories.samira, teacher=factories.oksana)) == "teacher_gone"
    school.write(lambda s: setattr(factories.luc(s), "deactivated_at", NOW))
    assert refusal(lambda: wait(school, factories.samira, teacher=factories.luc)) == "teacher_gone"
    assert refusal(lambda: wait(school, factories.nadia)) == "not_bookable"


def test_the_team_sees_the_line_in_its_order(school: School) -> None:
    school.write(factories.nadia)
    wait(school, grace, parts=MORNING, now=NOW)
    wait(school, factories.samira, teacher=factories.nadia, now=NOW - HOUR)
    shown = school.read(
        lambda s: [(e.learner.name, e.teacher and e.teacher.name) for e in entries_in_order(s)]
    )
    assert shown == [("Samira", "Nadia Dubois"), ("Grace Mbala", None)]


def test_an_offer_is_found_by_the_learner_to_whom_it_was_made_and_nobody_else(school: School) -> None:
    rule(school, 1, "10:00", "11:00")
    made = book(school, TUESDAY)
    wait(school, factories.samira)
    give_back(school, made)
    offer = the_offer(school)

    def found(who: Who, offer_id: str) -> str:
        return school.read(lambda s: waitlist.offer_for(s, who(s), offer_id).id)

    assert found(factories.samira, offer.id) == offer.id
    for who, what in ((factories.oksana, offer.id), (factories.nadia, offer.id), (factories.oksana, made)):
        with pytest.raises(Absent):
            found(who, what)


def test_it_takes_as_many_statements_for_one_who_waits_as_for_thirty(school: School) -> None:
    rule(school, 1, "09:00", "18:00")
    counts: list[int] = []
    for count in (1, 30):
        made = book(school, TUESDAY + len(counts) * HOUR)
        for number in range(count):
            # Everybody is looked at: only the last one would come then.
            last = number == count - 1
            wait(school, someone(f"Learner-{count}-{number}"), parts=WHOLE_DAY if last else 4)
        with school.counting_statements() as sent:
            give_back(school, made)
        counts.append(len(sent))
        assert len(offered_slots(school)) == len(counts)
    assert counts[0] == counts[1]
