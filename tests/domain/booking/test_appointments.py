from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config import BRUSSELS
from lms.domain.booking import allocation, appointments, occupancy
from lms.domain.errors import Refused
from lms.models import AuditEvent, Booking, BookingState, Claim, Organisation, OutboxItem, Person
from tests import factories
from tests.factories import NOW, wall
from tests.support.school import School

TUESDAY = wall("2026-11-24", "10:00")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def teachers(school: School) -> None:
    """Nadia by video, Luc either way, on every weekday from 9 to 17."""

    def offer(session: Session) -> None:
        factories.all_week(session, factories.nadia(session))
        factories.all_week(session, factories.luc(session), mode="both")

    school.write(offer)


def book(
    school: School,
    starts: datetime,
    who: Callable[[Session], Person] = factories.samira,
    teacher: Callable[[Session], Person] = factories.nadia,
    mode: Any = "video",
    **more: Any,
) -> Booking:
    return school.write(
        lambda s: factories.booked(
            s, who(s), teacher(s), starts, mode, **{k: v(s) if callable(v) else v for k, v in more.items()}
        )
    )


def refusal(operation: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        operation()
    return caught.value.code


def test_a_booked_hour_is_kept_as_it_was_agreed(school: School) -> None:
    made = book(school, TUESDAY)
    assert (made.local_start, made.time_zone, made.iso_week) == (
        "2026-11-24T10:00",
        "Europe/Brussels",
        "2026-W48",
    )
    assert (made.starts, made.ends, made.blocked_until) == (TUESDAY, TUESDAY + HOUR, TUESDAY + HOUR)
    assert (made.sequence, made.state, len(made.video_key)) == (0, BookingState.BOOKED, 32)
    assert school.read(occupancy.find_mismatches) == []


def test_a_double_booking_is_refused_to_the_second_learner(school: School) -> None:
    book(school, TUESDAY)
    assert refusal(lambda: book(school, TUESDAY, factories.oksana)) == "slot_taken"
    assert school.read(lambda s: s.scalar(select(func.count()).select_from(Booking))) == 1


def test_hours_that_touch_are_both_booked(school: School) -> None:
    book(school, TUESDAY)
    book(school, TUESDAY + HOUR, factories.oksana)
    assert school.read(occupancy.find_mismatches) == []


def test_a_learner_is_not_in_two_places(school: School) -> None:
    book(school, TUESDAY)
    assert refusal(lambda: book(school, TUESDAY, teacher=factories.luc)) == "busy_yourself"


def test_after_a_session_on_site_teacher_and_room_rest_a_quarter_but_the_learner_is_free(
    school: School,
) -> None:
    made = book(school, TUESDAY, teacher=factories.luc, mode="onsite")
    assert made.blocked_until == made.ends + timedelta(minutes=15)
    assert refusal(lambda: book(school, TUESDAY + HOUR, factories.oksana, factories.luc)) == "slot_taken"
    book(school, TUESDAY + HOUR, teacher=factories.nadia)


def test_one_room_holds_one_session(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 5, "10:00", "12:00", "onsite"))
    school.write(lambda s: factories.rule(s, factories.luc(s), 5, "10:15", "12:15", "onsite"))
    book(school, wall("2026-11-28", "10:00"), mode="onsite")
    later = wall("2026-11-28", "10:15")
    assert refusal(lambda: book(school, later, factories.oksana, factories.luc, "onsite")) == "slot_taken"


def test_with_two_desks_two_sessions_find_room(school: School) -> None:
    def desks(session: Session) -> None:
        for name in ("Bureau A", "Bureau B"):
            desk = factories.room(session, name).id
            for teacher in (factories.nadia(session), factories.luc(session)):
                factories.rule(session, teacher, 5, "10:00", "12:00", "onsite", room_id=desk)

    school.write(desks)
    saturday = wall("2026-11-28", "10:00")
    first = book(school, saturday, mode="onsite")
    second = book(school, saturday, factories.oksana, factories.luc, "onsite")
    assert first.room_id != second.room_id


def test_hours_outside_the_terms_are_refused_with_their_reason(school: School) -> None:
    assert refusal(lambda: book(school, wall("2026-11-23", "16:00"))) == "too_soon"
    assert refusal(lambda: book(school, wall("2027-02-01", "10:00"))) == "too_far"
    assert refusal(lambda: book(school, wall("2026-11-24", "18:00"))) == "slot_gone"
    assert refusal(lambda: book(school, TUESDAY, mode="onsite")) == "slot_gone"
    assert refusal(lambda: book(school, TUESDAY, factories.luc)) == "not_bookable"
    christmas = wall("2026-12-25", "10:00")
    assert refusal(lambda: book(school, christmas)) == "slot_gone"


