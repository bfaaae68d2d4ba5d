from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import absence, appointments, learner_status, waitlist
from lms.domain.booking.learner_status import LearnerStatus
from lms.models import Booking, WaitlistEntry, WaitlistOutcome
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School
from tests.support.waitlist import cancel_for_good

TUESDAY = wall("2026-11-24", "10:00")
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def teachers(school: School) -> None:
    def offer(session: Session) -> None:
        factories.all_week(session, factories.nadia(session))
        factories.all_week(session, factories.luc(session))

    school.write(offer)


def hers(school: School, now: datetime = NOW) -> LearnerStatus:
    return school.read(lambda s: learner_status.status_of(s, factories.samira(s), now=now))


def book(school: School, now: datetime = NOW) -> str:
    return school.write(
        lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), TUESDAY + 7 * DAY, now=now).id
    )


def wait(school: School, now: datetime = NOW) -> str:
    return school.write(
        lambda s: (
            waitlist.join_waitlist(s, factories.samira(s), factories.samira(s), None, 7, None, now=now).id
        )
    )


def offer(school: School) -> str:
    """Oksana gives an hour back for which Samira waits."""

    def operation(session: Session) -> str:
        oksana = factories.oksana(session)
        hour = factories.booked(session, oksana, factories.nadia(session), TUESDAY)
        waitlist.join_waitlist(
            session, factories.samira(session), factories.samira(session), None, 7, None, now=NOW
        )
        cancel_for_good(session, oksana, hour, now=NOW)
        return waitlist.open_offers(session, factories.samira(session), now=NOW)[0].id

    return school.write(operation)


def fall_ill(school: School, now: datetime = NOW) -> None:
    def operation(session: Session) -> None:
        nadia = factories.nadia(session)
        absence.cancel_day(session, nadia, nadia, (TUESDAY + 7 * DAY).date(), now=now, zone=BRUSSELS)

    school.write(operation)


def test_who_asked_for_nothing_has_nothing_open(school: School) -> None:
    school.write(factories.samira)
    assert hers(school) == LearnerStatus([], None, None, None, None)


def test_a_living_wish_and_an_offer_are_open(school: School) -> None:
    one = offer(school)
    found = hers(school)
    assert [booking.id for booking in found.offers] == [one]
    assert found.entry is not None
    assert found.entry.teacher is None
    assert found.offers[0].teacher.first_name == "Nadia", "read without another statement"


def test_an_offer_whose_time_is_over_is_not_open_even_before_the_worker_saw_it(school: School) -> None:
    offer(school)
    assert hers(school, NOW + DAY).offers == []


def test_for_a_week_who_did_not_answer_is_asked_whether_she_still_waits(school: School) -> None:
    one = offer(school)
    over = NOW + timedelta(hours=30)
    school.write(lambda s: setattr(s.scalars(select(WaitlistEntry)).one(), "silences", 1))
    school.write(lambda s: waitlist.expire_offer(s, one, now=over, zone=BRUSSELS))
    assert hers(school, over + 6 * DAY).lapsed is not None
    assert hers(school, over + 8 * DAY).lapsed is None
    wait(school, over)
    assert hers(school, over).lapsed is None
    school.write(
        lambda s: waitlist.leave_waitlist(
            s, factories.samira(s), factories.samira(s), now=over + DAY, zone=BRUSSELS
        )
    )
    assert hers(school, over + DAY).lapsed is None, "she said herself that she waits no longer"


def test_a_called_off_hour_stays_in_sight_until_three_days_after_it(school: School) -> None:
    one = book(school)
    fall_ill(school)
    found = hers(school).cancelled_by_teacher
    assert found is not None
    assert found.id == one
    assert hers(school, TUESDAY + 9 * DAY).cancelled_by_teacher is not None
    assert hers(school, TUESDAY + 11 * DAY).cancelled_by_teacher is None


def test_a_called_off_hour_is_forgotten_once_she_has_a_new_one(school: School) -> None:
    book(school)
    fall_ill(school)
    school.write(lambda s: factories.booked(s, factories.samira(s), factories.luc(s), TUESDAY + DAY).id)
    assert hers(school).cancelled_by_teacher is None


def test_what_she_or_the_service_cancelled_is_not_called_off(school: School) -> None:
    one = book(school)
    school.write(
        lambda s: appointments.cancel(
            s, factories.claire(s), s.get_one(Booking, one), "", now=NOW, zone=BRUSSELS
        )
    )
    assert hers(school).cancelled_by_teacher is None


def test_nothing_of_others_is_hers(school: School) -> None:
    offer(school)
    book(school)
    fall_ill(school)
    found = school.read(lambda s: learner_status.status_of(s, factories.oksana(s), now=NOW))
    assert found == LearnerStatus([], None, None, None, None)


def test_two_statements_tell_it_whatever_there_is(school: School) -> None:
    school.write(factories.samira)
    counts = []
    for step in (lambda: None, lambda: offer(school)):
        step()

        def ask(session: Session) -> None:
            samira = factories.samira(session)
            assert samira.role_rows
            with school.counting_statements() as sent:
                found = learner_status.status_of(session, samira, now=NOW)
                assert [one.teacher.first_name for one in found.offers] in ([], ["Nadia"])
            counts.append(len(sent))

        school.read(ask)
    assert counts == [2, 2]


def test_of_several_wishes_the_living_one_counts_and_then_the_last_that_ended(school: School) -> None:
    first = wait(school)
    school.write(
        lambda s: waitlist.leave_waitlist(s, factories.samira(s), factories.samira(s), now=NOW, zone=BRUSSELS)
    )
    second = wait(school, NOW + DAY)

    def last(session: Session) -> str:
        found = learner_status.last_entry(session, factories.samira(session).id)
        assert found is not None
        return found.id

    assert school.read(last) == second
    school.write(
        lambda s: waitlist.leave_waitlist(
            s, factories.samira(s), factories.samira(s), now=NOW + 2 * DAY, zone=BRUSSELS
        )
    )
    assert school.read(last) == second
    assert school.read(lambda s: s.get_one(WaitlistEntry, first).outcome) == WaitlistOutcome.WITHDRAWN
