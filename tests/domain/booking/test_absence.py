from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lms.domain.booking import absence, appointments, availability, occupancy, waitlist
from lms.domain.errors import Absent, Refused
from lms.models import Booking, OutboxItem, Person, SpecialDay, WaitlistEntry
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import House

TUESDAY = date(2026, 11, 24)
ANY = 7  # every part of the day


def at(hour: str, day: date = TUESDAY) -> datetime:
    return wall(day.isoformat(), hour)


@pytest.fixture(autouse=True)
def hours(house: House) -> None:
    """Nadia receives by video, on every weekday from 9 to 17."""
    house.write(lambda s: factories.all_week(s, factories.nadia(s)))


def book(house: House, starts: datetime, who: Callable[[Session], Person], now: datetime = NOW) -> str:
    return house.write(lambda s: factories.booked(s, who(s), factories.nadia(s), starts, now=now).id)


def call_off(
    house: House,
    by: Callable[[Session], Person] = factories.nadia,
    day: date = TUESDAY,
    now: datetime = NOW,
) -> list[Booking]:
    return house.write(lambda s: absence.call_off(s, by(s), factories.nadia(s), day, now))


def booking(house: House, made: str) -> Booking:
    return house.read(lambda s: s.get_one(Booking, made))


def told(house: House) -> list[tuple[str, str]]:
    def asked(session: Session) -> list[tuple[str, str]]:
        rows = session.execute(
            select(Person.name, OutboxItem.about_id)
            .join(Person, Person.id == OutboxItem.person_id)
            .where(OutboxItem.kind == "booking_cancelled", OutboxItem.outcome.is_(None))
        )
        return sorted((name, about) for name, about in rows)

    return house.read(asked)


def count(house: House, model: Any) -> int:
    return house.read(lambda s: s.scalar(select(func.count()).select_from(model)) or 0)


# -- a day is called off -------------------------------------------------------------------------


def test_the_day_is_closed_and_everybody_is_told_at_once(house: House) -> None:
    samira = book(house, at("10:00"), factories.samira)
    oksana = book(house, at("14:00"), factories.oksana)
    tomorrow = book(house, at("10:00", date(2026, 11, 25)), factories.samira)
    off = call_off(house)
    assert [one.id for one in off] == [samira, oksana]
    for made in (samira, oksana):
        one = booking(house, made)
        assert (one.state, one.called_off, one.late_cancel) == ("cancelled", True, False)
    assert booking(house, tomorrow).state == "booked"
    names = [name for name, _about in told(house)]
    assert sorted(names) == ["Nadia Dubois", "Nadia Dubois", "Oksana Bondar", "Samira"]
    assert house.read(occupancy.broken) == []
    with pytest.raises(Refused, match="slot_gone"):
        book(house, at("10:00"), factories.oksana)


def test_no_reminder_of_a_day_that_was_called_off_stays_open(house: House) -> None:
    made = book(house, at("10:00"), factories.samira)
    call_off(house)
    kinds = house.read(
        lambda s: s.scalars(
            select(OutboxItem.kind).where(OutboxItem.about_id == made, OutboxItem.closed_at.is_(None))
        ).all()
    )
    assert set(kinds) == {"booking_cancelled"}


def test_why_she_cannot_come_is_written_nowhere(house: House) -> None:
    made = book(house, at("10:00"), factories.samira)
    call_off(house)
    assert booking(house, made).reason == ""
    assert house.read(lambda s: s.scalars(select(SpecialDay.reason)).all()) == [""]


def test_who_had_booked_first_chooses_first_even_before_those_who_wait(house: House) -> None:
    def waits(session: Session) -> None:
        grace = factories.learner(session, "Grace")
        waitlist.join(session, grace, grace, None, ANY, None, NOW - timedelta(days=3))

    house.write(waits)
    book(house, at("14:00"), factories.oksana, NOW - timedelta(days=2))
    book(house, at("10:00"), factories.samira, NOW - timedelta(days=1))
    call_off(house)
    line = house.read(lambda s: [entry.learner.name for entry, _offer in waitlist.line(s)])
    assert line == ["Oksana Bondar", "Samira", "Grace"]


def test_a_new_hour_goes_to_whose_teacher_could_not_come(house: House) -> None:
    book(house, at("10:00"), factories.samira)
    call_off(house)
    saturday = date(2026, 11, 28)

    def opened(session: Session) -> list[str]:
        nadia = factories.nadia(session)
        hours = availability.Hours(time(10), time(11), "video", "")
        availability.open_extra(session, nadia, nadia, (saturday, saturday), hours, "", NOW, BRUSSELS)
        return [one.learner_id for one in session.scalars(select(Booking).where(Booking.state == "offered"))]

    assert house.write(opened) == [house.write(factories.samira).id]