def test_the_team_books_for_the_next_hour_but_never_over_another_nor_in_the_past(school: School) -> None:
    soon = wall("2026-11-23", "11:00")
    made = book(school, soon, by=factories.nadia)
    assert made.booked_by_id != made.learner_id
    assert refusal(lambda: book(school, soon, factories.oksana, by=factories.nadia)) == "slot_taken"
    past = wall("2026-11-23", "09:00")
    assert refusal(lambda: book(school, past, factories.oksana, by=factories.nadia)) == "too_soon"


def test_a_week_holds_two_appointments_and_the_next_week_holds_more(school: School) -> None:
    for hours in (0, 24):
        book(school, TUESDAY + timedelta(hours=hours))
    assert refusal(lambda: book(school, TUESDAY + timedelta(days=2))) == "week_full"
    book(school, TUESDAY + timedelta(days=7))
    book(school, TUESDAY + timedelta(days=8))
    assert refusal(lambda: book(school, TUESDAY + timedelta(days=14))) == "too_many_open"


def test_an_hour_agreed_in_summer_keeps_its_wall_time_in_winter(school: School) -> None:
    summer = wall("2026-10-01", "08:00")
    school.write(lambda s: setattr(factories.organisation(s), "horizon_days", 60))
    before = book(school, wall("2026-10-23", "10:00"), now=summer)
    after = book(school, wall("2026-10-26", "10:00"), now=summer)
    assert (before.starts.hour, after.starts.hour) == (8, 9)
    assert [b.local_start[-5:] for b in (before, after)] == ["10:00", "10:00"]


# -- moving and cancelling -----------------------------------------------------------------------


def move(
    school: School, made: Booking, starts: datetime, mode: Any = "video", by: Any = factories.samira
) -> Booking:
    return school.write(
        lambda s: appointments.move(
            s, by(s), s.get_one(Booking, made.id), starts, mode, now=NOW, zone=BRUSSELS
        )
    )


def cancel(school: School, made: Booking, by: Any = factories.samira, now: datetime = NOW) -> Booking:
    return school.write(
        lambda s: appointments.cancel(s, by(s), s.get_one(Booking, made.id), "", now=now, zone=BRUSSELS)
    )


def test_a_moved_booking_is_the_same_booking_with_the_next_sequence(school: School) -> None:
    made = book(school, TUESDAY)
    moved = move(school, made, TUESDAY + 3 * HOUR)
    assert (moved.id, moved.uid, moved.sequence) == (made.id, made.uid, 1)
    assert moved.local_start == "2026-11-24T13:00"
    assert school.read(occupancy.find_mismatches) == []
    book(school, TUESDAY, factories.oksana)


def test_a_booking_moves_onto_hours_it_holds_itself(school: School) -> None:
    school.write(lambda s: factories.rule(s, factories.nadia(s), 5, "09:00", "10:00"))
    school.write(lambda s: factories.rule(s, factories.nadia(s), 5, "09:30", "10:30"))
    made = book(school, wall("2026-11-28", "09:00"))
    assert move(school, made, wall("2026-11-28", "09:30")).sequence == 1
    assert school.read(occupancy.find_mismatches) == []


def test_a_move_onto_its_own_hour_changes_nothing_and_mails_nobody(school: School) -> None:
    made = book(school, TUESDAY)
    before = school.read(lambda s: s.scalar(select(func.count()).select_from(OutboxItem)))
    assert move(school, made, TUESDAY).sequence == 0
    assert school.read(lambda s: s.scalar(select(func.count()).select_from(OutboxItem))) == before


def test_a_move_into_a_taken_hour_leaves_everything_as_it_was(school: School) -> None:
    made = book(school, TUESDAY)
    book(school, TUESDAY + HOUR, factories.oksana)
    assert refusal(lambda: move(school, made, TUESDAY + HOUR)) == "slot_taken"
    kept = school.read(lambda s: s.get_one(Booking, made.id))
    assert (kept.starts, kept.sequence) == (TUESDAY, 0)
    assert school.read(occupancy.find_mismatches) == []


def test_in_a_full_week_a_booking_still_moves_inside_it(school: School) -> None:
    first = book(school, TUESDAY)
    book(school, TUESDAY + timedelta(days=1))
    move(school, first, TUESDAY + timedelta(days=2))
    third = book(school, TUESDAY + timedelta(days=7))
    assert refusal(lambda: move(school, third, TUESDAY)) == "week_full"


def test_a_cancelled_hour_can_be_booked_again(school: School) -> None:
    made = cancel(school, book(school, TUESDAY), by=factories.nadia)
    assert (made.state, made.sequence, made.cancelled_at) == (BookingState.CANCELLED, 1, NOW)
    book(school, TUESDAY, factories.oksana)
    assert school.read(occupancy.find_mismatches) == []


def test_cancelling_late_is_noted_only_of_the_learner(school: School) -> None:
    late = TUESDAY - timedelta(hours=3)
    assert not cancel(school, book(school, TUESDAY)).is_late_cancellation
    assert cancel(school, book(school, TUESDAY), now=late).is_late_cancellation
    assert not cancel(school, book(school, TUESDAY), by=factories.nadia, now=late).is_late_cancellation


