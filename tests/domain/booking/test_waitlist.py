"""The rules of the line, each as a sentence."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.booking import absence, occupancy, offers, waitlist
from lms.models import AFTERNOON, EVENING, MORNING, Booking, BookingState, OutboxItem, WaitlistOutcome
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import School
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

decline = partial(waitlist.decline_offer, zone=BRUSSELS)
accept = partial(waitlist.accept_offer, zone=BRUSSELS)


@pytest.fixture
def school(school: School) -> School:
    """Nadia by video on weekdays from 9 to 18; nothing of Luc until a test says so."""
    school.write(lambda s: factories.all_week(s, factories.nadia(s), "09:00", "18:00"))
    return school


# -- the order -----------------------------------------------------------------------------------


def test_who_waits_longest_is_asked_first_and_the_hour_is_held_for_her(school: School) -> None:
    made = book(school, TUESDAY)
    wait(school, factories.samira, now=NOW)
    wait(school, grace, now=NOW - HOUR)
    give_back(school, made)
    assert offered_slots(school) == {"Grace": TUESDAY}
    assert refusal(lambda: book(school, TUESDAY, factories.samira)) == "slot_taken"
    assert school.read(occupancy.find_mismatches) == []


def test_she_is_written_to_once_and_until_her_time_is_over(school: School) -> None:
    made = book(school, TUESDAY)
    wait(school, factories.samira)
    give_back(school, made)
    asked = select(OutboxItem).where(OutboxItem.kind == "booking_offer")
    item = school.read(lambda s: s.scalars(asked).one())
    offer = the_offer(school)
    assert (item.person_id, item.about_id, item.expires_at) == (offer.learner_id, offer.id, offer.expires_at)


def test_whose_teacher_could_not_come_is_asked_before_all_others(school: School) -> None:
    book(school, TUESDAY + DAY, factories.samira)
    wait(school, grace, now=NOW - DAY)
    made = book(school, TUESDAY)
    wednesday = date(2026, 11, 25)
    school.write(
        lambda s: (
            absence.cancel_day(s, factories.nadia(s), factories.nadia(s), wednesday, now=NOW, zone=BRUSSELS)
            and None
        )
    )
    give_back(school, made)
    assert offered_slots(school) == {"Samira": TUESDAY}


def test_each_is_offered_one_hour_and_the_next_hour_goes_to_the_next(school: School) -> None:
    made = [
        book(school, TUESDAY + n * HOUR, who)
        for n, who in enumerate((factories.oksana, amina, factories.oksana))
    ]
    wait(school, factories.samira, now=NOW - HOUR)
    wait(school, grace)
    for one in made:
        give_back(school, one)
    assert offered_slots(school) == {"Samira": TUESDAY, "Grace": TUESDAY + HOUR}


def test_who_changes_her_wish_keeps_her_place(school: School) -> None:
    made = book(school, TUESDAY)
    first = wait(school, factories.samira, parts=EVENING, now=NOW - 2 * HOUR)
    wait(school, grace, now=NOW - HOUR)
    assert wait(school, factories.samira, parts=MORNING) == first
    give_back(school, made)
    assert offered_slots(school) == {"Samira": TUESDAY}


# -- who is not asked ----------------------------------------------------------------------------


def test_who_is_elsewhere_at_that_hour_is_skipped_and_keeps_her_place(school: School) -> None:
    school.write(lambda s: factories.all_week(s, factories.luc(s)))
    made = book(school, TUESDAY)
    book(school, TUESDAY, factories.samira, factories.luc)
    place = wait(school, factories.samira, now=NOW - HOUR)
    wait(school, grace)
    give_back(school, made)
    assert offered_slots(school) == {"Grace": TUESDAY}
    assert outcome(school, place) is None


@pytest.mark.parametrize("cap", ["weekly_cap", "open_cap"])
def test_who_has_all_she_may_have_is_skipped_and_keeps_her_place(school: School, cap: str) -> None:
    school.write(lambda s: setattr(factories.organisation(s), cap, 1))
    made = book(school, TUESDAY)
    book(school, TUESDAY + DAY, factories.samira)
    place = wait(school, factories.samira, now=NOW - HOUR)
    wait(school, grace)
    give_back(school, made)
    assert offered_slots(school) == {"Grace": TUESDAY}
    assert outcome(school, place) is None


def test_who_gave_the_hour_back_is_not_asked_whether_she_wants_it(school: School) -> None:
    made = book(school, TUESDAY)
    wait(school, factories.oksana, now=NOW - HOUR)
    give_back(school, made)
    assert offered_slots(school) == {}
    wait(school, grace)
    give_back(school, book(school, TUESDAY + HOUR))
    assert offered_slots(school) == {"Grace": TUESDAY + HOUR}


def test_who_no_longer_comes_is_not_asked(school: School) -> None:
    made = book(school, TUESDAY)
    wait(school, factories.samira, now=NOW - HOUR)
    wait(school, grace)
    school.write(lambda s: setattr(factories.samira(s), "deactivated_at", NOW))
    give_back(school, made)
    assert offered_slots(school) == {"Grace": TUESDAY}


@pytest.mark.parametrize(
    ("terms", "asked"),
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
def test_only_an_hour_that_would_do_is_offered(school: School, terms: dict[str, Any], asked: bool) -> None:
    school.write(factories.luc)
    made = book(school, TUESDAY)
    wait(school, factories.samira, **terms)
    give_back(school, made)
    assert offered_slots(school) == ({"Samira": TUESDAY} if asked else {})


@pytest.mark.parametrize(
    ("hour", "part"),
    [("11:45", MORNING), ("12:00", AFTERNOON), ("16:45", AFTERNOON), ("17:00", EVENING)],
)
@pytest.mark.parametrize("day", ["2026-11-24", "2026-07-07"], ids=["winter", "summer"])
def test_the_parts_of_the_day_are_those_of_the_clock_on_the_wall(day: str, hour: str, part: int) -> None:
    assert offers.part_of_day(wall(day, hour), zone=BRUSSELS) == part


# -- how long ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "to_answer"),
    [(DAY * 3, 12 * HOUR), (20 * HOUR, 10 * HOUR), (3 * HOUR, HOUR * 1.5)],
    ids=["three days", "twenty hours", "three hours"],
)
def test_she_has_twelve_hours_to_answer_or_half_of_the_time(
    school: School, before: timedelta, to_answer: timedelta
) -> None:
    def never_quiet(session: Session) -> None:
        service = factories.organisation(session)
        service.quiet_from = service.quiet_until = 0

    school.write(never_quiet)
    made = book(school, TUESDAY + 7 * DAY)
    wait(school, factories.samira)
    now = TUESDAY + 7 * DAY - before
    give_back(school, made, now)
    assert the_offer(school).expires_at == now + to_answer


def test_nearer_than_three_hours_nobody_is_asked_and_the_hour_is_simply_free(school: School) -> None:
    made = book(school, TUESDAY)
    wait(school, factories.samira)
    now = TUESDAY - 3 * HOUR + timedelta(minutes=1)
    give_back(school, made, now)
    assert offered_slots(school) == {}
    school.write(
        lambda s: factories.booked(s, grace(s), factories.nadia(s), TUESDAY, by=factories.nadia(s), now=now)
    )


# -- yes, no, silence ----------------------------------------------------------------------------


def test_yes_is_an_appointment_like_any_other(school: School) -> None:
    made = book(school, TUESDAY)
    place = wait(school, factories.samira)
    give_back(school, made)
    offer = the_offer(school)
    answer(school, accept)
    found = school.read(lambda s: s.get_one(Booking, offer.id))
    assert (found.state, found.expires_at, found.sequence) == (BookingState.BOOKED, None, 0)
    assert outcome(school, place) == WaitlistOutcome.ACCEPTED
    kinds = school.read(
        lambda s: s.scalars(
            select(OutboxItem.kind).where(OutboxItem.about_id == offer.id, OutboxItem.closed_at.is_(None))
        ).all()
    )
    assert sorted(kinds) == ["booking_made", "booking_made", "booking_reminder", "booking_soon"]
    assert school.read(occupancy.find_mismatches) == []


def test_no_gives_the_hour_to_the_next_and_she_is_not_asked_for_it_again(school: School) -> None:
    made = book(school, TUESDAY)
    place = wait(school, factories.samira, now=NOW - HOUR)
    wait(school, grace)
    give_back(school, made)
    answer(school, decline)
    assert offered_slots(school) == {"Grace": TUESDAY}
    answer(school, decline)
    assert offered_slots(school) == {}
    give_back(school, book(school, TUESDAY, amina))
    assert offered_slots(school) == {}, "both said no to this very hour"
    give_back(school, book(school, TUESDAY + HOUR, amina))
    assert offered_slots(school) == {"Samira": TUESDAY + HOUR}
    assert outcome(school, place) is None


def test_a_first_silence_keeps_the_place_and_a_second_one_ends_the_wish(
    school: School,
) -> None:
    made = book(school, TUESDAY)
    place = wait(school, factories.samira, now=NOW - HOUR)
    wait(school, grace)
    give_back(school, made)
    first = the_offer(school)
    assert first.expires_at is not None
    expire(school, first.expires_at - timedelta(seconds=1))
    assert outcome(school, place) is None
    expire(school, first.expires_at)
    expire(school, first.expires_at)
    assert outcome(school, place) is None
    assert offered_slots(school) == {"Grace": TUESDAY}
    # Another hour becomes free: the place is the same.
    other = book(school, TUESDAY + DAY)
    give_back(school, other, first.expires_at)
    assert offered_slots(school)["Samira"] == TUESDAY + DAY
    expire(school, first.expires_at + DAY)
    assert outcome(school, place) == WaitlistOutcome.LAPSED
    assert school.read(lambda s: s.get_one(Booking, first.id).state) == BookingState.EXPIRED


def test_after_the_time_yes_and_no_are_both_refused(school: School) -> None:
    made = book(school, TUESDAY)
    wait(school, factories.samira)
    give_back(school, made)
    over = the_offer(school).expires_at
    assert over is not None
    for operation in (accept, decline):
        assert refusal(partial(answer, school, operation, over)) == "offer_over"


def test_who_leaves_the_line_gives_an_offered_hour_to_the_next(school: School) -> None:
    made = book(school, TUESDAY)
    place = wait(school, factories.samira, now=NOW - HOUR)
    wait(school, grace)
    give_back(school, made)
    for _ in range(2):
        school.write(
            lambda s: waitlist.leave_waitlist(
                s, factories.samira(s), factories.samira(s), now=NOW, zone=BRUSSELS
            )
        )
    assert outcome(school, place) == WaitlistOutcome.WITHDRAWN
    assert offered_slots(school) == {"Grace": TUESDAY}


def test_who_books_an_hour_waits_no_longer_but_still_answers_what_was_offered(school: School) -> None:
    place = wait(school, factories.samira)
    book(school, TUESDAY, factories.samira)
    assert outcome(school, place) == WaitlistOutcome.BOOKED
    made = book(school, TUESDAY + HOUR, factories.oksana)
    other = wait(school, grace)
    give_back(school, made)
    book(school, TUESDAY + 3 * HOUR, grace)
    assert outcome(school, other) is None
    answer(school, accept)
    assert outcome(school, other) == WaitlistOutcome.ACCEPTED


@pytest.mark.parametrize("by", [factories.samira, factories.claire], ids=["herself", "the team for her"])
def test_booking_the_very_hour_that_is_offered_takes_the_offer(school: School, by: Any) -> None:
    made = book(school, TUESDAY)
    place = wait(school, factories.samira)
    give_back(school, made)
    offer = the_offer(school)
    taken = school.write(
        lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), TUESDAY, by=by(s)).id
    )
    assert taken == offer.id
    assert outcome(school, place) == WaitlistOutcome.ACCEPTED
    assert offered_slots(school) == {}


def test_the_offered_hour_may_be_booked_in_the_other_mode(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 1, "10:00", "11:00", "onsite"))
    made = book(school, TUESDAY)
    wait(school, factories.samira)
    give_back(school, made)
    book(school, TUESDAY, factories.samira, mode="onsite")
    found = school.read(lambda s: s.scalars(select(Booking.mode).where(Booking.state == "booked")).all())
    assert found == ["onsite"]
    assert school.read(occupancy.find_mismatches) == []
