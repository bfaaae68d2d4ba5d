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
from lms.models import AuditEvent, Booking, Claim, OutboxItem, Service, WaitlistEntry
from tests import factories
from tests.factories import wall
from tests.support.school import House

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


@pytest.fixture(autouse=True)
def long_hours(house: House) -> None:
    def open_hours(session: Session) -> None:
        factories.school(session)
        session.get_one(Service, 1).weekly_cap = 4
        for teacher in (factories.nadia(session), factories.luc(session)):
            factories.all_week(session, teacher, "08:00", "18:00", mode="both")

    house.write(open_hours)


def book(
    house: House, day: str = MONDAY, hour: str = "10:00", teacher: Any = factories.nadia, **more: Any
) -> Booking:
    learner = more.pop("learner", factories.samira)
    return house.write(
        lambda s: factories.booked(s, learner(s), teacher(s), wall(day, hour), now=NOW - HOUR, **more)
    )


def retimed(house: House, zone: ZoneInfo = ALWAYS_WINTER, now: datetime = NOW) -> retime.Plan:
    return house.write(lambda s: retime.apply(s, zone, now))


def again(house: House, booking: Booking) -> Booking:
    return house.read(lambda s: s.get_one(Booking, booking.id))


def open_rows(house: House, booking: Booking) -> set[tuple[str, int, datetime]]:
    return house.read(
        lambda s: {
            (item.kind, item.sequence, item.due_at)
            for item in s.scalars(
                select(OutboxItem).where(OutboxItem.about_id == booking.id, OutboxItem.closed_at.is_(None))
            )
        }
    )


def claims_are_sound(house: House) -> bool:
    return house.read(occupancy.broken) == []


def test_the_made_up_clock_is_the_clock_of_belgium() -> None:
    """So that what follows proves something about zones and not about a file of ours."""
    for day in range(365):
        noon = datetime(2027, 1, 1, 12, tzinfo=UTC) + timedelta(days=day)
        assert noon.astimezone(AS_BEFORE).utcoffset() == noon.astimezone(factories.BRUSSELS).utcoffset()


def test_where_the_clock_stays_there_is_nothing_to_do(house: House) -> None:
    before = book(house)
    assert retimed(house, AS_BEFORE) == retime.Plan([], [], [])
    after = again(house, before)
    assert (after.sequence, after.changed_at) == (0, before.changed_at)


def test_without_summer_time_ten_on_the_wall_is_an_hour_later(house: House) -> None:
    booking = book(house, mode="onsite")
    found = retimed(house)
    (change,) = found.changes
    assert (change.booking_id, change.wall) == (booking.id, f"{MONDAY}T10:00 Europe/Brussels")
    assert (change.before, change.after) == (booking.starts, booking.starts + HOUR)
    after = again(house, booking)
    assert after.starts == datetime(2027, 7, 5, 9, tzinfo=UTC)
    assert (after.ends - after.starts, after.free_at - after.ends) == (HOUR, timedelta(minutes=15))
    assert (after.wall_start, after.week) == (f"{MONDAY}T10:00", "2027-W27")
    assert (after.sequence, after.changed_at) == (1, NOW)
    assert after.uid == booking.uid
    assert claims_are_sound(house)


def test_both_are_told_and_the_reminders_follow_the_hour(house: House) -> None:
    booking = book(house)
    starts = booking.starts + HOUR
    assert ("booking_soon", 0, booking.starts - 2 * HOUR) in open_rows(house, booking)
    retimed(house)
    assert open_rows(house, booking) == {
        ("booking_retimed", 1, NOW),
        ("booking_reminder", 1, starts - 24 * HOUR),
        ("booking_soon", 1, starts - 2 * HOUR),
    }
    told = select(OutboxItem.person_id).where(OutboxItem.kind == "booking_retimed")
    assert set(house.read(lambda s: s.scalars(told).all())) == {booking.learner_id, booking.teacher_id}
    line = house.read(
        lambda s: s.scalars(select(AuditEvent).where(AuditEvent.action == "booking_retimed")).one()
    )
    assert (line.object_id, line.detail) == (booking.id, "2027-07-05T08:00Z 2027-07-05T09:00Z")


