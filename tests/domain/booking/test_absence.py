from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain.booking import absence, appointments, availability, occupancy, waitlist
from lms.domain.errors import Absent, Refused
from lms.models import (
    Booking,
    BookingState,
    OutboxItem,
    Person,
    RuleMode,
    SpecialDay,
)
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import School
from tests.support.waitlist import cancel_for_good, entries_in_order

TUESDAY = date(2026, 11, 24)
ANY = 7  # every part of the day


def at(hour: str, day: date = TUESDAY) -> datetime:
    return wall(day.isoformat(), hour)


@pytest.fixture(autouse=True)
def hours(school: School) -> None:
    """Nadia receives by video, on every weekday from 9 to 17."""
    school.write(lambda s: factories.all_week(s, factories.nadia(s)))


def book(school: School, starts: datetime, who: Callable[[Session], Person], now: datetime = NOW) -> str:
    return school.write(lambda s: factories.booked(s, who(s), factories.nadia(s), starts, now=now).id)


def call_off(
    school: School,
    by: Callable[[Session], Person] = factories.nadia,
    day: date = TUESDAY,
    now: datetime = NOW,
) -> list[Booking]:
    return school.write(
        lambda s: absence.cancel_day(s, by(s), factories.nadia(s), day, now=now, zone=BRUSSELS)
    )


def booking(school: School, made: str) -> Booking:
    return school.read(lambda s: s.get_one(Booking, made))


def told(school: School) -> list[tuple[str, str]]:
    def asked(session: Session) -> list[tuple[str, str]]:
        rows = session.execute(
            select(Person.name, OutboxItem.about_id)
            .join(Person, Person.id == OutboxItem.person_id)
            .where(OutboxItem.kind == "booking_cancelled", OutboxItem.outcome.is_(None))
        )
        return sorted((name, about) for name, about in rows)

    return school.read(asked)


def count(school: School, model: Any) -> int:
    return school.read(lambda s: s.scalar(select(func.count()).select_from(model)) or 0)


# -- a day is called off -------------------------------------------------------------------------


def test_the_day_is_closed_and_everybody_is_told_at_once(school: School) -> None:
    samira = book(school, at("10:00"), factories.samira)
    oksana = book(school, at("14:00"), factories.oksana)
    tomorrow = book(school, at("10:00", date(2026, 11, 25)), factories.samira)
    off = call_off(school)
    assert [one.id for one in off] == [samira, oksana]
    for made in (samira, oksana):
        one = booking(school, made)
        assert (one.state, one.cancelled_by_teacher, one.is_late_cancellation) == (
            BookingState.CANCELLED,
            True,
            False,
        )
    assert booking(school, tomorrow).state == BookingState.BOOKED
    names = [name for name, _about in told(school)]
    assert sorted(names) == ["Nadia Dubois", "Nadia Dubois", "Oksana Bondar", "Samira"]
    assert school.read(occupancy.find_mismatches) == []
    with pytest.raises(Refused, match="slot_gone"):
        book(school, at("10:00"), factories.oksana)


def test_no_reminder_of_a_day_that_was_called_off_stays_open(school: School) -> None:
    made = book(school, at("10:00"), factories.samira)
    call_off(school)
    kinds = school.read(
        lambda s: s.scalars(
            select(OutboxItem.kind).where(OutboxItem.about_id == made, OutboxItem.closed_at.is_(None))
        ).all()
    )
    assert set(kinds) == {"booking_cancelled"}


def test_why_she_cannot_come_is_written_nowhere(school: School) -> None:
    made = book(school, at("10:00"), factories.samira)
    call_off(school)
    assert booking(school, made).reason == ""
    assert school.read(lambda s: s.scalars(select(SpecialDay.reason)).all()) == [""]


