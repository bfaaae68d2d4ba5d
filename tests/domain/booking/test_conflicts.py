from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lms.domain.booking import absence, availability, availability_search, conflicts, stored_conflicts
from lms.domain.booking.availability import WeeklyHours
from lms.domain.calendars import external
from lms.domain.errors import Absent, Refused
from lms.models import (
    Availability,
    Booking,
    BookingState,
    Claim,
    ConflictReason,
    OutboxItem,
    SpecialDay,
    WaitlistEntry,
)
from tests import factories
from tests.factories import BRUSSELS, NOW, Who, wall
from tests.support.school import School

MONDAY = date(2026, 11, 30)
MORNING = WeeklyHours(time(9), time(12))
ALL_DAY = WeeklyHours(None, None)


def told(school: School, teacher: Any = factories.nadia, now: Any = NOW) -> list[str]:
    """What the pages say, which is on the rows; and that it is what covers them."""

    def ask(s: Session) -> list[str]:
        assert stored_conflicts.find_conflict_faults(s, now=now, zone=BRUSSELS) == []
        return [one.why for one in conflicts.upcoming_conflicts(s, teacher and teacher(s), now=now)]

    return school.read(ask)


def look(school: School) -> None:
    """Write what covers the appointments on them, after a test has changed rows without the domain."""
    school.write(lambda s: stored_conflicts.store_all(s, now=NOW, zone=BRUSSELS))


def morning(school: School, who: Any = factories.nadia) -> str:
    return school.write(lambda s: factories.rule(s, who(s), 0, "09:00", "12:00").id)


def booked(
    school: School, starts: str = "10:00", who: Any = factories.samira, teacher: Any = factories.nadia
) -> str:
    at = wall(MONDAY.isoformat(), starts)
    return school.write(lambda s: factories.booked(s, who(s), teacher(s), at).id)


def close(
    school: School, hours: WeeklyHours = ALL_DAY, by: Any = factories.nadia, now: Any = NOW
) -> SpecialDay:
    def operation(session: Session) -> SpecialDay:
        teacher = None if by is factories.claire else by(session)
        return availability.close_days(
            session, by(session), teacher, (MONDAY, MONDAY), hours, "Congé", now=now, zone=BRUSSELS
        )

    return school.write(operation)


def states(school: School) -> list[str]:
    return school.read(lambda s: list(s.scalars(select(Booking.state))))


def test_deleting_hours_touches_no_appointment_but_tells_it(school: School) -> None:
    rule = morning(school)
    booked(school)
    assert told(school) == []
    school.write(lambda s: availability.delete_rule(s, factories.nadia(s), rule, now=NOW, zone=BRUSSELS))
    assert told(school) == [ConflictReason.OUTSIDE]
    assert states(school) == [BookingState.BOOKED]
    assert told(school, factories.luc) == []
    assert told(school, None) == [ConflictReason.OUTSIDE]


def test_closing_touches_no_appointment_but_tells_what_it_covers(school: School) -> None:
    morning(school)
    booked(school)
    close(school, WeeklyHours(time(11), time(12)))
    assert told(school) == []
    closing = close(school)
    assert told(school) == [ConflictReason.CLOSED]
    assert states(school) == [BookingState.BOOKED]
    school.write(
        lambda s: availability.delete_special(s, factories.nadia(s), closing.id, now=NOW, zone=BRUSSELS)
    )
    assert told(school) == []


def test_an_hour_that_is_busy_elsewhere_is_told(school: School) -> None:
    morning(school)
    at = school.read(lambda s: s.get_one(Booking, booked(school)).starts)

    def busy_then(session: Session) -> None:
        calendar = external.add_calendar(
            session, factories.nadia(session), "https://calendar.example/private.ics", now=NOW
        )
        external.store_events(
            session,
            calendar.id,
            [external.Event("x@y", at, at + timedelta(minutes=30))],
            "",
            now=NOW,
            zone=BRUSSELS,
        )

    school.write(busy_then)
    assert told(school) == [ConflictReason.BUSY]
    assert told(school, None) == [ConflictReason.BUSY]
    assert told(school, factories.luc) == []


def test_extra_hours_take_no_booked_hour_away(school: School) -> None:
    """The picker still offers the hours of the weekly rule, and nothing has to be decided."""
    morning(school)
    booked(school, "09:00")
    extra = WeeklyHours(time(9, 30), time(12, 30))
    school.write(
        lambda s: availability.add_extra_hours(
            s, factories.nadia(s), factories.nadia(s), (MONDAY, MONDAY), extra, "", now=NOW, zone=BRUSSELS
        )
    )
    table = school.read(lambda s: availability_search.load_timetable(s, MONDAY, MONDAY, zone=BRUSSELS))
    starts = [f"{slot.starts.astimezone(BRUSSELS):%H:%M}" for slot in table.offered(MONDAY, MONDAY)]
    assert starts == ["09:00", "10:00", "11:00"]
    assert told(school) == []


@pytest.mark.parametrize(
    ("start", "why"), [("09:30", []), ("10:00", []), ("10:30", [ConflictReason.OUTSIDE])]
)
def test_an_appointment_is_covered_while_it_lies_within_the_hours(
    school: School, start: str, why: list[ConflictReason]
) -> None:
    """Also when the hours begin half an hour later and no slot begins at 10:00 any more."""
    rule = morning(school)
    booked(school)
    school.write(lambda s: availability.delete_rule(s, factories.nadia(s), rule, now=NOW, zone=BRUSSELS))
    school.write(lambda s: factories.rule(s, factories.nadia(s), 0, start, "12:30"))
    look(school)
    assert told(school) == why


