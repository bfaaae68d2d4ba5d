"""What closes takes back the offers that it covers, and who was asked keeps her place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.booking import availability, occupancy, waitlist, withdrawal
from lms.domain.booking.availability import WeeklyHours
from lms.domain.calendars import external
from lms.domain.calendars.external import Event
from lms.models import Availability, Booking, BookingState, Mode, PersonRole, Room, SpecialDay
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import School
from tests.support.waitlist import (
    DAY,
    HOUR,
    TUESDAY,
    answer,
    book,
    give_back,
    grace,
    offered_slots,
    outcome,
    refusal,
    the_offer,
    wait,
)

Change = Callable[[Session], object]
WHOLE_DAY = WeeklyHours(None, None)
ON = (TUESDAY.date(), TUESDAY.date())
accept = partial(waitlist.accept_offer, zone=BRUSSELS)
withdraw = partial(withdrawal.withdraw_uncovered_offers, now=NOW, zone=BRUSSELS)


@pytest.fixture
def place(school: School) -> str:
    """Nadia receives on Tuesday from 10 to 11 in a room; that hour is offered to Samira. Her entry."""
    school.write(lambda s: factories.rule(s, factories.nadia(s), 1, "10:00", "11:00", "onsite"))
    school.write(factories.luc)
    made = book(school, TUESDAY, mode="onsite")
    entry = wait(school, factories.samira)
    give_back(school, made)
    assert offered_slots(school) == {"Samira": TUESDAY}
    return entry


# -- what closes ---------------------------------------------------------------------------------


def close_the_day(s: Session) -> None:
    nadia = factories.nadia(s)
    availability.close_days(s, nadia, nadia, ON, WHOLE_DAY, "", now=NOW, zone=BRUSSELS)


def close_the_service(s: Session) -> None:
    availability.close_days(s, factories.claire(s), None, ON, WHOLE_DAY, "", now=NOW, zone=BRUSSELS)


def close_an_hour_of_it(s: Session) -> None:
    nadia, hours = factories.nadia(s), WeeklyHours(time(10, 30), time(12))
    availability.close_days(s, nadia, nadia, ON, hours, "", now=NOW, zone=BRUSSELS)


def delete_the_rule(s: Session) -> None:
    rule = s.scalars(select(Availability.id)).one()
    availability.delete_rule(s, factories.nadia(s), rule, now=NOW, zone=BRUSSELS)


def end_the_rule(s: Session) -> None:
    rule = s.scalars(select(Availability.id)).one()
    availability.end_rule(s, factories.nadia(s), rule, date(2026, 11, 23), now=NOW, zone=BRUSSELS)


def hear_of_another_duty(s: Session) -> None:
    calendar = external.add_calendar(s, factories.nadia(s), "https://cloud.example.be/x", now=NOW)
    events = [Event("x", TUESDAY + HOUR / 2, TUESDAY + HOUR)]
    external.store_events(s, calendar.id, events, "", now=NOW, zone=BRUSSELS)


CLOSINGS: list[Change] = [
    close_the_day,
    close_the_service,
    close_an_hour_of_it,
    delete_the_rule,
    end_the_rule,
    hear_of_another_duty,
]


@pytest.mark.parametrize("closing", CLOSINGS)
def test_a_closing_takes_the_offer_back_and_she_keeps_her_place(
    school: School, place: str, closing: Change
) -> None:
    offer = the_offer(school)
    school.write(closing)
    assert offered_slots(school) == {}
    assert school.read(lambda s: s.get_one(Booking, offer.id).state) == BookingState.EXPIRED
    assert outcome(school, place) is None
    assert school.read(occupancy.find_mismatches) == []


def test_extra_hours_that_are_deleted_take_back_what_was_offered_in_them(school: School) -> None:
    saturday = wall("2026-11-28", "10:00")
    place = wait(school, factories.samira)
    ten = WeeklyHours(time(10), time(11))

    def add(s: Session) -> str:
        nadia, day = factories.nadia(s), saturday.date()
        return availability.add_extra_hours(s, nadia, nadia, (day, day), ten, "", now=NOW, zone=BRUSSELS).id

    extra = school.write(add)
    assert offered_slots(school) == {"Samira": saturday}
    school.write(lambda s: availability.delete_special(s, factories.nadia(s), extra, now=NOW, zone=BRUSSELS))
    assert offered_slots(school) == {}
    assert outcome(school, place) is None


def test_a_closing_of_another_day_leaves_the_offer(school: School, place: str) -> None:
    def close(s: Session) -> None:
        nadia, day = factories.nadia(s), TUESDAY.date() + DAY
        availability.close_days(s, nadia, nadia, (day, day), WHOLE_DAY, "", now=NOW, zone=BRUSSELS)

    school.write(close)
    assert offered_slots(school) == {"Samira": TUESDAY}
    assert outcome(school, place) is None


def test_what_a_lower_cap_takes_from_one_goes_to_the_next_who_waits(school: School, place: str) -> None:
    school.write(lambda s: factories.all_week(s, factories.luc(s)))
    book(school, TUESDAY + 7 * DAY, factories.samira, factories.luc)
    wait(school, grace)

    def lower(s: Session) -> None:
        factories.organisation(s).open_cap = 1
        withdraw(s)

    school.write(lower)
    assert offered_slots(school) == {"Grace": TUESDAY}
    assert outcome(school, place) is None


def test_an_offer_outlives_a_longer_pause_while_its_hour_is_open(school: School, place: str) -> None:
    """With 15 minutes a slot began at 10:15, with 30 it begins at 10:30; the offer is of 10:00."""

    def lengthen(s: Session) -> None:
        rule = s.scalars(select(Availability)).one()
        rule.start_wall, rule.end_wall = time(8, 45), time(12)
        factories.organisation(s).onsite_buffer_minutes = 30
        withdraw(s)

    school.write(lengthen)
    assert offered_slots(school) == {"Samira": TUESDAY}
    answer(school, accept)
    made = school.read(lambda s: s.scalars(select(Booking).where(Booking.state == "booked")).one())
    assert (made.starts, made.blocked_until) == (TUESDAY, TUESDAY + HOUR + HOUR / 2)
    assert outcome(school, place) == "accepted"


def test_an_offer_that_lies_outside_the_hours_now_is_taken_back(school: School, place: str) -> None:
    def shorten(s: Session) -> None:
        s.scalars(select(Availability)).one().start_wall = time(10, 15)
        withdraw(s)

    school.write(shorten)
    assert offered_slots(school) == {}
    assert outcome(school, place) is None


def test_an_offer_whose_time_is_over_is_left_to_end_by_itself(school: School, place: str) -> None:
    over = the_offer(school).expires_at
    assert over is not None
    school.write(lambda s: close_the_day_at(s, over))
    assert the_offer(school).is_offer
    assert outcome(school, place) is None


def close_the_day_at(s: Session, now: object) -> None:
    nadia = factories.nadia(s)
    availability.close_days(s, nadia, nadia, ON, WHOLE_DAY, "", now=now, zone=BRUSSELS)  # type: ignore[arg-type]


# -- yes is checked like a booking ---------------------------------------------------------------


def no_longer_teaches(s: Session) -> None:
    s.delete(s.get_one(PersonRole, (factories.nadia(s).id, "teacher")))


def close_the_room(s: Session) -> None:
    s.scalars(select(Room)).one().closed_at = NOW


def lower_the_weekly_cap(s: Session) -> None:
    factories.organisation(s).weekly_cap = 1
    factories.rule(s, factories.luc(s), 2, "10:00", "11:00")
    samira, luc, claire = factories.samira(s), factories.luc(s), factories.claire(s)
    factories.organisation(s).weekly_cap = 2
    factories.booked(s, samira, luc, TUESDAY + DAY, by=claire)
    factories.organisation(s).weekly_cap = 1


def lower_the_open_cap(s: Session) -> None:
    lower_the_weekly_cap(s)
    factories.organisation(s).weekly_cap, factories.organisation(s).open_cap = 5, 1


def close_behind_its_back(s: Session) -> None:
    nadia = factories.nadia(s)
    s.add(
        SpecialDay(
            teacher_id=nadia.id,
            kind="closed",
            date_from=ON[0],
            date_until=ON[1],
            created_by_id=nadia.id,
            created_at=NOW,
        )
    )


def shorten_the_horizon(s: Session) -> None:
    factories.organisation(s).horizon_days = 1


def deactivate_her(s: Session) -> None:
    factories.samira(s).deactivated_at = NOW


REFUSED: list[tuple[Change, str]] = [
    (close_behind_its_back, "slot_gone"),
    (no_longer_teaches, "slot_gone"),
    (close_the_room, "slot_gone"),
    (lower_the_weekly_cap, "week_full"),
    (lower_the_open_cap, "too_many_open"),
    (shorten_the_horizon, "too_far"),
    (deactivate_her, "not_bookable"),
]


@pytest.mark.parametrize(("change", "code"), REFUSED)
def test_yes_is_refused_where_booking_would_be(school: School, place: str, change: Change, code: str) -> None:
    school.write(change)
    assert refusal(partial(answer, school, accept)) == code
    assert the_offer(school).is_offer
    assert outcome(school, place) is None


@pytest.mark.parametrize("change", [change for change, _code in REFUSED])
def test_what_yes_would_refuse_is_what_is_taken_back(school: School, place: str, change: Change) -> None:
    school.write(change)
    school.write(withdraw)
    assert offered_slots(school) == {}


def test_yes_in_the_lead_time_is_taken_because_she_was_asked(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 1, "10:00", "11:00"))
    made = book(school, TUESDAY)
    wait(school, factories.samira)
    give_back(school, made, TUESDAY - 6 * HOUR)
    answer(school, accept, TUESDAY - 5 * HOUR)
    assert school.read(lambda s: s.scalars(select(Booking.mode).where(Booking.state == "booked")).one()) == (
        Mode.VIDEO
    )
