from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lms.domain.booking import absence, availability, conflicts
from lms.domain.booking.availability import Hours
from lms.domain.calendars import external
from lms.domain.errors import Absent, Refused
from lms.models import Booking, Claim, OutboxItem, SpecialDay, WaitlistEntry
from tests import factories
from tests.factories import BRUSSELS, NOW, wall
from tests.support.school import House

MONDAY = date(2026, 11, 30)
MORNING = Hours(time(9), time(12))
ALL_DAY = Hours(None, None)


def told(house: House, teacher: Any = factories.nadia, now: Any = NOW) -> list[str]:
    return house.read(
        lambda s: [one.why for one in conflicts.ahead(s, teacher and teacher(s), now, BRUSSELS)]
    )


def morning(house: House, who: Any = factories.nadia) -> str:
    return house.write(lambda s: factories.rule(s, who(s), 0, "09:00", "12:00").id)


def booked(
    house: House, starts: str = "10:00", who: Any = factories.samira, teacher: Any = factories.nadia
) -> str:
    at = wall(MONDAY.isoformat(), starts)
    return house.write(lambda s: factories.booked(s, who(s), teacher(s), at).id)


def close(house: House, hours: Hours = ALL_DAY, by: Any = factories.nadia, now: Any = NOW) -> SpecialDay:
    def deed(session: Session) -> SpecialDay:
        teacher = None if by is factories.claire else by(session)
        return availability.close(session, by(session), teacher, (MONDAY, MONDAY), hours, "Congé", now)

    return house.write(deed)


def states(house: House) -> list[str]:
    return house.read(lambda s: list(s.scalars(select(Booking.state))))


def test_deleting_hours_touches_no_appointment_but_tells_it(house: House) -> None:
    rule = morning(house)
    booked(house)
    assert told(house) == []
    house.write(lambda s: availability.delete_rule(s, factories.nadia(s), rule, NOW))
    assert told(house) == ["outside"]
    assert states(house) == ["booked"]
    assert told(house, factories.luc) == []
    assert told(house, None) == ["outside"]


def test_closing_touches_no_appointment_but_tells_what_it_covers(house: House) -> None:
    morning(house)
    booked(house)
    close(house, Hours(time(11), time(12)))
    assert told(house) == []
    closing = close(house)
    assert told(house) == ["closed"]
    assert states(house) == ["booked"]
    house.write(lambda s: availability.delete_special(s, factories.nadia(s), closing.id, NOW))
    assert told(house) == []


def test_an_hour_that_is_busy_elsewhere_is_told(house: House) -> None:
    morning(house)
    at = house.read(lambda s: s.get_one(Booking, booked(house)).starts)

    def busy_then(session: Session) -> None:
        calendar = external.add(
            session, factories.nadia(session), "https://calendar.example/private.ics", NOW
        )
        external.take(session, calendar.id, [external.Event("x@y", at, at + timedelta(minutes=30))], "", NOW)

    house.write(busy_then)
    assert told(house) == ["busy"]
    assert told(house, None) == ["busy"]
    assert told(house, factories.luc) == []


def test_what_is_with_a_teacher_who_left_is_told_to_the_coordinator(house: House) -> None:
    morning(house)
    booked(house)

    def left(session: Session) -> None:
        factories.nadia(session).deactivated_at = NOW

    house.write(left)
    assert told(house, None) == ["left"]


def test_what_was_kept_is_told_again_only_when_its_day_is_closed_afterwards(house: House) -> None:
    rule, booking = morning(house), booked(house)
    house.write(lambda s: availability.delete_rule(s, factories.nadia(s), rule, NOW))
    house.write(lambda s: absence.keep(s, s.get_one(Booking, booking), factories.nadia(s), NOW))
    assert told(house) == []
    close(house, now=NOW + timedelta(hours=1))
    assert told(house) == ["closed"]
    later = NOW + timedelta(hours=2)
    house.write(lambda s: absence.keep(s, s.get_one(Booking, booking), factories.nadia(s), later))
    assert told(house) == []


def test_what_began_is_no_longer_to_be_decided(house: House) -> None:
    morning(house)
    booked(house)
    close(house)
    assert told(house, now=wall(MONDAY.isoformat(), "10:00")) == []


def test_thirty_conflicts_ask_as_much_as_one(house: House) -> None:
    def put(session: Session, number: int) -> None:
        nadia = factories.nadia(session)
        rule = factories.rule(session, nadia, 0, "07:00", "22:00")
        for n in range(number):
            starts = wall((MONDAY + timedelta(weeks=n // 15)).isoformat(), f"{7 + n % 15:02}:00")
            factories.booked(session, factories.learner(session, f"Learner {n}"), nadia, starts)
        session.delete(rule)

    counts = []
    for number in (1, 30):
        house.write(lambda s: s.execute(delete(Claim)))
        house.write(lambda s: s.execute(delete(Booking)))
        house.write(lambda s, number=number: put(s, number))
        with house.counting_statements() as sent:
            assert len(told(house, None)) == number
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_only_her_teacher_and_the_coordinator_call_an_appointment_off(house: House) -> None:
    morning(house)
    booking = booked(house)
    for who in (factories.luc, factories.samira, factories.farid):
        with pytest.raises(Absent):
            house.write(lambda s, who=who: conflicts.call_off(s, booking, who(s), NOW, BRUSSELS))
    house.write(lambda s: conflicts.call_off(s, booking, factories.claire(s), NOW, BRUSSELS))
    off = house.read(lambda s: s.get_one(Booking, booking))
    assert (off.state, off.called_off, off.late_cancel) == ("cancelled", True, False)
    waits = house.read(lambda s: s.scalars(select(WaitlistEntry)).one())
    assert waits.first_choice
    assert waits.ended_at is None
    letters = select(OutboxItem.person_id).where(OutboxItem.kind == "booking_cancelled")
    assert off.learner_id in house.read(lambda s: s.scalars(letters).all())
    with pytest.raises(Refused):
        house.write(lambda s: conflicts.call_off(s, booking, factories.claire(s), NOW, BRUSSELS))
