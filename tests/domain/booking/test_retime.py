"""Belgium changes its clock by law: the agreed hour on the wall stays, the instant follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from struct import pack
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from lms.domain import outbox
from lms.domain.booking import appointments, occupancy, retime
from lms.models import AuditEvent, Booking, Claim, Mode, Organisation, OutboxItem, WaitlistEntry
from tests import factories
from tests.factories import wall
from tests.support.school import School

NOW = wall("2027-06-28", "08:00")
MONDAY, TUESDAY = "2027-07-05", "2027-07-06"
HOUR = timedelta(hours=1)


def brussels(rule: str) -> ZoneInfo:
    """Europe/Brussels as other time zone data could have it: a TZif file of one POSIX rule."""
    block = pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4) + pack(">lbb", 3600, 0, 0) + b"CET\0"
    return ZoneInfo.from_file(BytesIO(block + block + f"\n{rule}\n".encode()), key="Europe/Brussels")


AS_BEFORE = brussels("CET-1CEST,M3.5.0,M10.5.0/3")
ALWAYS_WINTER = brussels("CET-1")
SUMMER_ALL_YEAR = brussels("CEST-2")
# The clock changes on that Monday at ten: forward over 10:00-11:00, or back so that it comes twice.
JUMPS_OVER_TEN = brussels("CET-1CEST,J186/10,J300/3")
SHOWS_TEN_TWICE = brussels("CET-1CEST,J87/2,J186/11")
TWENTY_MINUTES_OFF = brussels("<+0120>-1:20")


@pytest.fixture
def school(school: School) -> School:
    def open_hours(session: Session) -> None:
        factories.organisation(session)
        session.get_one(Organisation, 1).weekly_cap = 4
        for teacher in (factories.nadia(session), factories.luc(session)):
            factories.all_week(session, teacher, "08:00", "18:00", mode="both")

    school.write(open_hours)
    return school


def book(
    school: School, day: str = MONDAY, hour: str = "10:00", teacher: Any = factories.nadia, **more: Any
) -> Booking:
    learner = more.pop("learner", factories.samira)
    return school.write(
        lambda s: factories.booked(s, learner(s), teacher(s), wall(day, hour), now=NOW - HOUR, **more)
    )


def retimed(school: School, zone: ZoneInfo = ALWAYS_WINTER, now: datetime = NOW) -> retime.Plan:
    return school.write(lambda s: retime.apply_changes(s, now=now, zone=zone))


def again(school: School, booking: Booking) -> Booking:
    return school.read(lambda s: s.get_one(Booking, booking.id))


def open_rows(school: School, booking: Booking) -> set[tuple[str, int, datetime]]:
    return school.read(
        lambda s: {
            (item.kind, item.sequence, item.due_at)
            for item in s.scalars(
                select(OutboxItem).where(OutboxItem.about_id == booking.id, OutboxItem.closed_at.is_(None))
            )
        }
    )


def claims_are_sound(school: School) -> bool:
    return school.read(occupancy.find_mismatches) == []


def test_the_made_up_clock_is_the_clock_of_belgium() -> None:
    """So that what follows proves something about zones and not about a file of ours."""
    for day in range(365):
        noon = datetime(2027, 1, 1, 12, tzinfo=UTC) + timedelta(days=day)
        assert noon.astimezone(AS_BEFORE).utcoffset() == noon.astimezone(factories.BRUSSELS).utcoffset()


def test_where_the_clock_stays_there_is_nothing_to_do(school: School) -> None:
    before = book(school)
    assert retimed(school, AS_BEFORE) == retime.Plan([], [], [])
    after = again(school, before)
    assert (after.sequence, after.changed_at) == (0, before.changed_at)


def test_without_summer_time_ten_on_the_wall_is_an_hour_later(school: School) -> None:
    booking = book(school, mode="onsite")
    found = retimed(school)
    (change,) = found.changes
    assert (change.booking_id, change.wall) == (booking.id, f"{MONDAY}T10:00 Europe/Brussels")
    assert (change.before, change.after) == (booking.starts, booking.starts + HOUR)
    after = again(school, booking)
    assert after.starts == datetime(2027, 7, 5, 9, tzinfo=UTC)
    assert (after.ends - after.starts, after.blocked_until - after.ends) == (HOUR, timedelta(minutes=15))
    assert (after.local_start, after.iso_week) == (f"{MONDAY}T10:00", "2027-W27")
    assert (after.sequence, after.changed_at) == (1, NOW)
    assert after.uid == booking.uid
    assert claims_are_sound(school)


def test_both_are_told_and_the_reminders_follow_the_hour(school: School) -> None:
    booking = book(school)
    starts = booking.starts + HOUR
    assert ("booking_soon", 0, booking.starts - 2 * HOUR) in open_rows(school, booking)
    retimed(school)
    assert open_rows(school, booking) == {
        ("booking_retimed", 1, NOW),
        ("booking_reminder", 1, starts - 24 * HOUR),
        ("booking_soon", 1, starts - 2 * HOUR),
    }
    told = select(OutboxItem.person_id).where(OutboxItem.kind == "booking_retimed")
    assert set(school.read(lambda s: s.scalars(told).all())) == {booking.learner_id, booking.teacher_id}
    line = school.read(
        lambda s: s.scalars(select(AuditEvent).where(AuditEvent.action == "booking_retimed")).one()
    )
    assert (line.object_id, line.detail) == (booking.id, "2027-07-05T08:00Z 2027-07-05T09:00Z")


def test_a_second_run_changes_nothing(school: School) -> None:
    booking = book(school)
    retimed(school)
    rows = open_rows(school, booking)
    assert retimed(school, now=NOW + HOUR) == retime.Plan([], [], [])
    assert again(school, booking).sequence == 1
    assert open_rows(school, booking) == rows


def test_the_plan_says_the_same_and_changes_nothing(school: School) -> None:
    booking = book(school)
    rows = open_rows(school, booking)
    planned = school.read(lambda s: retime.plan_changes(s, now=NOW, zone=ALWAYS_WINTER))
    assert again(school, booking).starts == booking.starts
    assert open_rows(school, booking) == rows
    assert retimed(school) == planned


def test_the_plan_is_found_in_one_statement(school: School) -> None:
    for hour in ("08:00", "10:00", "12:00"):
        book(school, hour=hour)
    with school.counting_statements() as sent:
        school.read(lambda s: retime.plan_changes(s, now=NOW, zone=ALWAYS_WINTER))
    assert len(sent) == 1


def test_a_full_day_moves_together_each_hour_onto_the_place_of_the_next(school: School) -> None:
    day = [book(school, hour=hour) for hour in ("09:00", "10:00", "11:00", "12:00")]
    assert len(retimed(school).changes) == 4
    assert [again(school, one).starts for one in day] == [one.starts + HOUR for one in day]
    assert claims_are_sound(school)


def test_what_is_over_cancelled_or_running_is_left_alone(school: School) -> None:
    running = book(school, hour="09:00")
    cancelled = book(school, TUESDAY)
    school.write(
        lambda s: s.execute(
            update(Booking)
            .where(Booking.id == cancelled.id)
            .values(state="cancelled", cancelled_at=NOW, cancelled_by_id=cancelled.learner_id)
        )
    )
    during = running.starts + HOUR / 2
    assert retimed(school, now=during) == retime.Plan([], [], [])
    assert again(school, running).sequence == 0


def test_an_offer_moves_in_silence(school: School) -> None:
    """Nobody was told more than its hour on the wall, and that one stays."""
    booking = book(school)

    def offered(session: Session) -> None:
        entry = WaitlistEntry(
            learner_id=booking.learner_id,
            created_by_id=booking.learner_id,
            created_at=NOW,
            parts=7,
            first_choice=False,
        )
        session.add(entry)
        session.flush()
        values = {"state": "offered", "waitlist_entry_id": entry.id, "expires_at": NOW + HOUR}
        session.execute(update(Booking).where(Booking.id == booking.id).values(**values))
        outbox.void_items(session, booking.id, now=NOW)

    school.write(offered)
    assert len(retimed(school).changes) == 1
    after = again(school, booking)
    assert (after.starts, after.sequence) == (booking.starts + HOUR, 0)
    assert open_rows(school, booking) == set()
    assert claims_are_sound(school)


@pytest.mark.parametrize(
    ("zone", "reason"),
    [
        (JUMPS_OVER_TEN, retime.MISSING),
        (SHOWS_TEN_TWICE, retime.DOUBLED),
        (TWENTY_MINUTES_OFF, retime.OFF_GRID),
    ],
    ids=["missing", "doubled", "off the grid"],
)
def test_an_hour_that_is_no_hour_any_more_is_named_and_left_alone(
    school: School, zone: ZoneInfo, reason: str
) -> None:
    booking = book(school)
    found = retimed(school, zone)
    assert found == retime.Plan([], [retime.Fault(booking.id, f"{MONDAY}T10:00 Europe/Brussels", reason)], [])
    assert again(school, booking).starts == booking.starts


def test_a_fault_does_not_keep_the_others_from_their_hour(school: School) -> None:
    """When the clock jumps over ten on that day, nine is summer no more and Tuesday still is."""
    nine, ten = (
        book(school, hour="09:00"),
        book(school, hour="10:00", teacher=factories.luc, learner=factories.oksana),
    )
    tuesday = book(school, TUESDAY)
    found = retimed(school, JUMPS_OVER_TEN)
    assert [fault.booking_id for fault in found.faults] == [ten.id]
    assert [change.booking_id for change in found.changes] == [nine.id]
    assert again(school, nine).starts == nine.starts + HOUR
    assert again(school, tuesday).starts == tuesday.starts


def set_wall(school: School, booking: Booking, **values: Any) -> None:
    school.write(lambda s: s.execute(update(Booking).where(Booking.id == booking.id).values(**values)))


@pytest.mark.parametrize("values", [{"time_zone": "Europe/Atlantis"}, {"local_start": "demain"}])
def test_a_wall_time_that_nobody_can_read_is_named(school: School, values: dict[str, str]) -> None:
    set_wall(school, book(school), **values)
    (fault,) = retimed(school).faults
    assert fault.reason == retime.UNREADABLE


def test_an_hour_agreed_in_another_zone_stays_in_that_zone(school: School) -> None:
    booking = book(school)
    set_wall(school, booking, time_zone="Europe/London", local_start=f"{MONDAY}T09:00")
    assert retimed(school) == retime.Plan([], [], [])


def by_winter_time(school: School, hour: int, minute: int = 0, *, learner: Any = factories.samira) -> Booking:
    """Agreed on that Monday, at an hour of UTC, when Belgium kept its winter time."""
    starts = datetime(2027, 7, 5, hour, minute, tzinfo=UTC)

    def operation(session: Session) -> Booking:
        who, nadia = learner(session), factories.nadia(session)
        factories.rule(session, nadia, 0, f"{hour + 1:02}:{minute:02}", f"{hour + 2:02}:{minute:02}")
        return appointments.book(session, who, who, nadia.id, starts, Mode.VIDEO, now=NOW, zone=ALWAYS_WINTER)

    return school.write(operation)


def test_an_hour_that_would_have_begun_already_is_named(school: School) -> None:
    booking = by_winter_time(school, 9)
    found = retimed(school, SUMMER_ALL_YEAR, now=booking.starts - HOUR / 2)
    assert [fault.reason for fault in found.faults] == [retime.BEGUN]
    assert again(school, booking).starts == booking.starts


def test_nothing_moves_onto_an_hour_that_runs(school: School) -> None:
    running, next_one = by_winter_time(school, 9), by_winter_time(school, 10, 30, learner=factories.oksana)
    found = retimed(school, SUMMER_ALL_YEAR, now=running.starts + HOUR / 4)
    assert [one.reason for one in found.collisions] == [f"it collides with booking {running.id}"]
    assert again(school, next_one).starts == next_one.starts


def in_london(session: Session, booking: Booking) -> None:
    """Agreed by the clock of London, which keeps its summer time: this one stays where it is."""
    values = {"time_zone": "Europe/London", "local_start": f"{MONDAY}T10:00"}
    session.execute(update(Booking).where(Booking.id == booking.id).values(**values))


def test_where_two_would_stand_on_one_place_nothing_moves(school: School) -> None:
    ten, eleven, other = book(school), book(school, hour="11:00"), book(school, TUESDAY)
    school.write(lambda s: in_london(s, eleven))
    found = retimed(school)
    assert (found.changes, found.faults) == ([], [])
    (collision,) = found.collisions
    assert (collision.booking_id, collision.reason) == (eleven.id, f"it collides with booking {ten.id}")
    assert [again(school, one).starts for one in (ten, eleven, other)] == [
        ten.starts,
        eleven.starts,
        other.starts,
    ]
    planned = school.read(lambda s: retime.plan_changes(s, now=NOW, zone=ALWAYS_WINTER))
    assert planned.collisions == [collision]


def test_a_claim_that_should_not_be_there_stops_the_whole_run(school: School) -> None:
    """Left behind by a fault of ours or by a hand in the database: the unique key has the last word."""
    early, ten = book(school, hour="08:00"), book(school)
    set_wall(school, early, time_zone="Europe/London", local_start=f"{MONDAY}T07:00")
    stray = int((ten.ends + HOUR / 2).timestamp()) // 900
    school.write(lambda s: s.add(Claim(booking_id=early.id, person_id=ten.teacher_id, cell=stray)))
    found = retimed(school)
    assert found.changes == []
    assert [one.booking_id for one in found.collisions] == [ten.id]
    assert [again(school, one).starts for one in (early, ten)] == [early.starts, ten.starts]
    assert ("booking_soon", 0, ten.starts - 2 * HOUR) in open_rows(school, ten)
