from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import appointments, queries
from lms.domain.errors import Absent
from lms.models import Booking, BookingState, Person
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School

TUESDAY = wall("2026-11-24", "10:00")
HOUR = timedelta(hours=1)


def booked(
    school: School, starts: datetime = TUESDAY, who: Callable[[Session], Person] = factories.samira
) -> Booking:
    def make_it(session: Session) -> Booking:
        if not session.query(Booking).count():
            factories.all_week(session, factories.nadia(session))
        return factories.booked(session, who(session), factories.nadia(session), starts)

    return school.write(make_it)


def sees(school: School, who: Callable[[Session], Person], made: Booking) -> bool:
    try:
        school.write(lambda s: queries.booking_for(s, who(s), made.id).id)
    except Absent:
        return False
    return True


def test_an_appointment_is_known_to_its_people_and_the_team_that_cares(school: School) -> None:
    made = booked(school)
    shown = {who.__name__: sees(school, who, made) for who in (
        factories.samira, factories.oksana, factories.nadia, factories.luc, factories.claire, factories.farid
    )}  # fmt: skip
    assert shown == {
        "samira": True, "oksana": False, "nadia": True, "luc": True, "claire": True, "farid": False
    }  # fmt: skip
    school.write(lambda s: setattr(factories.samira(s), "social_worker_id", factories.farid(s).id))
    assert sees(school, factories.farid, made)


@pytest.mark.parametrize("who", [factories.luc, factories.claire, factories.oksana])
def test_the_door_is_for_the_two_of_the_session_only(
    school: School, who: Callable[[Session], Person]
) -> None:
    made = booked(school)
    with pytest.raises(Absent):
        school.write(lambda s: queries.own_appointment_for(s, who(s), made.id))


def test_the_next_appointment_is_the_one_that_runs_or_comes(school: School) -> None:
    first, second = booked(school), booked(school, TUESDAY + 24 * HOUR)

    def following(at: datetime) -> str | None:
        found = school.read(lambda s: queries.upcoming_appointments(s, factories.samira(s), limit=1, now=at))
        return found[0].id if found else None

    assert following(NOW) == first.id
    assert following(TUESDAY + HOUR / 2) == first.id
    assert following(TUESDAY + HOUR) == second.id
    assert following(TUESDAY + 48 * HOUR) is None
    coming = school.read(lambda s: queries.upcoming_appointments(s, factories.samira(s), now=NOW))
    assert [one.teacher.first_name for one in coming] == ["Nadia", "Nadia"]


def test_the_day_of_a_teacher_holds_what_begins_in_it_and_is_not_cancelled(school: School) -> None:
    made = booked(school)

    def day(begin: datetime, who: Callable[[Session], Person] = factories.nadia) -> list[str]:
        return school.read(
            lambda s: [
                one.id for one in queries.appointments_between(s, who(s), begin, begin + 24 * HOUR, now=NOW)
            ]
        )

    assert day(wall("2026-11-24", "00:00")) == [made.id]
    assert day(TUESDAY) == [made.id], "the first moment belongs to it"
    assert day(TUESDAY - 24 * HOUR) == [], "the last moment does not"
    school.write(factories.luc)
    assert day(TUESDAY, factories.luc) == []
    school.write(
        lambda s: appointments.cancel(
            s, factories.nadia(s), s.get_one(Booking, made.id), "", now=NOW, zone=BRUSSELS
        )
    )
    assert day(TUESDAY) == []


def test_the_door_opens_a_quarter_before_and_closes_a_quarter_after(school: School) -> None:
    made, minute = booked(school), timedelta(minutes=1)
    opening = {m: queries.is_room_open(made, now=TUESDAY + m * minute) for m in (-16, -15, 0, 75, 76)}
    assert opening == {-16: False, -15: True, 0: True, 75: True, 76: False}
    made.state = BookingState.CANCELLED
    assert not queries.is_room_open(made, now=TUESDAY)


def test_sqlite_needs_no_new_plan_for_the_state_of_an_appointment() -> None:
    """A bound word would cost one each time: whether the index of open offers fits depends on it."""
    written = str(select(Booking.id).where(Booking.state == BookingState.BOOKED))
    assert "booking.state = 'booked'" in written
    assert "booking.state != 'offered'" in str(
        select(Booking.id).where(Booking.state != BookingState.OFFERED)
    )