def test_who_had_booked_first_chooses_first_even_before_those_who_wait(school: School) -> None:
    def waits(session: Session) -> None:
        grace = factories.learner(session, "Grace")
        waitlist.join_waitlist(session, grace, grace, None, ANY, None, now=NOW - timedelta(days=3))

    school.write(waits)
    book(school, at("14:00"), factories.oksana, NOW - timedelta(days=2))
    book(school, at("10:00"), factories.samira, NOW - timedelta(days=1))
    call_off(school)
    line = school.read(lambda s: [entry.learner.name for entry in entries_in_order(s)])
    assert line == ["Oksana Bondar", "Samira", "Grace"]


def test_a_new_hour_goes_to_whose_teacher_could_not_come(school: School) -> None:
    book(school, at("10:00"), factories.samira)
    call_off(school)
    saturday = date(2026, 11, 28)

    def opened(session: Session) -> list[str]:
        nadia = factories.nadia(session)
        hours = availability.WeeklyHours(time(10), time(11), RuleMode.VIDEO, "")
        availability.add_extra_hours(
            session, nadia, nadia, (saturday, saturday), hours, "", now=NOW, zone=BRUSSELS
        )
        return [
            one.learner_id
            for one in session.scalars(select(Booking).where(Booking.state == BookingState.OFFERED))
        ]

    assert school.write(opened) == [school.write(factories.samira).id]


def test_hours_that_were_only_offered_are_taken_back_and_keep_their_place(school: School) -> None:
    taken = book(school, at("10:00"), factories.samira)

    def waits(session: Session) -> None:
        oksana = factories.oksana(session)
        waitlist.join_waitlist(session, oksana, oksana, factories.nadia(session).id, ANY, None, now=NOW)

    school.write(waits)
    school.write(lambda s: cancel_for_good(s, factories.samira(s), s.get_one(Booking, taken), now=NOW))
    offer = school.read(
        lambda s: s.scalars(select(Booking.id).where(Booking.state == BookingState.OFFERED)).one()
    )
    assert call_off(school) == []
    assert booking(school, offer).state == BookingState.EXPIRED
    entry = school.read(lambda s: waitlist.active_entry(s, factories.oksana(s).id))
    assert entry is not None
    assert school.read(occupancy.find_mismatches) == []


def test_a_session_that_runs_is_left_alone(school: School) -> None:
    runs, ahead = book(school, at("10:00"), factories.samira), book(school, at("11:00"), factories.oksana)
    off = call_off(school, now=at("10:30"))
    assert [one.id for one in off] == [ahead]
    assert booking(school, runs).state == BookingState.BOOKED


def test_twice_is_harmless(school: School) -> None:
    book(school, at("10:00"), factories.samira)
    call_off(school)
    mails, closed = count(school, OutboxItem), count(school, SpecialDay)
    assert call_off(school) == []
    assert (count(school, OutboxItem), count(school, SpecialDay)) == (mails, closed)


def test_the_coordinator_calls_off_for_a_teacher_and_a_colleague_does_not(school: School) -> None:
    book(school, at("10:00"), factories.samira)
    for who in (factories.luc, factories.samira, factories.farid):
        with pytest.raises(Absent):
            call_off(school, who)
    assert len(call_off(school, factories.claire)) == 1


def test_a_day_that_is_over_is_not_called_off(school: School) -> None:
    with pytest.raises(Refused, match="day_over"):
        call_off(school, day=date(2026, 11, 22))
    assert call_off(school, day=date(2026, 11, 23)) == []


# -- kept, left ----------------------------------------------------------------------------------


def test_an_appointment_is_kept_by_its_teacher_or_the_coordinator(school: School) -> None:
    made = book(school, at("10:00"), factories.samira)

    def keep(who: Callable[[Session], Person]) -> None:
        school.write(lambda s: absence.accept_conflict(s, who(s), s.get_one(Booking, made), now=NOW))

    for who in (factories.luc, factories.samira, factories.farid):
        with pytest.raises(Absent):
            keep(who)
    keep(factories.claire)
    assert booking(school, made).conflict_accepted_at == NOW
    school.write(
        lambda s: appointments.cancel(
            s, factories.samira(s), s.get_one(Booking, made), "", now=NOW, zone=BRUSSELS
        )
    )
    with pytest.raises(Refused, match="already_cancelled"):
        keep(factories.nadia)