def test_what_is_over_or_cancelled_no_longer_changes(school: School) -> None:
    made = book(school, TUESDAY)
    assert refusal(lambda: cancel(school, made, now=TUESDAY)) == "already_begun"
    cancel(school, made)
    assert refusal(lambda: cancel(school, made)) == "already_cancelled"
    assert refusal(lambda: move(school, made, TUESDAY + HOUR)) == "already_cancelled"


# -- who is told ---------------------------------------------------------------------------------


def told(school: School, made: Booking) -> list[tuple[str, int, bool]]:
    """(kind, sequence, still open) of every message about it."""
    rows = school.read(lambda s: s.scalars(select(OutboxItem).where(OutboxItem.about_id == made.id)).all())
    return sorted((row.kind, row.sequence, row.closed_at is None) for row in rows)


def test_both_are_told_and_the_learner_is_reminded_a_day_and_two_hours_before(school: School) -> None:
    friday = wall("2026-11-27", "10:00")
    made = book(school, friday)
    assert told(school, made) == [
        ("booking_made", 0, True), ("booking_made", 0, True),
        ("booking_reminder", 0, True), ("booking_soon", 0, True)
    ]  # fmt: skip
    rows = school.read(lambda s: s.scalars(select(OutboxItem).where(OutboxItem.due_at > NOW)).all())
    assert {row.kind: (row.due_at, row.expires_at) for row in rows} == {
        "booking_reminder": (friday - 24 * HOUR, friday - 2 * HOUR),
        "booking_soon": (friday - 2 * HOUR, friday),
    }
    assert {row.person_id for row in rows} == {made.learner_id}


@pytest.mark.parametrize(("hours", "reminders"), [(25, 2), (20, 1), (1, 0)])
def test_a_reminder_whose_time_has_passed_is_not_written(school: School, hours: int, reminders: int) -> None:
    at = TUESDAY - hours * HOUR
    made = school.write(
        lambda s: factories.booked(
            s, factories.samira(s), factories.nadia(s), TUESDAY, by=factories.nadia(s), now=at
        )
    )
    kinds = [kind for kind, _, _ in told(school, made) if kind != "booking_made"]
    assert len(kinds) == reminders


def test_a_move_voids_what_was_said_before(school: School) -> None:
    made = book(school, wall("2026-11-27", "10:00"))
    move(school, made, wall("2026-11-26", "10:00"))
    assert [line for line in told(school, made) if line[2]] == [
        ("booking_moved", 1, True), ("booking_moved", 1, True),
        ("booking_reminder", 1, True), ("booking_soon", 1, True)
    ]  # fmt: skip


def test_after_a_cancellation_only_the_cancellation_is_said(school: School) -> None:
    made = cancel(school, book(school, wall("2026-11-27", "10:00")))
    assert [line for line in told(school, made) if line[2]] == [("booking_cancelled", 1, True)] * 2


def test_the_journal_says_who_booked_moved_and_cancelled(school: School) -> None:
    made = book(school, TUESDAY)
    move(school, made, TUESDAY + HOUR, by=factories.nadia)
    cancel(school, made)
    lines = school.read(
        lambda s: s.scalars(select(AuditEvent.action).where(AuditEvent.object_id == made.id)).all()
    )
    assert sorted(lines) == ["booking_cancelled", "booking_made", "booking_moved"]


# -- proof ---------------------------------------------------------------------------------------


def test_the_unique_keys_refuse_an_overlap_that_no_check_saw(school: School) -> None:
    """The claims alone must hold, whatever the verb forgot to look at."""
    made = book(school, TUESDAY)

    def smuggle(session: Session) -> None:
        allocation.save_and_claim(session, book_row(session, made))

    assert refusal(lambda: school.write(smuggle)) == "slot_taken"


def book_row(session: Session, like: Booking) -> Booking:
    columns = {column.name: getattr(like, column.name) for column in Booking.__table__.columns}
    columns.update(id="smuggled", uid="another", video_key="another", learner_id=factories.oksana(session).id)
    return Booking(**columns)


def test_the_audit_sees_a_missing_and_a_foreign_claim(school: School) -> None:
    made = book(school, TUESDAY)

    def spoil(session: Session) -> None:
        claim = session.scalars(select(Claim).limit(1)).one()
        session.delete(claim)
        session.add(Claim(booking_id=made.id, person_id=factories.oksana(session).id, cell=1))

    school.write(spoil)
    assert len(school.read(occupancy.find_mismatches)) == 2


def test_the_terms_of_the_service_are_read_each_time(school: School) -> None:
    school.write(lambda s: setattr(s.get_one(Organisation, 1), "weekly_cap", 1))
    book(school, TUESDAY)
    assert refusal(lambda: book(school, TUESDAY + HOUR)) == "week_full"