def test_a_second_run_changes_nothing(house: House) -> None:
    booking = book(house)
    retimed(house)
    rows = open_rows(house, booking)
    assert retimed(house, now=NOW + HOUR) == retime.Plan([], [], [])
    assert again(house, booking).sequence == 1
    assert open_rows(house, booking) == rows


def test_the_plan_says_the_same_and_changes_nothing(house: House) -> None:
    booking = book(house)
    rows = open_rows(house, booking)
    planned = house.read(lambda s: retime.plan(s, ALWAYS_WINTER, NOW))
    assert again(house, booking).starts == booking.starts
    assert open_rows(house, booking) == rows
    assert retimed(house) == planned


def test_the_plan_is_found_in_one_statement(house: House) -> None:
    for hour in ("08:00", "10:00", "12:00"):
        book(house, hour=hour)
    with house.counting_statements() as sent:
        house.read(lambda s: retime.plan(s, ALWAYS_WINTER, NOW))
    assert len(sent) == 1


def test_a_full_day_moves_together_each_hour_onto_the_place_of_the_next(house: House) -> None:
    day = [book(house, hour=hour) for hour in ("09:00", "10:00", "11:00", "12:00")]
    assert len(retimed(house).changes) == 4
    assert [again(house, one).starts for one in day] == [one.starts + HOUR for one in day]
    assert claims_are_sound(house)


def test_what_is_over_cancelled_or_running_is_left_alone(house: House) -> None:
    running = book(house, hour="09:00")
    cancelled = book(house, TUESDAY)
    house.write(
        lambda s: s.execute(
            update(Booking)
            .where(Booking.id == cancelled.id)
            .values(state="cancelled", cancelled_at=NOW, cancelled_by_id=cancelled.learner_id)
        )
    )
    during = running.starts + HOUR / 2
    assert retimed(house, now=during) == retime.Plan([], [], [])
    assert again(house, running).sequence == 0


def test_an_offer_moves_in_silence(house: House) -> None:
    """Nobody was told more than its hour on the wall, and that one stays."""
    booking = book(house)

    def offered(session: Session) -> None:
        entry = WaitlistEntry(
            learner_id=booking.learner_id,
            made_by_id=booking.learner_id,
            made_at=NOW,
            parts=7,
            first_choice=False,
        )
        session.add(entry)
        session.flush()
        values = {"state": "offered", "waitlist_entry_id": entry.id, "expires_at": NOW + HOUR}
        session.execute(update(Booking).where(Booking.id == booking.id).values(**values))
        outbox.void(session, booking.id, NOW)

    house.write(offered)
    assert len(retimed(house).changes) == 1
    after = again(house, booking)
    assert (after.starts, after.sequence) == (booking.starts + HOUR, 0)
    assert open_rows(house, booking) == set()
    assert claims_are_sound(house)


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
    house: House, zone: ZoneInfo, reason: str
) -> None:
    booking = book(house)
    found = retimed(house, zone)
    assert found == retime.Plan([], [retime.Fault(booking.id, f"{MONDAY}T10:00 Europe/Brussels", reason)], [])
    assert again(house, booking).starts == booking.starts


def test_a_fault_does_not_keep_the_others_from_their_hour(house: House) -> None:
    """When the clock jumps over ten on that day, nine is summer no more and Tuesday still is."""
    nine, ten = (
        book(house, hour="09:00"),
        book(house, hour="10:00", teacher=factories.luc, learner=factories.oksana),
    )
    tuesday = book(house, TUESDAY)
    found = retimed(house, JUMPS_OVER_TEN)
    assert [fault.booking_id for fault in found.faults] == [ten.id]
    assert [change.booking_id for change in found.changes] == [nine.id]
    assert again(house, nine).starts == nine.starts + HOUR
    assert again(house, tuesday).starts == tuesday.starts


def set_wall(house: House, booking: Booking, **values: Any) -> None:
    house.write(lambda s: s.execute(update(Booking).where(Booking.id == booking.id).values(**values)))


