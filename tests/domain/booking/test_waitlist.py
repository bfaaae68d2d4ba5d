"""The rules of the line, each as a sentence."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from lms.domain.booking import absence, occupancy, offers, waitlist
from lms.models import AFTERNOON, EVENING, MORNING, Booking, OutboxItem
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import House
from tests.support.waitlist import (
    DAY,
    HOUR,
    TUESDAY,
    amina,
    answer,
    book,
    expire,
    give_back,
    grace,
    offered_slots,
    outcome,
    refusal,
    the_offer,
    wait,
)


@pytest.fixture(autouse=True)
def nadia_receives(house: House) -> None:
    """Nadia by video on weekdays from 9 to 18; nothing of Luc until a test says so."""
    house.write(lambda s: factories.all_week(s, factories.nadia(s), "09:00", "18:00"))


# -- the order -----------------------------------------------------------------------------------


def test_who_waits_longest_is_asked_first_and_the_hour_is_held_for_her(house: House) -> None:
    made = book(house, TUESDAY)
    wait(house, factories.samira, now=NOW)
    wait(house, grace, now=NOW - HOUR)
    give_back(house, made)
    assert offered_slots(house) == {"Grace": TUESDAY}
    assert refusal(lambda: book(house, TUESDAY, factories.samira)) == "slot_taken"
    assert house.read(occupancy.broken) == []


def test_she_is_written_to_once_and_until_her_time_is_over(house: House) -> None:
    made = book(house, TUESDAY)
    wait(house, factories.samira)
    give_back(house, made)
    asked = select(OutboxItem).where(OutboxItem.kind == "booking_offer")
    item = house.read(lambda s: s.scalars(asked).one())
    offer = the_offer(house)
    assert (item.person_id, item.about_id, item.expires_at) == (offer.learner_id, offer.id, offer.expires_at)


def test_whose_teacher_could_not_come_is_asked_before_all_others(house: House) -> None:
    book(house, TUESDAY + DAY, factories.samira)
    wait(house, grace, now=NOW - DAY)
    made = book(house, TUESDAY)
    wednesday = date(2026, 11, 25)
    house.write(
        lambda s: absence.call_off(s, factories.nadia(s), factories.nadia(s), wednesday, NOW) and None
    )
    give_back(house, made)
    assert offered_slots(house) == {"Samira": TUESDAY}


def test_each_is_offered_one_hour_and_the_next_hour_goes_to_the_next(house: House) -> None:
    made = [
        book(house, TUESDAY + n * HOUR, who)
        for n, who in enumerate((factories.oksana, amina, factories.oksana))
    ]
    wait(house, factories.samira, now=NOW - HOUR)
    wait(house, grace)
    for one in made:
        give_back(house, one)
    assert offered_slots(house) == {"Samira": TUESDAY, "Grace": TUESDAY + HOUR}


def test_who_changes_her_wish_keeps_her_place(house: House) -> None:
    made = book(house, TUESDAY)
    first = wait(house, factories.samira, parts=EVENING, now=NOW - 2 * HOUR)
    wait(house, grace, now=NOW - HOUR)
    assert wait(house, factories.samira, parts=MORNING) == first
    give_back(house, made)
    assert offered_slots(house) == {"Samira": TUESDAY}


# -- who is not asked ----------------------------------------------------------------------------


def test_who_is_elsewhere_at_that_hour_is_skipped_and_keeps_her_place(house: House) -> None:
    house.write(lambda s: factories.all_week(s, factories.luc(s)))
    made = book(house, TUESDAY)
    book(house, TUESDAY, factories.samira, factories.luc)
    place = wait(house, factories.samira, now=NOW - HOUR)
    wait(house, grace)
    give_back(house, made)
    assert offered_slots(house) == {"Grace": TUESDAY}
    assert outcome(house, place) is None


@pytest.mark.parametrize("cap", ["weekly_cap", "open_cap"])
def test_who_has_all_she_may_have_is_skipped_and_keeps_her_place(house: House, cap: str) -> None:
    house.write(lambda s: setattr(factories.school(s), cap, 1))
    made = book(house, TUESDAY)
    book(house, TUESDAY + DAY, factories.samira)
    place = wait(house, factories.samira, now=NOW - HOUR)
    wait(house, grace)
    give_back(house, made)
    assert offered_slots(house) == {"Grace": TUESDAY}
    assert outcome(house, place) is None


def test_who_gave_the_hour_back_is_not_asked_whether_she_wants_it(house: House) -> None:
    made = book(house, TUESDAY)
    wait(house, factories.oksana, now=NOW - HOUR)
    give_back(house, made)
    assert offered_slots(house) == {}
    wait(house, grace)
    give_back(house, book(house, TUESDAY + HOUR))
    assert offered_slots(house) == {"Grace": TUESDAY + HOUR}


def test_who_no_longer_comes_is_not_asked(house: House) -> None:
    made = book(house, TUESDAY)
    wait(house, factories.samira, now=NOW - HOUR)
    wait(house, grace)
    house.write(lambda s: setattr(factories.samira(s), "deactivated_at", NOW))
    give_back(house, made)
    assert offered_slots(house) == {"Grace": TUESDAY}


@pytest.mark.parametrize(
    ("wish", "asked"),
    [
        ({"teacher": factories.nadia}, True),
        ({"teacher": factories.luc}, False),
        ({"parts": MORNING}, True),
        ({"parts": AFTERNOON | EVENING}, False),
        ({"mode": "video"}, True),
        ({"mode": "onsite"}, False),
        ({"teacher": factories.nadia, "parts": MORNING, "mode": "video"}, True),
    ],
)
def test_only_an_hour_that_would_do_is_offered(house: House, wish: dict[str, Any], asked: bool) -> None:
    house.write(lambda s: factories.luc(s) and None)
    made = book(house, TUESDAY)
    wait(house, factories.samira, **wish)
    give_back(house, made)
    assert offered_slots(house) == ({"Samira": TUESDAY} if asked else {})


@pytest.mark.parametrize(
    ("hour", "part"),
    [("11:45", MORNING), ("12:00", AFTERNOON), ("16:45", AFTERNOON), ("17:00", EVENING)],
)
@pytest.mark.parametrize("day", ["2026-11-24", "2026-07-07"], ids=["winter", "summer"])
def test_the_parts_of_the_day_are_those_of_the_clock_on_the_wall(day: str, hour: str, part: int) -> None:
    assert offers.part_of_day(wall(day, hour), BRUSSELS) == part


# -- how long ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "to_answer"),
    [(DAY * 3, 12 * HOUR), (20 * HOUR, 10 * HOUR), (3 * HOUR, HOUR * 1.5)],
    ids=["three days", "twenty hours", "three hours"],
)
def test_she_has_twelve_hours_to_answer_or_half_of_the_time(
    house: House, before: timedelta, to_answer: timedelta
) -> None:
    made = book(house, TUESDAY + 7 * DAY)
    wait(house, factories.samira)
    now = TUESDAY + 7 * DAY - before
    give_back(house, made, now)
    assert the_offer(house).expires_at == now + to_answer


def test_nearer_than_three_hours_nobody_is_asked_and_the_hour_is_simply_free(house: House) -> None:
    made = book(house, TUESDAY)
    wait(house, factories.samira)
    now = TUESDAY - 3 * HOUR + timedelta(minutes=1)
    give_back(house, made, now)
    assert offered_slots(house) == {}
    house.write(
        lambda s: (
            factories.booked(s, grace(s), factories.nadia(s), TUESDAY, by=factories.claire(s), now=now)
            and None
        )
    )


# -- yes, no, silence ----------------------------------------------------------------------------


def test_yes_is_an_appointment_like_any_other(house: House) -> None:
    made = book(house, TUESDAY)
    place = wait(house, factories.samira)
    give_back(house, made)
    offer = the_offer(house)
    answer(house, waitlist.accept)
    found = house.read(lambda s: s.get_one(Booking, offer.id))
    assert (found.state, found.expires_at, found.sequence) == ("booked", None, 0)
    assert outcome(house, place) == "accepted"
    kinds = house.read(
        lambda s: s.scalars(
            select(OutboxItem.kind).where(OutboxItem.about_id == offer.id, OutboxItem.closed_at.is_(None))
        ).all()
    )
    assert sorted(kinds) == ["booking_made", "booking_made", "booking_reminder", "booking_soon"]
    assert house.read(occupancy.broken) == []


def test_no_gives_the_hour_to_the_next_and_she_is_not_asked_for_it_again(house: House) -> None:
    made = book(house, TUESDAY)
    place = wait(house, factories.samira, now=NOW - HOUR)
    wait(house, grace)
    give_back(house, made)
    answer(house, waitlist.decline)
    assert offered_slots(house) == {"Grace": TUESDAY}
    answer(house, waitlist.decline)
    assert offered_slots(house) == {}
    give_back(house, book(house, TUESDAY, amina))
    assert offered_slots(house) == {}, "both said no to this very hour"
    give_back(house, book(house, TUESDAY + HOUR, amina))
    assert offered_slots(house) == {"Samira": TUESDAY + HOUR}
    assert outcome(house, place) is None


def test_silence_ends_the_wish_and_gives_the_hour_to_the_next(house: House) -> None:
    made = book(house, TUESDAY)
    place = wait(house, factories.samira, now=NOW - HOUR)
    wait(house, grace)
    give_back(house, made)
    first = the_offer(house)
    assert first.expires_at is not None
    expire(house, first.expires_at - timedelta(seconds=1))
    assert outcome(house, place) is None
    expire(house, first.expires_at)
    expire(house, first.expires_at)
    assert outcome(house, place) == "lapsed"
    assert offered_slots(house) == {"Grace": TUESDAY}
    assert house.read(lambda s: s.get_one(Booking, first.id).state) == "expired"


def test_after_the_time_yes_and_no_are_both_refused(house: House) -> None:
    made = book(house, TUESDAY)
    wait(house, factories.samira)
    give_back(house, made)
    over = the_offer(house).expires_at
    assert over is not None
    for verb in (waitlist.accept, waitlist.decline):
        assert refusal(lambda verb=verb: answer(house, verb, over)) == "offer_over"


def test_an_offer_that_was_taken_back_leaves_her_in_the_line(house: House) -> None:
    made = book(house, TUESDAY)
    place = wait(house, factories.samira)
    give_back(house, made)
    offer_id = the_offer(house).id
    house.write(lambda s: waitlist.take_back(s, s.get_one(Booking, offer_id), NOW))
    assert outcome(house, place) is None
    assert house.read(occupancy.broken) == []


def test_who_leaves_the_line_gives_an_offered_hour_to_the_next(house: House) -> None:
    made = book(house, TUESDAY)
    place = wait(house, factories.samira, now=NOW - HOUR)
    wait(house, grace)
    give_back(house, made)
    for _ in range(2):
        house.write(lambda s: waitlist.leave(s, factories.samira(s), factories.samira(s), NOW))
    assert outcome(house, place) == "withdrawn"
    assert offered_slots(house) == {"Grace": TUESDAY}


def test_who_books_an_hour_waits_no_longer_but_still_answers_what_was_offered(house: House) -> None:
    place = wait(house, factories.samira)
    book(house, TUESDAY, factories.samira)
    assert outcome(house, place) == "booked"
    made = book(house, TUESDAY + HOUR, factories.oksana)
    other = wait(house, grace)
    give_back(house, made)
    book(house, TUESDAY + 3 * HOUR, grace)
    assert outcome(house, other) is None
    answer(house, waitlist.accept)
    assert outcome(house, other) == "accepted"