def test_an_appointment_in_another_room_than_that_of_the_hours_is_told(school: School) -> None:
    def hours(s: Session) -> Availability:
        return factories.rule(s, factories.nadia(s), 0, "10:00", "11:00", "onsite")

    rule = school.write(hours)
    at = wall(MONDAY.isoformat(), "10:00")
    school.write(lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), at, "onsite"))
    assert told(school) == []
    school.write(lambda s: setattr(s.get_one(Availability, rule.id), "room_id", factories.room(s, "B").id))
    look(school)
    assert told(school) == [ConflictReason.OUTSIDE]


def test_an_appointment_on_a_holiday_that_is_opened_no_longer_is_closed(school: School) -> None:
    day = date(2026, 12, 25)
    school.write(lambda s: factories.rule(s, factories.nadia(s), day.weekday(), "09:00", "12:00"))
    opened = school.write(
        lambda s: availability.add_extra_hours(
            s, factories.nadia(s), factories.nadia(s), (day, day), ALL_DAY, "", now=NOW, zone=BRUSSELS
        )
    )
    at = wall(day.isoformat(), "10:00")
    school.write(lambda s: factories.booked(s, factories.samira(s), factories.nadia(s), at))
    assert told(school) == []
    school.write(
        lambda s: availability.delete_special(s, factories.nadia(s), opened.id, now=NOW, zone=BRUSSELS)
    )
    assert told(school) == [ConflictReason.CLOSED]


def test_what_is_with_a_teacher_who_left_is_told_to_the_coordinator(school: School) -> None:
    morning(school)
    booked(school)

    def left(session: Session) -> None:
        factories.nadia(session).deactivated_at = NOW

    school.write(left)
    look(school)
    assert told(school, None) == [ConflictReason.LEFT]


def test_what_was_kept_is_told_again_only_when_its_day_is_closed_afterwards(school: School) -> None:
    rule, booking = morning(school), booked(school)
    school.write(lambda s: availability.delete_rule(s, factories.nadia(s), rule, now=NOW, zone=BRUSSELS))
    school.write(
        lambda s: absence.accept_conflict(s, factories.nadia(s), s.get_one(Booking, booking), now=NOW)
    )
    assert told(school) == []
    close(school, now=NOW + timedelta(hours=1))
    assert told(school) == [ConflictReason.CLOSED]
    later = NOW + timedelta(hours=2)
    school.write(
        lambda s: absence.accept_conflict(s, factories.nadia(s), s.get_one(Booking, booking), now=later)
    )
    assert told(school) == []


def test_what_began_is_no_longer_to_be_decided(school: School) -> None:
    morning(school)
    booked(school)
    close(school)
    assert told(school, now=wall(MONDAY.isoformat(), "10:00")) == []


def test_thirty_conflicts_ask_as_much_as_one(school: School) -> None:
    def put(session: Session, number: int) -> None:
        nadia = factories.nadia(session)
        rule = factories.rule(session, nadia, 0, "07:00", "22:00")
        for n in range(number):
            starts = wall((MONDAY + timedelta(weeks=n // 15)).isoformat(), f"{7 + n % 15:02}:00")
            factories.booked(session, factories.learner(session, f"Learner {n}"), nadia, starts)
        session.delete(rule)

    counts = []
    for number in (1, 30):
        school.write(lambda s: s.execute(delete(Claim)))
        school.write(lambda s: s.execute(delete(Booking)))
        school.write(partial(put, number=number))
        look(school)
        with school.counting_statements() as sent:
            assert len(told(school, None)) == number
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_only_her_teacher_and_the_coordinator_call_an_appointment_off(school: School) -> None:
    morning(school)
    booking = booked(school)

    def call_off(who: Who) -> None:
        school.write(lambda s: conflicts.cancel_conflicting(s, who(s), booking, now=NOW, zone=BRUSSELS))

    for who in (factories.luc, factories.samira, factories.farid):
        with pytest.raises(Absent):
            call_off(who)
    call_off(factories.claire)
    off = school.read(lambda s: s.get_one(Booking, booking))
    assert (off.state, off.cancelled_by_teacher, off.is_late_cancellation) == (
        BookingState.CANCELLED,
        True,
        False,
    )
    waits = school.read(lambda s: s.scalars(select(WaitlistEntry)).one())
    assert waits.first_choice
    assert waits.ended_at is None
    letters = select(OutboxItem.person_id).where(OutboxItem.kind == "booking_cancelled")
    assert off.learner_id in school.read(lambda s: s.scalars(letters).all())
    with pytest.raises(Refused):
        school.write(
            lambda s: conflicts.cancel_conflicting(s, factories.claire(s), booking, now=NOW, zone=BRUSSELS)
        )


def test_a_closed_room_lists_its_appointments_until_it_opens_or_somebody_decides(school: School) -> None:
    def prepare(s: Session) -> str:
        nadia = factories.nadia(s)
        factories.rule(s, nadia, 0, "10:00", "11:00", "both")
        at = wall(MONDAY.isoformat(), "10:00")
        return factories.booked(s, factories.samira(s), nadia, at, "onsite").id

    def set_closed(closed_at: datetime | None) -> None:
        school.write(lambda s: setattr(factories.room(s), "closed_at", closed_at))
        look(school)

    made = school.write(prepare)
    assert told(school) == []
    set_closed(NOW)
    assert told(school) == [ConflictReason.ROOM]
    set_closed(None)
    assert told(school) == []
    set_closed(NOW)
    school.write(lambda s: absence.accept_conflict(s, factories.nadia(s), s.get_one(Booking, made), now=NOW))
    assert told(school) == []
    set_closed(NOW + timedelta(hours=1))
    assert told(school) == [ConflictReason.ROOM], "closed anew, after the decision"
