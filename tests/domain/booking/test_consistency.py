"""The audit finds what no verb should ever leave behind; a school that only used the verbs is sound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from lms.domain import outbox
from lms.domain.booking import appointments, consistency, waitlist
from lms.models import (
    AppointmentRecord,
    Booking,
    BookingState,
    Claim,
    Mode,
    Organisation,
    OutboxItem,
    Outcome,
    Person,
    PersonRole,
    Room,
    WaitlistEntry,
)
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School
from tests.support.waitlist import cancel_for_good

HOUR = timedelta(hours=1)
THURSDAY = "2026-11-26"
TEN = wall(THURSDAY, "10:00")
AFTER_BEGIN = "kept until 2026-11-26 10:00Z, after the hour has begun"


@pytest.fixture(autouse=True)
def hours(school: School) -> None:
    def open_hours(session: Session) -> None:
        factories.organisation(session)
        session.get_one(Organisation, 1).weekly_cap = 9
        session.get_one(Organisation, 1).open_cap = 9
        for teacher in (factories.nadia(session), factories.luc(session)):
            factories.all_week(session, teacher, mode="both")

    school.write(open_hours)


def book(school: School, starts: datetime = TEN, **more: Any) -> Booking:
    learner, teacher = more.pop("learner", factories.samira), more.pop("teacher", factories.nadia)
    return school.write(lambda s: factories.booked(s, learner(s), teacher(s), starts, **more))


def faults(school: School, now: datetime = NOW) -> list[str]:
    return school.read(lambda s: consistency.find_faults(s, now=now))


def fault(school: School, now: datetime = NOW) -> str:
    (found,) = faults(school, now)
    return found


def set_booking(school: School, booking: Booking, **values: Any) -> None:
    school.write(lambda s: s.execute(update(Booking).where(Booking.id == booking.id).values(**values)))


def set_reminder(school: School, booking: Booking, kind: str = "booking_soon", **values: Any) -> None:
    row = (OutboxItem.about_id == booking.id, OutboxItem.kind == kind, OutboxItem.closed_at.is_(None))
    school.write(lambda s: s.execute(update(OutboxItem).where(*row).values(**values)))


def cancel(session: Session, booking: Booking) -> None:
    found = session.get_one(Booking, booking.id)
    cancel_for_good(session, session.get_one(Person, found.learner_id), found, now=NOW)


def waiting(session: Session) -> WaitlistEntry:
    oksana = factories.oksana(session)
    return waitlist.join_waitlist(session, oksana, oksana, None, 7, None, now=NOW)


def offered(school: School) -> Booking:
    """Samira gives her hour back, and Oksana, who waits, is asked whether she wants it."""
    booking = book(school)
    school.write(waiting)
    school.write(lambda s: cancel(s, booking))
    return school.read(
        lambda s: s.scalars(select(Booking).where(Booking.state == BookingState.OFFERED)).one()
    )


def test_a_school_that_books_moves_cancels_and_offers_is_sound(school: School) -> None:
    book(school, mode="onsite")
    moved = book(school, TEN + 2 * HOUR)
    book(school, TEN + HOUR, teacher=factories.luc)
    book(school, NOW + 3 * HOUR, by=school.read(factories.nadia))  # too late for the reminder of a day before

    def move(session: Session) -> None:
        found = session.get_one(Booking, moved.id)
        appointments.move(
            session,
            factories.samira(session),
            found,
            TEN + 3 * HOUR,
            Mode.VIDEO,
            now=NOW + HOUR,
            zone=factories.BRUSSELS,
        )

    school.write(move)
    cancelled = book(school, TEN + 24 * HOUR, teacher=factories.luc)
    school.write(waiting)
    school.write(lambda s: cancel(s, cancelled))
    assert faults(school) == []
    assert school.read(consistency.count_checked).bookings == 6


def test_an_empty_school_is_sound(school: School) -> None:
    assert faults(school) == []
    assert school.read(consistency.count_checked) == (0, 0)


@pytest.mark.parametrize("shared", ["teacher", "learner", "room"])
def test_two_hours_of_one_person_or_room_are_found_without_their_claims(school: School, shared: str) -> None:
    first = book(school, mode="onsite")
    second = book(
        school,
        TEN + 2 * HOUR,
        mode="onsite" if shared == "room" else "video",
        learner=factories.samira if shared == "learner" else factories.oksana,
        teacher=factories.nadia if shared == "teacher" else factories.luc,
    )
    # Somebody with a hand in the database: half an hour later, the claims thrown away.
    later = TEN + HOUR / 2
    set_booking(
        school,
        second,
        starts=later,
        ends=later + HOUR,
        blocked_until=later + HOUR,
        local_start=f"{THURSDAY}T10:30",
    )
    school.write(lambda s: s.execute(delete(Claim)))
    host = {"teacher": first.teacher_id, "learner": first.learner_id, "room": first.room_id}[shared]
    assert f"booking {second.id}: overlaps booking {first.id} of {host}" in faults(school)


def test_a_long_hour_is_remembered_behind_a_short_one(school: School) -> None:
    """The third overlaps the first, although the second, between them, is over by then."""
    first, second, third = (book(school, TEN + number * HOUR) for number in range(3))
    set_booking(school, first, ends=TEN + 3 * HOUR, blocked_until=TEN + 3 * HOUR)
    found = [line for line in faults(school) if "overlaps" in line]
    assert {line.split(":")[0] for line in found} == {f"booking {second.id}", f"booking {third.id}"}
    assert all(f"overlaps booking {first.id} of" in line for line in found)


def test_on_site_the_rest_of_the_room_is_the_teachers_and_not_the_learners(school: School) -> None:
    first = book(school, mode="onsite")
    second = book(school, TEN + 2 * HOUR, teacher=factories.luc)
    later = TEN + HOUR
    set_booking(
        school,
        second,
        starts=later,
        ends=later + HOUR,
        blocked_until=later + HOUR,
        local_start=f"{THURSDAY}T11:00",
    )
    assert first.blocked_until > later
    assert not [line for line in faults(school) if "overlaps" in line]


def test_hours_given_back_overlap_nobody(school: School) -> None:
    first = book(school)
    school.write(lambda s: cancel(s, first))
    book(school, learner=factories.oksana)
    assert faults(school) == []


@pytest.mark.parametrize("half", ["missing", "too many"])
def test_claims_that_do_not_follow_from_the_bookings_are_found(school: School, half: str) -> None:
    booking = book(school)
    if half == "missing":
        school.write(lambda s: s.execute(delete(Claim).where(Claim.person_id == booking.teacher_id)))
    else:
        stray = {"booking_id": booking.id, "person_id": booking.teacher_id, "room_id": None, "cell": 1}
        school.write(lambda s: s.execute(insert(Claim).values(**stray)))
    assert fault(school).endswith(f"claims {half}" if half == "too many" else "claims are missing")


def test_an_instant_that_is_not_the_agreed_hour_is_found_until_it_is_over(school: School) -> None:
    booking = book(school)
    set_booking(school, booking, local_start=f"{THURSDAY}T11:00")
    said = f"booking {booking.id}: agreed for {THURSDAY}T11:00, stands at {THURSDAY}T10:00"
    assert fault(school).startswith(said)
    assert not [line for line in faults(school, TEN) if "agreed" in line]


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd"])
def test_a_zone_that_nobody_knows_is_found(school: School, zone: str) -> None:
    booking = book(school)
    set_booking(school, booking, time_zone=zone)
    assert fault(school) == f"booking {booking.id}: the zone {zone} is not known"


# -- reminders -----------------------------------------------------------------------------------


def test_an_open_reminder_of_no_booking_is_found(school: School) -> None:
    def lost(session: Session) -> None:
        outbox.post(session, "booking_soon", factories.samira(session), "nothing", now=NOW)

    school.write(lost)
    assert fault(school).endswith("of booking nothing: there is no such booking")


def test_an_open_reminder_of_a_cancelled_hour_is_found(school: School) -> None:
    booking = book(school)
    school.write(lambda s: cancel(s, booking))
    assert faults(school) == []
    row = (OutboxItem.about_id == booking.id, OutboxItem.kind == "booking_soon")
    values = {"closed_at": None, "outcome": None}
    school.write(lambda s: s.execute(update(OutboxItem).where(*row).values(**values)))
    found = faults(school)
    assert [line.split(": ")[1] for line in found] == [
        "the booking is cancelled",
        "it is of sequence 0, the booking of 1",
    ]


def test_an_open_reminder_from_before_a_move_is_found(school: School) -> None:
    booking = book(school)
    set_reminder(school, booking, sequence=7)
    found = faults(school)
    assert any(line.endswith("it is of sequence 7, the booking of 0") for line in found)
    assert f"booking {booking.id}: booking_soon was never written" in found


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("booking_soon", {"due_at": TEN - 3 * HOUR}, "due 2026-11-26 06:00Z instead of 2026-11-26 07:00Z"),
        ("booking_soon", {"due_at": TEN - HOUR}, "due 2026-11-26 08:00Z instead of 2026-11-26 07:00Z"),
        ("booking_reminder", {"due_at": TEN}, "due 2026-11-26 09:00Z instead of 2026-11-25 09:00Z"),
        ("booking_soon", {"expires_at": TEN + HOUR}, AFTER_BEGIN),
        ("booking_reminder", {"expires_at": TEN + HOUR}, AFTER_BEGIN),
    ],
)  # fmt: skip
def test_a_reminder_that_contradicts_its_hour_is_found(
    school: School, kind: str, values: dict[str, datetime], said: str
) -> None:
    booking = book(school)
    set_reminder(school, booking, kind, **values)
    found = fault(school)
    assert found.startswith(f"{kind} ")
    assert found.endswith(f" of booking {booking.id}: {said}")


def test_a_reminder_that_is_tried_again_later_contradicts_nothing(school: School) -> None:
    booking = book(school)
    set_reminder(school, booking, due_at=TEN - HOUR, attempts=3)
    assert faults(school, TEN - HOUR) == []


def test_a_reminder_that_goes_to_somebody_else_is_found(school: School) -> None:
    booking = book(school)
    set_reminder(school, booking, person_id=booking.teacher_id)
    assert fault(school).endswith("it goes to somebody else")


def forget(school: School, booking: Booking, kind: str) -> None:
    row = (OutboxItem.about_id == booking.id, OutboxItem.kind == kind)
    school.write(lambda s: s.execute(delete(OutboxItem).where(*row)))


@pytest.mark.parametrize("kind", ["booking_reminder", "booking_soon"])
def test_an_hour_of_which_nobody_will_be_reminded_is_found_until_it_begins(school: School, kind: str) -> None:
    booking = book(school)
    forget(school, booking, kind)
    assert fault(school) == f"booking {booking.id}: {kind} was never written"
    assert faults(school, TEN) == []


def test_a_reminder_that_was_closed_before_its_time_counts_as_none(school: School) -> None:
    booking = book(school)
    set_reminder(school, booking, outcome="void", closed_at=NOW)
    assert fault(school) == f"booking {booking.id}: booking_soon was never written"


@pytest.mark.parametrize("outcome", ["sent", "failed", "expired", "void"])
def test_a_reminder_whose_time_came_is_not_missed(school: School, outcome: str) -> None:
    booking = book(school)
    set_reminder(school, booking, "booking_reminder", outcome=outcome, closed_at=TEN - 24 * HOUR)
    assert faults(school, TEN - 23 * HOUR) == []


def test_who_books_an_hour_before_is_owed_no_reminder(school: School) -> None:
    now = TEN - HOUR
    book(school, by=school.read(factories.nadia), now=now)
    assert faults(school, now) == []


def sent_twice(session: Session, booking: Booking, kind: str, sequence: int) -> None:
    item = outbox.post(
        session, kind, session.get_one(Person, booking.teacher_id), booking.id, sequence=sequence, now=NOW
    )
    item.outcome, item.closed_at = Outcome.SENT, NOW


def test_a_reminder_that_left_twice_is_found_and_one_of_before_a_move_is_none(school: School) -> None:
    booking = book(school)
    set_reminder(school, booking, outcome="sent", closed_at=TEN - 2 * HOUR)
    school.write(lambda s: sent_twice(s, booking, "booking_soon", sequence=4))
    school.write(lambda s: sent_twice(s, booking, "booking_moved", sequence=0))
    assert faults(school) == []
    school.write(lambda s: sent_twice(s, booking, "booking_soon", sequence=0))
    assert fault(school) == f"booking {booking.id}: booking_soon of sequence 0 was sent 2 times"


# -- offers --------------------------------------------------------------------------------------


def test_an_offer_that_ran_out_and_still_holds_its_hour_is_found_after_ten_minutes(school: School) -> None:
    offer = offered(school)
    assert offer.expires_at is not None
    assert faults(school, offer.expires_at + timedelta(minutes=9)) == []
    assert fault(school, offer.expires_at + timedelta(minutes=11)).startswith(f"offer {offer.id}: ran out ")


def test_an_offer_that_outlives_its_hour_is_found(school: School) -> None:
    offer = offered(school)
    set_booking(school, offer, expires_at=offer.starts + HOUR)
    assert fault(school) == f"offer {offer.id}: open until its hour has begun"


def test_an_offer_to_somebody_who_waits_no_more_is_found(school: School) -> None:
    offer = offered(school)
    school.write(lambda s: s.execute(update(WaitlistEntry).values(ended_at=NOW, outcome="withdrawn")))
    assert fault(school) == f"offer {offer.id}: the waitlist entry {offer.waitlist_entry_id} has ended"


def test_an_offer_for_the_wish_of_somebody_else_is_found(school: School) -> None:
    offer = offered(school)
    school.write(lambda s: s.execute(update(WaitlistEntry).values(learner_id=factories.samira(s).id)))
    assert (
        fault(school) == f"offer {offer.id}: the waitlist entry {offer.waitlist_entry_id} is somebody else's"
    )


# -- people, rooms, weeks ------------------------------------------------------------------------


def set_left(school: School, person_id: str, at: datetime | None) -> None:
    school.write(lambda s: s.execute(update(Person).where(Person.id == person_id).values(deactivated_at=at)))


def test_an_appointment_of_somebody_who_left_is_found(school: School) -> None:
    booking = book(school)
    for kind, person_id in (("learner", booking.learner_id), ("teacher", booking.teacher_id)):
        set_left(school, person_id, NOW)
        assert fault(school) == f"booking {booking.id}: the {kind} {person_id} is deactivated"
        assert faults(school, TEN) == []
        set_left(school, person_id, None)


def test_an_appointment_with_somebody_who_does_not_teach_is_found(school: School) -> None:
    booking = book(school)
    school.write(lambda s: s.execute(delete(PersonRole).where(PersonRole.person_id == booking.teacher_id)))
    assert fault(school) == f"booking {booking.id}: the teacher {booking.teacher_id} is no teacher"


def test_an_appointment_in_a_room_that_closed_is_found(school: School) -> None:
    booking = book(school, mode="onsite")
    school.write(lambda s: s.execute(update(Room).values(closed_at=NOW)))
    assert fault(school) == f"booking {booking.id}: the room {booking.room_id} is closed"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"iso_week": "2026-W47"}, "counts for the week 2026-W47 instead of 2026-W48"),
        ({"expires_at": TEN}, "booked, and still to be answered"),
    ],
)
def test_a_booking_that_contradicts_itself_is_found(
    school: School, values: dict[str, Any], said: str
) -> None:
    booking = book(school)
    set_booking(school, booking, **values)
    assert fault(school) == f"booking {booking.id}: {said}"


def test_an_attendance_of_an_hour_to_come_is_found(school: School) -> None:
    booking = book(school)
    values = {"attendance": "done", "marked_at": NOW, "marked_by_id": booking.teacher_id}
    school.write(lambda s: s.execute(update(AppointmentRecord).values(**values)))
    assert fault(school) == f"booking {booking.id}: booked, and marked as done"


# -- many ----------------------------------------------------------------------------------------


def statements(school: School, operation: Callable[[Session], object]) -> int:
    with school.counting_statements() as sent:
        school.read(operation)
    return len(sent)


def test_the_audit_asks_no_more_of_a_large_school(school: School) -> None:
    book(school)
    few = statements(school, lambda s: consistency.find_faults(s, now=NOW))
    for number in range(1, 6):
        book(school, TEN + number * HOUR, teacher=factories.luc)
    assert statements(school, lambda s: consistency.find_faults(s, now=NOW)) == few <= 9
