from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import absence, appointments, attendance, team_queries
from lms.models import Booking, Person
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School

TUESDAY = wall("2026-11-24", "10:00")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def hours(school: School) -> None:
    """Nadia and Luc receive by video, on every weekday from 9 to 17."""

    def offer(session: Session) -> None:
        factories.all_week(session, factories.nadia(session))
        factories.all_week(session, factories.luc(session))

    school.write(offer)


def book(
    school: School,
    starts: datetime,
    who: Callable[[Session], Person] = factories.samira,
    teacher: Callable[[Session], Person] = factories.nadia,
) -> str:
    return school.write(lambda s: factories.booked(s, who(s), teacher(s), starts).id)


def test_what_was_not_marked_is_asked_for_a_week(school: School) -> None:
    made = book(school, TUESDAY)
    book(school, TUESDAY, factories.oksana, factories.luc)

    def asked(now: datetime) -> list[str]:
        return school.read(
            lambda s: [one.id for one in team_queries.unmarked_appointments(s, factories.nadia(s), now=now)]
        )

    assert asked(TUESDAY + HOUR / 2) == []
    assert asked(TUESDAY + HOUR) == [made]
    assert asked(TUESDAY + timedelta(days=7)) == []
    after = TUESDAY + HOUR
    school.write(
        lambda s: attendance.mark_attendance(
            s, factories.nadia(s), s.get_one(Booking, made), "done", now=after
        )
    )
    assert asked(after) == []


def test_hours_are_exchanged_with_other_learners_of_the_same_teacher_ahead(school: School) -> None:
    mine = book(school, TUESDAY)
    book(school, TUESDAY + 24 * HOUR)  # her own other hour
    book(school, TUESDAY + 48 * HOUR, factories.oksana, factories.luc)
    other = book(school, TUESDAY + 3 * HOUR, factories.oksana)
    gone = book(school, TUESDAY + 7 * 24 * HOUR, factories.oksana)
    school.write(
        lambda s: appointments.cancel(
            s, factories.oksana(s), s.get_one(Booking, gone), "", now=NOW, zone=BRUSSELS
        )
    )

    def found(now: datetime) -> list[str]:
        return school.read(
            lambda s: [one.id for one in team_queries.swap_candidates(s, s.get_one(Booking, mine), now=now)]
        )

    assert found(NOW) == [other]
    assert found(TUESDAY + 3 * HOUR) == []


def test_the_page_before_names_exactly_those_whom_the_deed_cancels(school: School) -> None:
    book(school, TUESDAY)
    book(school, TUESDAY + 4 * HOUR, factories.oksana)
    now, day = TUESDAY + HOUR / 2, date(2026, 11, 24)
    before = school.read(
        lambda s: team_queries.teacher_day(s, factories.nadia(s), day, now=now, zone=BRUSSELS)
    )
    off = school.write(
        lambda s: absence.cancel_day(s, factories.nadia(s), factories.nadia(s), day, now=now, zone=BRUSSELS)
    )
    after = school.read(
        lambda s: team_queries.teacher_day(s, factories.nadia(s), day, now=now, zone=BRUSSELS)
    )
    assert (
        [one.id for one in before.ahead]
        == [one.id for one in off]
        == [one.id for one in after.cancelled_by_teacher]
    )
    assert [one.learner.name for one in before.ahead] == ["Oksana Bondar"]
    assert (before.closed, before.cancelled_by_teacher) == (False, [])
    assert (after.closed, after.ahead, after.offers) == (True, [], 0)