@pytest.mark.parametrize("values", [{"time_zone": "Europe/Atlantis"}, {"wall_start": "demain"}])
def test_a_wall_time_that_nobody_can_read_is_named(house: House, values: dict[str, str]) -> None:
    set_wall(house, book(house), **values)
    (fault,) = retimed(house).faults
    assert fault.reason == retime.UNREADABLE


def test_an_hour_agreed_in_another_zone_stays_in_that_zone(house: House) -> None:
    booking = book(house)
    set_wall(house, booking, time_zone="Europe/London", wall_start=f"{MONDAY}T09:00")
    assert retimed(house) == retime.Plan([], [], [])


def by_winter_time(house: House, hour: int, minute: int = 0, *, learner: Any = factories.samira) -> Booking:
    """Agreed on that Monday, at an hour of UTC, when Belgium kept its winter time."""
    starts = datetime(2027, 7, 5, hour, minute, tzinfo=UTC)

    def verb(session: Session) -> Booking:
        who, nadia = learner(session), factories.nadia(session)
        factories.rule(session, nadia, 0, f"{hour + 1:02}:{minute:02}", f"{hour + 2:02}:{minute:02}")
        return appointments.book(session, who, who, nadia.id, starts, "video", NOW, ALWAYS_WINTER)

    return house.write(verb)


def test_an_hour_that_would_have_begun_already_is_named(house: House) -> None:
    booking = by_winter_time(house, 9)
    found = retimed(house, SUMMER_ALL_YEAR, now=booking.starts - HOUR / 2)
    assert [fault.reason for fault in found.faults] == [retime.BEGUN]
    assert again(house, booking).starts == booking.starts


def test_nothing_moves_onto_an_hour_that_runs(house: House) -> None:
    running, next_one = by_winter_time(house, 9), by_winter_time(house, 10, 30, learner=factories.oksana)
    found = retimed(house, SUMMER_ALL_YEAR, now=running.starts + HOUR / 4)
    assert [one.reason for one in found.collisions] == [f"it collides with booking {running.id}"]
    assert again(house, next_one).starts == next_one.starts


def in_london(session: Session, booking: Booking) -> None:
    """Agreed by the clock of London, which keeps its summer time: this one stays where it is."""
    values = {"time_zone": "Europe/London", "wall_start": f"{MONDAY}T10:00"}
    session.execute(update(Booking).where(Booking.id == booking.id).values(**values))


def test_where_two_would_stand_on_one_place_nothing_moves(house: House) -> None:
    ten, eleven, other = book(house), book(house, hour="11:00"), book(house, TUESDAY)
    house.write(lambda s: in_london(s, eleven))
    found = retimed(house)
    assert found.changes == found.faults == []
    (collision,) = found.collisions
    assert (collision.booking_id, collision.reason) == (eleven.id, f"it collides with booking {ten.id}")
    assert [again(house, one).starts for one in (ten, eleven, other)] == [
        ten.starts,
        eleven.starts,
        other.starts,
    ]
    planned = house.read(lambda s: retime.plan(s, ALWAYS_WINTER, NOW))
    assert planned.collisions == [collision]


def test_a_claim_that_should_not_be_there_stops_the_whole_run(house: House) -> None:
    """Left behind by a fault of ours or by a hand in the database: the unique key has the last word."""
    early, ten = book(house, hour="08:00"), book(house)
    set_wall(house, early, time_zone="Europe/London", wall_start=f"{MONDAY}T07:00")
    stray = int((ten.ends + HOUR / 2).timestamp()) // 900
    house.write(lambda s: s.add(Claim(booking_id=early.id, person_id=ten.teacher_id, cell=stray)))
    found = retimed(house)
    assert found.changes == []
    assert [one.booking_id for one in found.collisions] == [ten.id]
    assert [again(house, one).starts for one in (early, ten)] == [early.starts, ten.starts]
    assert ("booking_soon", 0, ten.starts - 2 * HOUR) in open_rows(house, ten)