def test_hours_that_were_only_offered_are_taken_back_and_keep_their_place(house: House) -> None:
    taken = book(house, at("10:00"), factories.samira)

    def waits(session: Session) -> None:
        oksana = factories.oksana(session)
        waitlist.join(session, oksana, oksana, factories.nadia(session).id, ANY, None, NOW)

    house.write(waits)
    house.write(lambda s: appointments.cancel(s, s.get_one(Booking, taken), factories.samira(s), "", NOW))
    offer = house.read(lambda s: s.scalars(select(Booking.id).where(Booking.state == "offered")).one())
    assert call_off(house) == []
    assert booking(house, offer).state == "expired"
    entry = house.read(lambda s: waitlist.entry_of(s, factories.oksana(s).id))
    assert entry is not None
    assert house.read(occupancy.broken) == []


def test_a_session_that_runs_is_left_alone(house: House) -> None:
    runs, ahead = book(house, at("10:00"), factories.samira), book(house, at("11:00"), factories.oksana)
    off = call_off(house, now=at("10:30"))
    assert [one.id for one in off] == [ahead]
    assert booking(house, runs).state == "booked"


def test_twice_is_harmless(house: House) -> None:
    book(house, at("10:00"), factories.samira)
    call_off(house)
    mails, closed = count(house, OutboxItem), count(house, SpecialDay)
    assert call_off(house) == []
    assert (count(house, OutboxItem), count(house, SpecialDay)) == (mails, closed)


def test_the_coordinator_calls_off_for_a_teacher_and_a_colleague_does_not(house: House) -> None:
    book(house, at("10:00"), factories.samira)
    for who in (factories.luc, factories.samira, factories.farid):
        with pytest.raises(Absent):
            call_off(house, who)
    assert len(call_off(house, factories.claire)) == 1


def test_a_day_that_is_over_is_not_called_off(house: House) -> None:
    with pytest.raises(Refused, match="day_over"):
        call_off(house, day=date(2026, 11, 22))
    assert call_off(house, day=date(2026, 11, 23)) == []


# -- kept, left ----------------------------------------------------------------------------------


def test_an_appointment_is_kept_by_its_teacher_or_the_coordinator(house: House) -> None:
    made = book(house, at("10:00"), factories.samira)

    def keep(who: Callable[[Session], Person]) -> None:
        house.write(lambda s: absence.keep(s, s.get_one(Booking, made), who(s), NOW))

    for who in (factories.luc, factories.samira, factories.farid):
        with pytest.raises(Absent):
            keep(who)
    keep(factories.claire)
    assert booking(house, made).kept_at == NOW
    house.write(lambda s: appointments.cancel(s, s.get_one(Booking, made), factories.samira(s), "", NOW))
    with pytest.raises(Refused, match="already_cancelled"):
        keep(factories.nadia)


def test_a_learner_who_leaves_gives_everything_back(house: House) -> None:
    made = book(house, at("10:00"), factories.samira)
    book(house, at("11:00"), factories.oksana)

    def waits(session: Session) -> None:
        samira = factories.samira(session)
        waitlist.join(session, samira, samira, None, ANY, None, NOW)

    house.write(waits)
    assert house.write(lambda s: absence.part(s, factories.samira(s), factories.claire(s), NOW)) == 1
    one = booking(house, made)
    assert (one.state, one.called_off) == ("cancelled", False)
    assert house.read(lambda s: s.scalars(select(WaitlistEntry.outcome)).all()) == ["withdrawn"]
    assert house.write(lambda s: absence.part(s, factories.samira(s), factories.claire(s), NOW)) == 0


def test_when_a_teacher_leaves_her_learners_choose_first(house: House) -> None:
    book(house, at("10:00"), factories.samira)
    book(house, at("11:00"), factories.oksana)
    house.write(lambda s: setattr(factories.nadia(s), "deactivated_at", NOW))
    assert house.write(lambda s: absence.part(s, factories.nadia(s), factories.claire(s), NOW)) == 2
    line = house.read(lambda s: [entry.first_choice for entry, _offer in waitlist.line(s)])
    assert line == [True, True]


def test_who_waited_for_a_teacher_who_leaves_waits_for_whoever(house: House) -> None:
    def waits(session: Session) -> None:
        samira = factories.samira(session)
        waitlist.join(session, samira, samira, factories.nadia(session).id, ANY, None, NOW)
        factories.nadia(session).deactivated_at = NOW
        absence.part(session, factories.nadia(session), factories.claire(session), NOW)

    house.write(waits)
    assert house.read(lambda s: [entry.teacher_id for entry, _offer in waitlist.line(s)]) == [None]
