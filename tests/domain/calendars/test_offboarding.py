"""Whichever way a person loses a role, the same ends: appointments, offers, wishes, the feed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.domain.calendars import external, feeds, offboarding
from lms.domain.people import staff
from lms.models import Booking, BookingState, Person, Role, WaitlistEntry, WaitlistOutcome
from tests import factories
from tests.factories import BRUSSELS, NOW, Who
from tests.support.school import School
from tests.support.waitlist import (
    DAY,
    HOUR,
    TUESDAY,
    book,
    entries_in_order,
    give_back,
    grace,
    offered_slots,
    wait,
)

Way = Callable[[Session, Person], object]


def edit(s: Session, person: Person) -> None:
    claire, email = factories.claire(s), person.login_email or ""
    staff.update_colleague(s, claire, person, person.name, email, [Role.SOCIAL_WORKER], now=NOW)


def deactivate(s: Session, person: Person) -> None:
    staff.deactivate(s, factories.claire(s), person, now=NOW)


def leave(school: School, who: Who, way: Way) -> int:
    def operation(s: Session) -> int:
        claire, person = factories.claire(s), who(s)
        way(s, person)
        return offboarding.end_lost_roles(s, claire, person, now=NOW, zone=BRUSSELS)

    return school.write(operation)


def states(school: School) -> list[tuple[BookingState, bool]]:
    rows = select(Booking.state, Booking.cancelled_by_teacher).order_by(Booking.starts)
    return school.read(lambda s: [(state, by_teacher) for state, by_teacher in s.execute(rows)])


@pytest.fixture(autouse=True)
def hours(school: School) -> None:
    """Nadia receives by video, on every weekday from 9 to 17."""
    school.write(lambda s: factories.all_week(s, factories.nadia(s)))


ways = pytest.mark.parametrize("way", [edit, deactivate])


@ways
def test_the_learners_of_a_teacher_who_stops_choose_first(school: School, way: Way) -> None:
    book(school, TUESDAY, factories.samira)
    book(school, TUESDAY + HOUR, factories.oksana)
    assert leave(school, factories.nadia, way) == 2
    assert states(school) == [(BookingState.CANCELLED, True)] * 2
    line = school.read(lambda s: [entry.first_choice for entry in entries_in_order(s)])
    assert line == [True, True]


@ways
def test_what_was_offered_with_her_is_taken_back(school: School, way: Way) -> None:
    made = book(school, TUESDAY)
    wait(school, factories.samira)
    give_back(school, made)
    assert offered_slots(school) == {"Samira": TUESDAY}
    assert leave(school, factories.nadia, way) == 0
    assert offered_slots(school) == {}
    assert school.read(lambda s: s.scalars(select(WaitlistEntry.outcome)).all()) == [None]


@ways
def test_who_waited_for_her_waits_for_whoever_and_is_asked_at_once(school: School, way: Way) -> None:
    school.write(lambda s: factories.rule(s, factories.luc(s), 1, "10:00", "11:00"))
    wait(school, factories.samira, teacher=factories.nadia)
    leave(school, factories.nadia, way)
    assert school.read(lambda s: s.scalars(select(WaitlistEntry.teacher_id)).all()) == [None]
    assert offered_slots(school) == {"Samira": TUESDAY}


@ways
def test_her_calendar_no_longer_reads_the_names_of_learners(school: School, way: Way) -> None:
    token = feeds.new_token()
    school.write(lambda s: feeds.create_feed(s, factories.nadia(s), token, now=NOW))
    leave(school, factories.nadia, way)
    assert school.read(lambda s: feeds.feed_by_token(s, token)) is None


@ways
def test_her_other_calendars_are_read_no_more(school: School, way: Way) -> None:
    school.write(
        lambda s: external.add_calendar(s, factories.nadia(s), "https://cloud.example.be/x", now=NOW)
    )
    assert len(school.read(lambda s: external.due_calendars(s, now=NOW))) == 1
    leave(school, factories.nadia, way)
    assert school.read(lambda s: external.due_calendars(s, now=NOW)) == []


def test_a_learner_who_leaves_gives_everything_back(school: School) -> None:
    book(school, TUESDAY + DAY, factories.samira)
    given = book(school, TUESDAY)
    wait(school, factories.samira, now=NOW - HOUR)
    wait(school, grace)
    give_back(school, given)
    assert offered_slots(school) == {"Samira": TUESDAY}
    assert leave(school, factories.samira, deactivate) == 1
    assert states(school)[-1] == (BookingState.CANCELLED, False)
    assert offered_slots(school) == {"Grace": TUESDAY}
    outcomes = school.read(
        lambda s: s.scalars(
            select(WaitlistEntry.outcome).where(WaitlistEntry.learner_id == factories.samira(s).id)
        ).all()
    )
    assert outcomes == [WaitlistOutcome.WITHDRAWN]
    assert leave(school, factories.samira, deactivate) == 0


def become_a_teacher(s: Session, person: Person) -> None:
    claire, email = factories.claire(s), person.login_email or ""
    staff.update_colleague(s, claire, person, person.name, email, [Role.TEACHER], now=NOW)


@pytest.mark.parametrize("way", [become_a_teacher, deactivate])
def test_the_learners_of_a_social_worker_who_stops_have_none(school: School, way: Way) -> None:
    def entrust(s: Session) -> None:
        factories.samira(s).social_worker_id = factories.farid(s).id

    school.write(entrust)
    leave(school, factories.farid, way)
    assert school.read(lambda s: factories.samira(s).social_worker_id) is None
    school.write(lambda s: staff.reactivate(s, factories.claire(s), factories.farid(s), now=NOW))
    assert school.read(lambda s: factories.samira(s).social_worker_id) is None, "somebody decides that anew"


def test_who_keeps_the_role_keeps_everything(school: School) -> None:
    book(school, TUESDAY, factories.samira)
    token = feeds.new_token()
    school.write(lambda s: feeds.create_feed(s, factories.nadia(s), token, now=NOW))

    def more(s: Session, person: Person) -> None:
        roles = [Role.TEACHER, Role.COORDINATOR]
        email = person.login_email or ""
        staff.update_colleague(s, factories.claire(s), person, person.name, email, roles, now=NOW)

    assert leave(school, factories.nadia, more) == 0
    assert states(school) == [(BookingState.BOOKED, False)]
    assert school.read(lambda s: feeds.feed_by_token(s, token)) is not None
