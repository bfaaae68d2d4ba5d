"""Ten minutes to take a cancelled appointment back; after that its hour goes to who waits."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import absence, appointments, availability_search, consistency, kept, withdrawal
from lms.domain.errors import Refused
from lms.models import Booking, BookingState, OutboxItem, Outcome, Person, Room
from lms.refusal_codes import RefusalCode
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School
from tests.support.waitlist import TUESDAY, book, grace, offered_slots, wait

MINUTE = timedelta(minutes=1)
IN_TIME, TOO_LATE = NOW + 9 * MINUTE, NOW + 10 * MINUTE


@pytest.fixture(autouse=True)
def hours(school: School) -> None:
    school.write(lambda s: factories.all_week(s, factories.nadia(s), "09:00", "12:00"))
    school.write(lambda s: factories.all_week(s, factories.luc(s), "09:00", "12:00", mode="onsite"))


def cancel(school: School, booking_id: str, now: datetime = NOW) -> None:
    def operation(session: Session) -> None:
        booking = session.get_one(Booking, booking_id)
        learner = session.get_one(Person, booking.learner_id)
        appointments.cancel(session, learner, booking, "", now=now, zone=BRUSSELS)

    school.write(operation)


def undo(school: School, booking_id: str, now: datetime = IN_TIME) -> Booking:
    def operation(session: Session) -> Booking:
        booking = session.get_one(Booking, booking_id)
        learner = session.get_one(Person, booking.learner_id)
        return appointments.undo_cancellation(session, learner, booking, now=now, zone=BRUSSELS)

    return school.write(operation)


def refusal(school: School, booking_id: str, now: datetime = IN_TIME) -> RefusalCode:
    with pytest.raises(Refused) as caught:
        undo(school, booking_id, now)
    return caught.value.code


def find(school: School, booking_id: str) -> Booking:
    return school.read(lambda s: s.get_one(Booking, booking_id))


def end_overdue(school: School, now: datetime = TOO_LATE) -> None:
    for id_ in school.read(lambda s: kept.overdue_kept(s, now=now)):
        school.write(lambda s, id_=id_: kept.end_kept(s, id_, now=now, zone=BRUSSELS))  # type: ignore[misc]


def faults(school: School, now: datetime = IN_TIME) -> list[str]:
    return school.read(lambda s: consistency.find_faults(s, now=now))


def test_for_ten_minutes_nobody_else_is_asked_or_can_book_and_then_who_waits_is_asked(school: School) -> None:
    made = book(school, TUESDAY)
    wait(school, grace)
    cancel(school, made)
    assert offered_slots(school) == {}
    with pytest.raises(Refused):
        book(school, TUESDAY, who=factories.samira)
    end_overdue(school, IN_TIME)
    assert offered_slots(school) == {}
    end_overdue(school)
    assert offered_slots(school) == {"Grace": TUESDAY}
    assert refusal(school, made, TOO_LATE) == RefusalCode.UNDO_OVER
    assert faults(school, TOO_LATE) == []


def test_taken_back_twice_nothing_of_the_cancellation_remains(school: School) -> None:
    made = book(school, TUESDAY)
    late = TUESDAY - timedelta(hours=2)
    cancel(school, made, late)
    assert find(school, made).is_late_cancellation
    taken_back = undo(school, made, late + 5 * MINUTE)
    assert (taken_back.state, taken_back.attendance, taken_back.sequence) == (BookingState.BOOKED, None, 2)
    assert undo(school, made, late + 60 * MINUTE).sequence == 2
    rows = school.read(
        lambda s: s.scalars(select(OutboxItem).where(OutboxItem.kind == "booking_cancelled")).all()
    )
    assert {row.outcome for row in rows} == {Outcome.VOID}
    assert {row.due_at for row in rows} == {late + 10 * MINUTE}
    assert faults(school, late + 6 * MINUTE) == []


def test_who_had_not_been_told_of_the_appointment_is_told_after_it_is_taken_back(school: School) -> None:
    made = book(school, TUESDAY)
    cancel(school, made)
    undo(school, made)
    open_rows = select(OutboxItem.kind, OutboxItem.sequence).where(OutboxItem.closed_at.is_(None))
    rows = {tuple(row) for row in school.read(lambda s: s.execute(open_rows).all())}
    assert rows == {("booking_made", 2), ("booking_reminder", 2), ("booking_soon", 2)}
    assert faults(school) == []


def test_cancelled_again_after_an_undo_the_teacher_is_told(school: School) -> None:
    made = book(school, TUESDAY)
    cancel(school, made)
    undo(school, made)
    cancel(school, made, IN_TIME)
    open_rows = select(OutboxItem).where(OutboxItem.closed_at.is_(None))
    assert [row.sequence for row in school.read(lambda s: s.scalars(open_rows).all())] == [3, 3]


def test_booking_another_hour_gives_the_kept_one_up_and_the_same_hour_takes_it_back(school: School) -> None:
    made = book(school, TUESDAY)
    wait(school, grace)
    cancel(school, made)
    assert book(school, TUESDAY) == made, "the same hour is the same appointment"
    cancel(school, made)
    other = book(school, TUESDAY, teacher=factories.luc, mode="onsite")
    assert find(school, other).is_booked, "her own kept hour is not in her way"
    assert refusal(school, made) == RefusalCode.UNDO_OVER
    assert offered_slots(school) == {"Grace": TUESDAY}


def test_her_own_kept_hour_is_free_in_her_picker_and_taken_in_that_of_others(school: School) -> None:
    made = book(school, TUESDAY)
    cancel(school, made)

    def starts(who: factories.Who, now: datetime = IN_TIME) -> bool:
        def look(session: Session) -> bool:
            terms = availability_search.SearchTerms(who(session).id, BRUSSELS)
            service, nadia = factories.organisation(session), factories.nadia(session)
            return (
                availability_search.find_free_slot(session, service, terms, nadia.id, TUESDAY, now=now)
                is not None
            )

        return school.write(look)

    assert starts(factories.oksana)
    assert not starts(factories.samira)
    assert starts(factories.samira, TOO_LATE), "over, although no worker ran"


def test_closing_the_day_ends_what_is_kept(school: School) -> None:
    made = book(school, TUESDAY)
    cancel(school, made)

    def close(session: Session) -> None:
        nadia, day = factories.nadia(session), TUESDAY.date()
        absence.cancel_day(session, nadia, nadia, day, now=NOW + MINUTE, zone=BRUSSELS)

    school.write(close)
    assert not find(school, made).is_kept
    assert refusal(school, made) == RefusalCode.UNDO_OVER
    assert faults(school) == []


def test_a_teacher_or_learner_who_left_and_a_closed_room_end_what_is_kept(school: School) -> None:
    def leave(session: Session) -> None:
        factories.luc(session).deactivated_at = NOW

    def close_room(session: Session) -> None:
        session.scalars(select(Room)).one().closed_at = NOW

    for change in (close_room, leave):
        made = book(school, TUESDAY, teacher=factories.luc, mode="onsite")
        cancel(school, made)

        def both(session: Session, change: object = change) -> None:
            change(session)  # type: ignore[operator]
            withdrawal.withdraw_uncovered_offers(session, now=NOW + MINUTE, zone=BRUSSELS)

        school.write(both)
        assert refusal(school, made) == RefusalCode.UNDO_OVER
        school.write(lambda s: setattr(s.scalars(select(Room)).one(), "closed_at", None))


def test_when_the_team_cancels_what_is_kept_it_is_final_and_free_at_once(school: School) -> None:
    made = book(school, TUESDAY)
    wait(school, grace)
    cancel(school, made)
    school.write(
        lambda s: appointments.cancel(
            s, factories.nadia(s), s.get_one(Booking, made), "", now=IN_TIME, zone=BRUSSELS
        )
    )
    assert refusal(school, made) == RefusalCode.UNDO_OVER
    assert offered_slots(school) == {"Grace": TUESDAY}


def test_what_is_kept_too_long_is_found_by_the_check(school: School) -> None:
    cancel(school, book(school, TUESDAY))
    assert "still holds its hour" in " ".join(faults(school, NOW + 30 * MINUTE))


def test_just_before_the_beginning_it_is_kept_for_half_of_the_time(school: School) -> None:
    starts = wall("2026-11-24", "10:00")
    assert kept.keep_until(starts, now=starts - 8 * MINUTE) == starts - 4 * MINUTE
